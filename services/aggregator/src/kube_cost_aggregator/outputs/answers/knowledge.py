"""Gathers what answers are made of: of one moment, and without keeping others from their turn."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from kube_cost_aggregator.outputs.answers.answer import Claim, Known, Need
from kube_cost_aggregator.outputs.rendering import Rendering
from kube_cost_aggregator.outputs.snapshot_rows import MomentCosts
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.state.prices import PriceBook
from kube_cost_aggregator.state.rates import Rates
from kube_cost_common.messages.prices import PriceDemand

CLAIMS_AT_A_TIME = 200
"""Claims whose pods are looked up before others get a turn."""


class NotKnownError(Exception):
    """Costs aren't known yet: a sentence that says what is missing."""


class Knowledge:
    """Gives what is known now."""

    def __init__(
        self,
        *,
        sources: Sources,
        rendering: Rendering,
        fresh: Callable[[], Awaitable[None]],
        book: Callable[[], PriceBook],
        demand: Callable[[], PriceDemand | None],
        mounting: Callable[[str, str], Sequence[str]],
        costs: Callable[[], Awaitable[MomentCosts | None]],
    ) -> None:
        """`fresh` returns when the rates of `rendering` are of now. `mounting` gives a claim's pods by name."""
        self._sources = sources
        self._rendering = rendering
        self._fresh = fresh
        self._book = book
        self._demand = demand
        self._mounting = mounting
        self._costs = costs
        self._one_at_a_time = asyncio.Lock()

    async def now(self, needs: Collection[Need]) -> Known:
        """Return what is known, and what is needed beside; raise NotKnownError until everything has been listed."""
        sources, rendering = self._sources, self._rendering
        if missing := sources.readiness.missing:
            raise NotKnownError(f"costs aren't known yet: {'; '.join(missing)}")
        await self._fresh()
        known = rendering.rates if rendering.complete else None
        rates = sources.rates() if known is None else known  # just listed: what was rendered last is of before
        costs = await self._costs_of_budgets() if "budgets" in needs else None
        mounts = await self._mounts(rates) if "mounts" in needs else {}
        return Known(
            now_ns=sources.clock.now_ns(),
            cluster=sources.cluster,
            rates=rates,
            totals=sources.totals(),
            book=self._book(),
            demand=self._demand(),
            mounts=mounts,
            costs=costs,
        )

    async def _costs_of_budgets(self) -> MomentCosts:
        async with self._one_at_a_time:  # it reads hours of the ledger
            costs = await self._costs()
        if costs is None:
            raise NotKnownError("costs aren't known yet: nothing has been added up so far")
        return costs

    async def _mounts(self, rates: Rates) -> Mapping[Claim, Sequence[str]]:
        mounts: dict[Claim, Sequence[str]] = {}
        for number, volume in enumerate(rates.volumes.values(), 1):
            if volume.facts.claim is not None:
                mounts[volume.facts.claim] = self._mounting(*volume.facts.claim)
            if not number % CLAIMS_AT_A_TIME:
                await asyncio.sleep(0)
        return mounts
