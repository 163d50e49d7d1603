"""Costs by what they are for, use by what was reserved, traffic: series that change with usage, as chunks of text."""

from collections.abc import Iterable, Mapping
from operator import itemgetter

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
from kube_cost_aggregator.outputs.overview import NamespaceMoney, Overview
from kube_cost_aggregator.outputs.text import Namer, number, usd
from kube_cost_aggregator.state.rates import NodeRate, Rates, Use
from kube_cost_aggregator.state.totals import COMPONENTS, Totals
from kube_cost_common.domain.forecast import Forecast
from kube_cost_common.domain.money import format_usd
from kube_cost_common.domain.nodes import SPOT
from kube_cost_common.domain.resources import COMPUTE
from kube_cost_common.domain.spot import PricedNode, potential_savings

Values = dict[tuple[str, ...], str]


class BreakdownSeries:
    """Keeps the chunks of these families; they are written anew with everything else, every few seconds.

    `forecasts` are the last ones, in nano-USD by namespace.
    """

    def __init__(self, *, cluster: str, label_names: tuple[str, ...] = ()) -> None:
        self._label_names = label_names
        self._blocks = {family.name: Block(Namer(family, cluster=cluster)) for family in BREAKDOWN_FAMILIES}
        self.forecasts: Mapping[str, Forecast] = {}

    def take(
        self, rates: Rates, totals: Totals, costs: CostSeries, now_ns: int, *, with_rates: bool
    ) -> dict[str, dict[str, Chunk]]:
        """Return the chunks of now; without `with_rates` of settled money and traffic alone."""
        overview = costs.overview
        values: dict[str, Values] = {
            RESOURCE_TOTAL: _by_resource(
                (row.namespace, totals.namespaces[row.namespace].resource_counters)
                for row in overview.namespaces
                if row.namespace in totals.namespaces
            ),
            CLUSTER_TOTAL: {(name,): format_usd(totals.components.get(name, 0)) for name in COMPONENTS},
        }
        for column, family in enumerate(TRAFFIC):
            values[family] = {
                (namespace,): str(traffic[column]) for namespace, traffic in sorted(totals.traffic.items())
            }
        self.forecasts = forecasts(overview.namespaces, totals, now_ns)
        for column, family in enumerate(FORECASTS):
            values[family] = {(name,): format_usd(round(made[column])) for name, made in self.forecasts.items()}
        if with_rates:
            values |= self._rates(rates, overview)
            values[BUDGET] = {
                (scope.name,): format_usd(budget.nano)
                for scope, budget in sorted(rates.budgets.budgets.items(), key=itemgetter(0))
                if scope.kind == "namespace"
            }
            labels = by_label(self._label_names, rates, costs.sums, overview)
            values[LABEL] = {label: format_usd(nano) for label, nano in labels.items()}
        return {name: {"": block.update(values.get(name, {}))} for name, block in self._blocks.items()}

    def _rates(self, rates: Rates, overview: Overview) -> dict[str, Values]:
        used = _use(rates.nodes.values())
        return {
            RESOURCE_HOURLY: _by_resource((row.namespace, row.money) for row in overview.namespaces),
            CLUSTER_HOURLY: {(name,): format_usd(nano) for name, nano in _components(overview.namespaces).items()},
            SPOT_POTENTIAL: {(): usd(potential_savings(map(_priced, rates.nodes.values())))},
            EFFICIENCY: _efficiency(used),
            WASTED: {key: usd(use.wasted) for key, use in sorted(used.items(), key=itemgetter(0))},
            USED_ABOVE: {key: usd(use.above) for key, use in sorted(used.items(), key=itemgetter(0))},
            PVC: {
                (*volume.facts.claim, volume.facts.storage_class): usd(volume.usd_per_hour)
                for volume in sorted(rates.volumes.values(), key=lambda one: one.facts.name)
                if volume.facts.claim is not None and volume.usd_per_hour is not None
            },
            LOAD_BALANCER: {
                (balancer.facts.namespace, balancer.facts.name): usd(balancer.usd_per_hour)
                for balancer in sorted(rates.load_balancers, key=lambda one: (one.facts.namespace, one.facts.name))
                if balancer.usd_per_hour is not None
            },
        }


def _by_resource(amounts: Iterable[tuple[str, Money]]) -> Values:
    return {
        (namespace, resource): format_usd(getattr(money, resource))
        for namespace, money in amounts
        for resource in RESOURCES
    }


def _priced(node: NodeRate) -> PricedNode:
    return PricedNode(node.identity.capacity_type == SPOT, node.on_demand_usd_per_hour, node.spot_usd_per_hour)


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


class _Sum:
    """Adds up uses in place: there are thousands, and a record of records for each would take most of the time."""

    __slots__ = ("above", "reserved", "used", "wasted")

    def __init__(self) -> None:
        self.used = [0.0] * len(COMPUTE)
        self.reserved = [0.0] * len(COMPUTE)
        self.wasted = self.above = 0.0

    def add(self, use: "Use | _Sum") -> None:
        used, reserved = self.used, self.reserved
        for column, amount in enumerate(use.used):
            used[column] += amount
        for column, amount in enumerate(use.reserved):
            reserved[column] += amount
        self.wasted += use.wasted
        self.above += use.above


def _use(nodes: Iterable[NodeRate]) -> dict[tuple[str, str, str], _Sum]:
    found: dict[tuple[str, str, str], _Sum] = {}
    for node in nodes:
        for key, use in node.use.items():
            total = found.get(key)
            if total is None:
                total = found[key] = _Sum()
            total.add(use)
    return found


def _efficiency(used: Mapping[tuple[str, str, str], _Sum]) -> Values:
    by_namespace: dict[str, _Sum] = {}
    for (namespace, _, _), use in used.items():
        by_namespace.setdefault(namespace, _Sum()).add(use)
    return {
        (namespace, resource): number(uses / reserved)
        for namespace, use in sorted(by_namespace.items(), key=itemgetter(0))
        for resource, uses, reserved in zip(COMPUTE, use.used, use.reserved, strict=True)
        if reserved > 0
    }
