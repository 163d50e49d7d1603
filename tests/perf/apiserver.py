"""An API server that does just what the aggregator asks of one: pages and watches, at little cost."""

import asyncio
from collections import deque

from aiohttp import web

from kube_cost_simulator.serving import LocalServer
from perf.population import LivePod, Population

BOOKMARK_SECONDS = 60.0
REMEMBERED = 10_000
"""Events that a watch can go on from."""


class ThinApiServer:
    """Serves a population; `tell` sends an event to everyone who watches pods."""

    def __init__(self, *, population: Population) -> None:
        self._population = population
        self._fixed = {
            "nodes": list(population.nodes_json()),
            "namespaces": list(population.namespaces_json()),
            "replicasets": list(population.replica_sets_json()),
        }
        self._watchers: set[asyncio.Queue[bytes]] = set()
        self._log: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED)
        self._listed: dict[str, list[LivePod]] = {}
        application = web.Application()
        application.router.add_get("/{path:.*}", self._handle)
        self._server = LocalServer(application=application)

    async def start(self) -> str:
        return await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def tell(self, kind: str, encoded: bytes) -> None:
        line = b'{"type":"%b","object":%b}\n' % (kind.encode(), encoded)
        self._log.append((self._population.version, line))
        for watcher in self._watchers:
            watcher.put_nowait(line)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        plural = request.path.rpartition("/")[2]
        if request.query.get("watch"):
            return await self._watch(request, plural)
        return self._page(request, plural)

    def _page(self, request: web.Request, plural: str) -> web.Response:
        """A page of a list as it was at its first page, but for what its pods have become since."""
        limit = int(request.query.get("limit", "500"))
        version, _, first = request.query.get("continue", f"{self._population.version}.0").partition(".")
        start = int(first)
        if plural == "pods":
            if start == 0:
                self._listed = {version: list(self._population.pods.values())}
            listed = self._listed[version]
            count, page = len(listed), [self._population.pod_json(pod) for pod in listed[start : start + limit]]
        else:
            items = self._fixed.get(plural, [])
            count, page = len(items), items[start : start + limit]
        token = f"{version}.{start + limit}" if start + limit < count else ""
        metadata = f'{{"resourceVersion":"{version}","continue":"{token}"}}'
        body = b'{"kind":"List","apiVersion":"v1","metadata":%b,"items":[%b]}' % (metadata.encode(), b",".join(page))
        return web.Response(body=body, content_type="application/json")

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        if plural == "pods":
            since = int(request.query.get("resourceVersion", "0"))
            for version, line in self._log:
                if version > since:
                    queue.put_nowait(line)
            self._watchers.add(queue)
        try:
            while True:
                try:
                    async with asyncio.timeout(BOOKMARK_SECONDS):
                        line = await queue.get()
                except TimeoutError:
                    metadata = f'{{"metadata":{{"resourceVersion":"{self._population.version}"}}}}'.encode()
                    line = b'{"type":"BOOKMARK","object":%b}\n' % metadata
                await response.write(line)
        finally:
            self._watchers.discard(queue)
