"""Costs by what they are for, use by what was reserved, traffic: series that change with usage, as chunks of text."""

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter, itemgetter

from kube_cost_aggregator.history.store import NO_MONEY, Money
from kube_cost_aggregator.outputs.breakdown_families import (
    BREAKDOWN_FAMILIES,
    BUDGET,
    CLUSTER_HOURLY,
    CLUSTER_TOTAL,
    EFFICIENCY,
    FORECASTS,
    LABEL,
    LOAD_BALANCER,
    PVC,
    RESOURCE_HOURLY,
    RESOURCE_TOTAL,
    RESOURCES,
    SPOT_POTENTIAL,
    TRAFFIC,
    USED_ABOVE,
    WASTED,
)
from kube_cost_aggregator.outputs.chunks import Block, Chunk
from kube_cost_aggregator.outputs.cost_series import CostSeries
from kube_cost_aggregator.outputs.forecasts import forecasts
from kube_cost_aggregator.outputs.label_sums import by_label
from kube_cost_aggregator.outputs.overview import NamespaceMoney
from kube_cost_aggregator.outputs.text import Namer, usd
from kube_cost_aggregator.outputs.use_sums import Owned, add_up, efficiency
from kube_cost_aggregator.state.rates import Rates, Use
from kube_cost_aggregator.state.totals import COMPONENTS, Totals
from kube_cost_common.domain.forecast import Forecast
from kube_cost_common.domain.money import format_usd
from kube_cost_common.domain.spot import potential_savings

Values = dict[tuple[str, ...], str]


class BreakdownSeries:
    """Keeps the chunks of these families; they are written anew with everything else, every few seconds.

    `forecasts` are the last ones, in nano-USD by namespace.
    """

    def __init__(self, *, cluster: str, label_names: tuple[str, ...] = ()) -> None:
        self._label_names = label_names
        self._namers = {family.name: Namer(family, cluster=cluster) for family in BREAKDOWN_FAMILIES}
        self._blocks: dict[str, dict[str, Block]] = {name: {} for name in self._namers}
        self.chunks: dict[str, dict[str, Chunk]] = {}
        self.forecasts: Mapping[str, Forecast] = {}

    def take(
        self, rates: Rates, totals: Totals, costs: CostSeries, now_ns: int, *, with_rates: bool
    ) -> Iterator[object]:
        """Bring the chunks up to date, without `with_rates` those of settled money and traffic alone.

        Yields now and then, so that something else may run between.
        """
        left = set(self._namers)
        for family, by_key in self._values(rates, totals, costs, now_ns, with_rates=with_rates):
            if family:
                left.discard(family)
                yield from self._put(family, by_key)
            else:
                yield family
        for family in left:
            yield from self._put(family, {})

    def _values(
        self, rates: Rates, totals: Totals, costs: CostSeries, now_ns: int, *, with_rates: bool
    ) -> Iterator[tuple[str, Mapping[str, Values]]]:
        """Yield families and the values of their chunks; now and then none, for others to get a turn."""
        overview = costs.overview
        settled = (
            (row.namespace, totals.namespaces[row.namespace].resource_counters)
            for row in overview.namespaces
            if row.namespace in totals.namespaces
        )
        yield RESOURCE_TOTAL, {"": _by_resource(settled)}
        components: Values = {(name,): format_usd(totals.components.get(name, 0)) for name in COMPONENTS}
        yield CLUSTER_TOTAL, {"": components}
        for column, family in enumerate(TRAFFIC):
            traffic: Values = {(namespace,): str(sums[column]) for namespace, sums in sorted(totals.traffic.items())}
            yield family, {"": traffic}
        self.forecasts = forecasts(overview.namespaces, totals, now_ns)
        for column, family in enumerate(FORECASTS):
            made: Values = {(name,): format_usd(round(one[column])) for name, one in self.forecasts.items()}
            yield family, {"": made}
        if with_rates:
            yield from self._rates(rates, costs)

    def _rates(self, rates: Rates, costs: CostSeries) -> Iterator[tuple[str, Mapping[str, Values]]]:
        overview = costs.overview
        rows = ((row.namespace, row.money) for row in overview.namespaces)
        yield RESOURCE_HOURLY, {"": _by_resource(rows)}
        now: Values = {(name,): format_usd(nano) for name, nano in _components(overview.namespaces).items()}
        yield CLUSTER_HOURLY, {"": now}
        potential = potential_savings(node.spot_prices for node in rates.nodes.values())
        yield SPOT_POTENTIAL, {"": {(): usd(potential)}}
        budgets: Values = {
            (scope.name,): format_usd(budget.nano)
            for scope, budget in sorted(rates.budgets.budgets.items(), key=itemgetter(0))
            if scope.kind == "namespace"
        }
        yield BUDGET, {"": budgets}
        claims: Values = {
            (*volume.facts.claim, volume.facts.storage_class): usd(volume.usd_per_hour)
            for volume in sorted(rates.volumes.values(), key=lambda one: one.facts.name)
            if volume.facts.claim is not None and volume.usd_per_hour is not None
        }
        yield PVC, {"": claims}
        balancers: Values = {
            (balancer.facts.namespace, balancer.facts.name): usd(balancer.usd_per_hour)
            for balancer in sorted(rates.load_balancers, key=lambda one: (one.facts.namespace, one.facts.name))
            if balancer.usd_per_hour is not None
        }
        yield LOAD_BALANCER, {"": balancers}
        amounts = by_label(self._label_names, rates, costs.sums, overview)
        labels: Values = {label: format_usd(nano) for label, nano in amounts.items()}
        yield LABEL, {"": labels}
        used: dict[str, dict[Owned, Use]] = {}
        for _ in add_up(rates.nodes.values(), used):
            yield "", {}  # a turn for others
        yield EFFICIENCY, {"": efficiency(used)}
        for family, amount in ((WASTED, attrgetter("wasted")), (USED_ABOVE, attrgetter("above"))):
            by_namespace: dict[str, Values] = {
                namespace: {owned: usd(amount(use)) for owned, use in sorted(uses.items(), key=itemgetter(0))}
                for namespace, uses in sorted(used.items())
            }
            yield family, by_namespace

    def _put(self, family: str, by_key: Mapping[str, Values]) -> Iterator[object]:
        blocks = self._blocks[family]
        for key in blocks.keys() - by_key.keys():
            del blocks[key]
        chunks: dict[str, Chunk] = {}
        for key, values in by_key.items():
            block = blocks.get(key)
            if block is None:
                block = blocks[key] = Block(self._namers[family])
            chunks[key] = block.update(values)
            yield key
        self.chunks[family] = chunks


def _by_resource(amounts: Iterable[tuple[str, Money]]) -> Values:
    return {
        (namespace, resource): format_usd(getattr(money, resource))
        for namespace, money in amounts
        for resource in RESOURCES
    }


def _components(rows: Iterable[NamespaceMoney]) -> Mapping[str, int]:
    everything = NO_MONEY
    for row in rows:
        everything = everything.plus(row.money)
    compute = everything.cpu + everything.memory + everything.gpu
    return dict(
        zip(
            COMPONENTS,
            (compute, everything.storage, everything.network, everything.load_balancer, everything.control_plane),
            strict=True,
        )
    )
