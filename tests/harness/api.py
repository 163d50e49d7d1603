"""The API over facts by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import structlog
from aiohttp import web

from harness.costs import STARTED_NS, Shown, node_rate, pod_rate, rates_of, volume_rate
from harness.records import price_record
from kube_cost_aggregator.history.store import Money, NamespaceTotal, PodsHour, StoreError
from kube_cost_aggregator.outputs.answers.answer import Claim
from kube_cost_aggregator.outputs.answers.handler import Answers
from kube_cost_aggregator.outputs.answers.knowledge import Knowledge
from kube_cost_aggregator.outputs.answers.openapi import Described
from kube_cost_aggregator.outputs.moments import Moments
from kube_cost_aggregator.outputs.routes import Handler, api_routes
from kube_cost_aggregator.outputs.same_hours import SameHours
from kube_cost_aggregator.outputs.scope_hours import ScopeHours
from kube_cost_aggregator.state.budgets import BudgetBook
from kube_cost_aggregator.state.prices import PriceBook, Since
from kube_cost_aggregator.state.rates import NodeRate, Use
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.budgets import Budget, Scope
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.domain.resources import Resources
from kube_cost_common.messages.prices import PriceDemand, PriceRequest, Unpriced, request_key
from kube_cost_common.runtime.http import serving

USD = 10**9
HOUR = 3600
DAY = 24 * HOUR


@dataclass
class Hours:
    """The ledger's hours; `problem` is why they can't be read."""

    pods: list[PodsHour] = field(default_factory=list)
    namespaces: dict[tuple[int, str], int] = field(default_factory=dict)
    problem: str = ""

    async def pods_by_hour(self, *, start: int, end: int) -> list[PodsHour]:
        if self.problem:
            raise StoreError(self.problem)
        return [row for row in self.pods if start <= row.hour < end]

    async def namespaces_by_hour(self, *, start: int, end: int) -> dict[tuple[int, str], int]:
        if self.problem:
            raise StoreError(self.problem)
        return {key: nano for key, nano in self.namespaces.items() if start <= key[0] < end}


@dataclass
class World:
    """What the API knows, each part of it there to be changed."""

    shown: Shown = field(default_factory=Shown)
    book: PriceBook = field(default_factory=PriceBook)
    demand: PriceDemand | None = None
    mounts: dict[Claim, list[str]] = field(default_factory=dict)
    hours: Hours = field(default_factory=Hours)
    others: Sequence[tuple[Described, Handler]] = ()
    fresh: Callable[[], Awaitable[None]] | None = None
    """Without it everything is rendered for each answer."""

    def routes(self) -> list[web.RouteDef]:
        log, sources, rendering = structlog.get_logger(), self.shown.sources, self.shown.rendering
        fresh = self.fresh or self.shown.metrics.tick
        moments = Moments(
            sources=sources,
            rendering=rendering,
            scope_hours=ScopeHours(store=self.hours),
            same_hours=SameHours(store=self.hours),
            fresh=fresh,
            log=log,
        )
        knowledge = Knowledge(
            sources=sources,
            rendering=rendering,
            fresh=fresh,
            book=lambda: self.book,
            demand=lambda: self.demand,
            mounting=lambda namespace, claim: self.mounts.get((namespace, claim), []),
            costs=moments.now,
        )
        answers = Answers(knowledge=knowledge, now_ns=self.shown.clock.now_ns, log=log)
        return api_routes(answers=answers, others=self.others, version="1.2.3")

    @asynccontextmanager
    async def client(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with (
            serving(host="127.0.0.1", port=0, routes=self.routes()) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            yield client

    async def get(self, path: str, query: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> Any:
        """What is answered, as JSON."""
        async with self.client() as client, client.get(f"/api/v1/{path}", params=query) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


def small_world() -> World:
    """A spot node, an on-demand one and one without a price; two namespaces; a claimed and an unclaimed volume."""
    shown = Shown(label_names=("team",))
    now = shown.clock.now_ns() // NS_PER_SECOND
    day, hour = now // DAY, now // HOUR * HOUR
    shop, lab = ("shop", "Deployment", "web"), ("lab", "Job", "=train")
    web_1, train = pod_rate("web-1", 0.02, savings=0.05), pod_rate("train", 0.03, namespace="lab", workload=lab[1:])
    spot = node_rate("spot-1", web_1, usd_per_hour=0.04, on_demand=0.1, spot=0.04, labels=_labels("burst", spot=True))
    kept = node_rate("kept-1", train, usd_per_hour=0.1, on_demand=0.1, spot=0.04, labels=_labels("base"))
    bare = node_rate("bare-1", usd_per_hour=None, on_demand=None)
    shown.rates = replace(
        rates_of(
            _using(spot, {shop: Use(Resources(0.5, 1.0), Resources(1.0, 4.0), 0.01, 0.0)}),
            _using(kept, {lab: Use(Resources(1.5, 2.0), Resources(1.0, 2.0), 0.0, 0.02)}),
            bare,
            namespaces=("shop", "lab"),
            volumes=[
                volume_rate("vol-1", 0.001, claim=("shop", "data")),
                volume_rate("vol-2", None, "slow"),
            ],
        ),
        budgets=BudgetBook(
            {
                Scope("namespace", "shop"): Budget(100 * USD, "label"),
                Scope("workload", "shop/Deployment/web"): Budget(10 * USD, "file"),
            },
            ("the budget of namespace lab can't be read: nothing is no amount of USD",),
        ),
    )
    shown.totals = Totals(
        started_at_ns=STARTED_NS,
        settled_through_ns=hour * NS_PER_SECOND,
        namespaces={"shop": NamespaceTotal(Money(30 * USD, 0, 0, 5 * USD), 30 * USD, 5 * USD)},
        days={"shop": {day - 1: 20 * USD, day: 10 * USD}, "lab": {day: 4 * USD}},
        hours={"shop": {hour - HOUR * n: USD for n in range(1, 25)}},
    )
    paid = price_record(0.04, sku="m5.large", capacity="spot", zone="us-east-1a", list_usd=0.05)
    needed = _request("m5.large", zone="us-east-1a", capacity="spot")
    lacking = _request("x9.huge", capacity="on_demand")
    other = price_record(0.4)
    return World(
        shown=shown,
        book=PriceBook(
            records={
                request_key(needed): [Since(STARTED_NS, paid)],
                request_key(_request("m5.xlarge", capacity="on_demand")): [Since(STARTED_NS, other)],
            },
            unpriced={request_key(lacking): Unpriced(request_key(lacking), "no_price", "nobody sells an x9.huge")},
        ),
        demand=PriceDemand(cluster="c", requests=[needed, lacking]),
        mounts={("shop", "data"): ["web-1", "web-2"]},
        hours=Hours([PodsHour(hour - HOUR, "shop", "Deployment", "web", "", 2 * USD)]),
    )


def _labels(pool: str, *, spot: bool = False) -> dict[str, str]:
    return {"eks.amazonaws.com/nodegroup": pool, **({"karpenter.sh/capacity-type": "spot"} if spot else {})}


def _using(node: NodeRate, use: dict[tuple[str, str, str], Use]) -> NodeRate:
    return replace(node, use=use)


def _request(sku: str, *, zone: str = "", capacity: str = "") -> PriceRequest:
    return PriceRequest(
        provider="aws", region="us-east-1", zone=zone, kind="instance", sku=sku, os="linux", capacity=capacity
    )
