"""Answers requests of `/api/v1` as their endpoints say."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.outputs.answers.answer import Endpoint
from kube_cost_aggregator.outputs.answers.formats import csv_of, headers_of, json_pieces, wants_csv
from kube_cost_aggregator.outputs.answers.knowledge import Knowledge, NotKnownError
from kube_cost_aggregator.outputs.answers.sending import send
from kube_cost_aggregator.outputs.parameters import ParameterError, read_query
from kube_cost_aggregator.outputs.problems import bad_parameter, problem


class Answers:
    """Reads what is asked, gathers what is known, and sends what an endpoint makes of both."""

    def __init__(self, *, knowledge: Knowledge, now_ns: Callable[[], int], log: FilteringBoundLogger) -> None:
        self._knowledge = knowledge
        self._now_ns = now_ns
        self._log = log

    async def answer(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        """Answer `GET /api/v1/<name>`."""
        try:
            asked = read_query(endpoint.parameters, request.query.items(), self._now_ns())
        except ParameterError as error:
            return bad_parameter(error.parameter, error.detail)
        try:
            known = await self._knowledge.now(endpoint.needs)
        except NotKnownError as error:
            return problem(503, "Service Unavailable", str(error))
        csv = wants_csv(asked, ",".join(request.headers.getall("Accept", ())))

        def pieces() -> list[bytes]:
            answer = endpoint.answer(asked, known)
            return list(csv_of(endpoint.line, answer.lines) if csv else json_pieces(answer))

        # In a thread: tens of thousands of lines are tens of milliseconds, and scrapes don't wait for them.
        body = await asyncio.to_thread(pieces)
        return await send(request, body, headers=headers_of(endpoint.name, csv=csv), log=self._log)
