"""All families in the order of the catalogue, as chunks; the event loop gets a turn every few milliseconds."""

import asyncio
from collections.abc import Iterator, Mapping

from kube_cost_aggregator.outputs.amounts import RateSums
from kube_cost_aggregator.outputs.breakdown_series import BreakdownSeries
from kube_cost_aggregator.outputs.chunks import NO_SERIES, Chunk
from kube_cost_aggregator.outputs.cost_series import CostSeries
from kube_cost_aggregator.outputs.deflating import Exposition
from kube_cost_aggregator.outputs.families import CATALOGUE, ReportedSeries
from kube_cost_aggregator.outputs.health_series import HealthSeries
from kube_cost_aggregator.outputs.opencost import OpenCostSeries
from kube_cost_aggregator.outputs.overview import Overview
from kube_cost_aggregator.outputs.process_series import ProcessSeries, process_registry
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.outputs.text import header
from kube_cost_aggregator.state.rates import Rates
from kube_cost_common.domain.forecast import Forecast

BREATH_SECONDS = 0.001
"""How long rendering holds the loop at a stretch: a scrape takes a few turns of it."""

Keyed = tuple[tuple[str, str], Chunk]
"""A chunk under its family and its key there."""


class Rendering:
    """Renders what changed since the last time. One caller at a time.

    `rates` are those of the last whole rendering, None before the first.
    """

    def __init__(self, *, sources: Sources) -> None:
        self._sources = sources
        self._costs = CostSeries(
            cluster=sources.cluster,
            sharing=sources.sharing,
            label_names=sources.label_names,
            info_max_pods=sources.info_max_pods,
        )
        self._breakdown = BreakdownSeries(cluster=sources.cluster, label_names=sources.label_names)
        self._opencost = OpenCostSeries(cluster=sources.cluster) if sources.opencost_names else None
        self._opencost_chunks: list[Keyed] = []
        self._health = HealthSeries(sources=sources, reported=ReportedSeries())
        self._process = ProcessSeries(cluster=sources.cluster, registry=process_registry())
        self._rates_known = False
        self.rates: Rates | None = None
        self._families: dict[str, dict[str, Chunk]] = {}
        self._process_chunk = NO_SERIES
        self._headers = {family.name: Chunk(header(family.name, family.type, family.help), 0) for family in CATALOGUE}

    @property
    def overview(self) -> Overview:
        """The sums of the last rendering."""
        return self._costs.overview

    @property
    def sums(self) -> RateSums:
        """What the last rendering added up, by namespace, workload and pod. It changes with the next."""
        return self._costs.sums

    @property
    def complete(self) -> bool:
        """Whether everything had been listed when it was rendered last."""
        return self._rates_known

    @property
    def forecasts(self) -> Mapping[str, Forecast]:
        """What the last whole rendering forecast of namespaces, in nano-USD."""
        return self._breakdown.forecasts

    async def render(self, served: Exposition) -> list[Keyed]:
        """Return the chunks of now in their order; `served` is the exposition before.

        Families without series have their HELP. All of it is of one moment: the rates and totals that it starts with.
        """
        sources = self._sources
        if sources.prepare_rates is not None:
            await self._breathing(sources.prepare_rates(usage=True))
        rates, totals = sources.rates(), sources.totals()
        self.rates = rates
        # Once everything has been listed rates are what they say, whatever is lost later.
        self._rates_known = self._rates_known or sources.readiness.ready
        await self._breathing(self._costs.take(rates, totals, sources.clock.now_ns(), with_rates=self._rates_known))
        await asyncio.sleep(0)
        steps = self._breakdown.take(rates, totals, self._costs, sources.clock.now_ns(), with_rates=self._rates_known)
        await self._breathing(steps)
        self._say_budgets(rates)
        await asyncio.sleep(0)
        self._families = {
            **self._breakdown.chunks,
            **self._health.take(self._costs.nodes.values(), totals, served, len(rates.budgets.faults)),
        }
        await asyncio.sleep(0)
        self._process_chunk = self._process.take()
        if self._opencost is not None:
            self._opencost_chunks = self._opencost.take(rates)
        return self._keyed()

    async def render_pods(self, served: Exposition) -> list[Keyed]:
        """Likewise, but bring only the rates up to date that change with pods, nodes and prices.

        Usage, settled money and health stay as the last whole rendering had them.
        """
        sources = self._sources
        if not self._rates_known or sources.pod_rates is None:
            return await self.render(served)
        if sources.prepare_rates is not None:
            await self._breathing(sources.prepare_rates(usage=False))
        await self._breathing(self._costs.take_pods(sources.pod_rates(), sources.totals(), sources.clock.now_ns()))
        return self._keyed()

    def _say_budgets(self, rates: Rates) -> None:
        faults, problems = rates.budgets.faults, self._sources.problems
        if faults:
            more = f"; and {len(faults) - 1} more" if len(faults) > 1 else ""
            problems.say("budgets", faults[0] + more)
        else:
            problems.over("budgets")

    async def _breathing(self, steps: Iterator[object]) -> None:
        clock = self._sources.clock
        started = clock.monotonic()
        for _ in steps:
            if clock.monotonic() - started >= BREATH_SECONDS:
                await asyncio.sleep(0)
                started = clock.monotonic()

    def _keyed(self) -> list[Keyed]:
        families = {**self._costs.chunks, **self._families}
        keyed: list[Keyed] = []
        for family in CATALOGUE:
            keyed.append(((family.name, "#"), self._headers[family.name]))
            chunks = families.get(family.name, {}).items()
            keyed += [((family.name, key), chunk) for key, chunk in chunks if chunk.text]
        keyed += self._opencost_chunks
        keyed.append((("process", ""), self._process_chunk))
        return keyed
