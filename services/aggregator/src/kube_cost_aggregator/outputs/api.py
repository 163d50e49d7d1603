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
_HEADERS = {"Cache-Control": "no-store"}


class Api:
    """Answers from the history's store and from what the process knows."""

    def __init__(self, *, store: Store, sources: Sources, log: FilteringBoundLogger) -> None:
        self._store = store
        self._sources = sources
        self._log = log

    async def costs(self, request: web.Request) -> web.Response:
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
        body = await asyncio.to_thread(
            lambda: costs_answer(by=by, asked=asked["window"], window=window, rows=rows, totals=totals)
        )
        return _json(body)

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


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers=_HEADERS)
