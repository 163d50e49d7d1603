"""`/api/v1`: costs of any window by what you like, and how the mesh is."""

import asyncio

import msgspec
from aiohttp import web
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.history.store import GROUP_COLUMNS, Store, StoreError
from kube_cost_aggregator.outputs.costs_answer import costs_answer
from kube_cost_aggregator.outputs.parts import parts_of
from kube_cost_aggregator.outputs.problems import bad_parameter, problem
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.outputs.windows import WindowError, parse_window

DEFAULTS = {"by": "namespace", "window": "24h"}
AT_ONCE_BYTES = 1024 * 1024
"""Answers up to this are sent in one piece."""

READ_SECONDS = 120.0
"""How long a large answer may take to be read."""

_HEADERS = {"Cache-Control": "no-store"}


class Api:
    """Answers from the history's store and from what the process knows."""

    def __init__(self, *, store: Store, sources: Sources, log: FilteringBoundLogger) -> None:
        self._store = store
        self._sources = sources
        self._log = log

    async def costs(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /api/v1/costs?by=…&window=…`."""
        for name in request.query:
            if name not in DEFAULTS:
                return bad_parameter(name, f"unknown parameter; there are {' and '.join(DEFAULTS)}")
            if len(request.query.getall(name)) > 1:
                return bad_parameter(name, "given more than once")
        asked = DEFAULTS | dict(request.query)
        by = next((group for group in GROUP_COLUMNS if group == asked["by"]), None)
        if by is None:
            return bad_parameter("by", f"{asked['by'][:100]!r} is none of {', '.join(GROUP_COLUMNS)}")
        try:
            window = parse_window(asked["window"], self._sources.clock.now_ns())
        except WindowError as error:
            return bad_parameter("window", f"{asked['window'][:100]!r} can't be answered: {error}")
        try:
            rows = await self._store.costs(by=by, start=window.start, end=window.end)
        except StoreError as error:
            self._log.warning("costs can't be read", error=str(error))
            return problem(503, "Service Unavailable", f"the ledger can't be read now: {error}")
        totals = self._sources.totals()
        # In a thread: tens of thousands of pods are tens of milliseconds, and scrapes don't wait for them.
        pieces = await asyncio.to_thread(
            lambda: costs_answer(by=by, asked=asked["window"], window=window, rows=rows, totals=totals)
        )
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
