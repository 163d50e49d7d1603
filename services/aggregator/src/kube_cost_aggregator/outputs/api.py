"""`/api/v1`: costs of any window by what you like, and how the mesh is."""

import asyncio

import msgspec
from aiohttp import web
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.history.queries import CostReader
from kube_cost_aggregator.history.store import StoreError
from kube_cost_aggregator.outputs.cost_parameters import BY, PARAMETERS, WINDOW, cost_query
from kube_cost_aggregator.outputs.costs_answer import AnswerHead, costs_answer
from kube_cost_aggregator.outputs.parameters import ParameterError, read_query
from kube_cost_aggregator.outputs.parts import parts_of
from kube_cost_aggregator.outputs.problems import bad_parameter, problem
from kube_cost_aggregator.outputs.sources import Sources

AT_ONCE_BYTES = 1024 * 1024
"""Answers up to this are sent in one piece."""

READ_SECONDS = 120.0
"""How long a large answer may take to be read."""

_HEADERS = {"Cache-Control": "no-store"}


class Api:
    """Answers from the history's store and from what the process knows."""

    def __init__(self, *, store: CostReader, sources: Sources, log: FilteringBoundLogger) -> None:
        self._store = store
        self._sources = sources
        self._log = log

    async def costs(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /api/v1/costs`, as `cost_parameters` says."""
        sources = self._sources
        try:
            asked = read_query(PARAMETERS, request.query.items(), sources.clock.now_ns())
            query = cost_query(asked, lambda: sources.rates().namespace_labels, sources.label_names)
        except ParameterError as error:
            return bad_parameter(error.parameter, error.detail)
        try:
            costs = await self._store.query(query)
        except StoreError as error:
            self._log.warning("costs can't be read", error=str(error))
            return problem(503, "Service Unavailable", f"the ledger can't be read now: {error}")
        head = AnswerHead(
            by=asked.one(BY).text,
            group=query.by,
            step=query.step,
            asked=asked.text(WINDOW),
            whole_nodes=query.whole_nodes,
            cluster=sources.cluster,
            totals=sources.totals(),
        )
        # In a thread: tens of thousands of pods are tens of milliseconds, and scrapes don't wait for them.
        pieces = await asyncio.to_thread(lambda: list(costs_answer(head, costs)))
        return await self._answered(request, pieces)

    async def status(self, request: web.Request) -> web.Response:
        """Answer `GET /api/v1/status`."""
        for name in request.query:
            return bad_parameter(name, "unknown parameter; there is none")
        sources = self._sources
        body = {
            "cluster": sources.cluster or None,
            "version": sources.version,
            "ready": sources.readiness.ready,
            "parts": [{"name": part.name, "state": part.state, "facts": part.sentences} for part in parts_of(sources)],
        }
        return _json(msgspec.json.encode(body))

    async def _answered(self, request: web.Request, pieces: list[bytes]) -> web.StreamResponse:
        """Send a large answer as fast as it is read: 30 MB for 100,000 pods are in memory once, and not for long."""
        if sum(map(len, pieces)) <= AT_ONCE_BYTES:
            return _json(b"".join(pieces))
        response = web.StreamResponse(headers=_HEADERS)
        response.content_type = "application/json"
        response.content_length = sum(map(len, pieces))
        try:
            async with asyncio.timeout(READ_SECONDS):
                await response.prepare(request)
                for number, piece in enumerate(pieces):
                    pieces[number] = b""
                    await response.write(piece)
                await response.write_eof()
        except TimeoutError:
            self._log.warning("costs are read too slowly, the answer is cut off", seconds=READ_SECONDS)
            if request.transport is not None:
                request.transport.abort()
        return response


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=_HEADERS)
