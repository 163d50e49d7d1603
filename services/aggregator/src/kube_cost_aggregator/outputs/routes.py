"""All routes of `/api/v1`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from aiohttp import web

from kube_cost_aggregator.outputs.answers.answer import Endpoint
from kube_cost_aggregator.outputs.answers.budgets import BUDGETS
from kube_cost_aggregator.outputs.answers.efficiency import EFFICIENCY
from kube_cost_aggregator.outputs.answers.forecast import FORECAST
from kube_cost_aggregator.outputs.answers.handler import Answers
from kube_cost_aggregator.outputs.answers.nodes import NODES
from kube_cost_aggregator.outputs.answers.openapi import Described, openapi_document
from kube_cost_aggregator.outputs.answers.prices import PRICES
from kube_cost_aggregator.outputs.answers.savings import SAVINGS
from kube_cost_aggregator.outputs.answers.volumes import VOLUMES
from kube_cost_aggregator.outputs.parameter_kinds import shown
from kube_cost_aggregator.outputs.problems import problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ENDPOINTS = (FORECAST, BUDGETS, NODES, VOLUMES, PRICES, EFFICIENCY, SAVINGS)

DESCRIBED = tuple(
    Described(name=one.name, summary=one.summary, parameters=one.parameters, body=one.body) for one in ENDPOINTS
)


def api_routes(*, answers: Answers, others: Sequence[tuple[Described, Handler]], version: str) -> list[web.RouteDef]:
    """Return the routes of all endpoints, of `others` that answer by themselves, and of the document about them."""
    described = [*(one for one, _ in others), *DESCRIBED]

    async def document(_: web.Request) -> web.Response:
        made = await asyncio.to_thread(openapi_document, described, version=version)
        return web.Response(body=msgspec.json.encode(made), content_type="application/json")

    async def unknown(request: web.Request) -> web.Response:
        there_are = ", ".join(sorted(one.name for one in described))
        detail = f"{shown(request.match_info['name'])} can't be asked for; there are {there_are} and openapi.json"
        return problem(404, "Not Found", detail)

    return [
        *(web.get(f"/api/v1/{one.name}", handler) for one, handler in others),
        *(web.get(f"/api/v1/{one.name}", _answering(answers, one)) for one in ENDPOINTS),
        web.get("/api/v1/openapi.json", document),
        web.get("/api/v1/{name:.*}", unknown),
    ]


def _answering(answers: Answers, endpoint: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await answers.answer(endpoint, request)

    return handle
