"""`/api/v1`: costs of any window by what you like, and how the mesh is."""

import asyncio

import msgspec
from aiohttp import web
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.history.queries import CostReader
from kube_cost_aggregator.history.store import StoreError
from kube_cost_aggregator.outputs.answers.formats import headers_of, wants_csv
from kube_cost_aggregator.outputs.answers.sending import send
from kube_cost_aggregator.outputs.cost_parameters import BY, PARAMETERS, WINDOW, cost_query
from kube_cost_aggregator.outputs.costs_answer import AnswerHead, costs_answer, costs_csv
from kube_cost_aggregator.outputs.parameters import ParameterError, read_query
from kube_cost_aggregator.outputs.parts import parts_of
from kube_cost_aggregator.outputs.problems import bad_parameter, problem
from kube_cost_aggregator.outputs.sources import Sources

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
        csv = wants_csv(asked, ",".join(request.headers.getall("Accept", ())))
        write = costs_csv if csv else costs_answer
        # In a thread: tens of thousands of pods are tens of milliseconds, and scrapes don't wait for them.
        pieces = await asyncio.to_thread(lambda: list(write(head, costs)))
        return await send(request, pieces, headers=headers_of("costs", csv=csv), log=self._log)

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
