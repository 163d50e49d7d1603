"""What a snapshot says of namespaces, budgets, components and nodes without a price."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import NamedTuple, Protocol

from kube_cost_aggregator.history.store import NO_MONEY
from kube_cost_aggregator.outputs.amounts import Sum, Workload
from kube_cost_aggregator.outputs.overview import NamespaceMoney, Overview
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.messages.costs import (
    CLUSTER,
    NAMESPACE,
    BudgetCost,
    ComponentCost,
    CostDriver,
    NamespaceCost,
    PriceTrouble,
)

DRIVERS = 5
SECONDS_PER_HOUR = 3600
MAX_DETAIL = 500
"""Characters of a sentence about a price."""


class Usual(NamedTuple):
    """What an hour of the week usually costs, in nano-USD: the median of such hours, and its median deviation."""

    median_nano: int
    deviation_nano: int


class History(Protocol):
    """What is asked of the past beyond a day."""

    def usual_hour(self, namespaces: Collection[str], at_ns: int) -> Usual | None:
        """Return what these namespaces together usually cost in that moment's hour of the week; None: too little."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedBudget:
    """A monthly budget of a namespace, or where `namespace` is None of the cluster."""

    namespace: str | None
    source: str
    amount_nano: int
    silenced_until_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentCosts:
    """All that a snapshot is made of: immutable views of one moment.

    `hours` are nano-USD by namespace and hour (Unix seconds of its start), of the last day at least. `forecasts` are
    expected, low and high of the month by namespace, in nano-USD. `workloads` are rates by namespace.
    """

    at_ns: int
    overview: Overview
    totals: Totals
    hours: Mapping[str, Mapping[int, int]]
    forecasts: Mapping[str, tuple[float, float, float]]
    workloads: Mapping[str, Mapping[Workload, Sum]]
    budgets: Sequence[ScopedBudget] = ()
    budget_faults: Sequence[str] = ()
    history: History | None = None


def namespace_costs(costs: MomentCosts) -> list[NamespaceCost]:
    """Return a row for each namespace, the pseudo-namespaces included."""
    return [_namespace_cost(row, costs.forecasts.get(row.namespace)) for row in costs.overview.namespaces]


def _namespace_cost(row: NamespaceMoney, forecast: tuple[float, float, float] | None) -> NamespaceCost:
    money = row.money
    expected, low, high = (None, None, None) if forecast is None else map(round, forecast)
    return NamespaceCost(
        namespace=row.namespace,
        hourly_nano=row.hourly,
        cpu_nano=money.cpu,
        memory_nano=money.memory,
        gpu_nano=money.gpu,
        storage_nano=money.storage,
        network_nano=money.network,
        load_balancer_nano=money.load_balancer,
        control_plane_nano=money.control_plane,
        shared_nano=money.shared,
        savings_nano=row.savings_hourly,
        today_nano=row.today,
        month_to_date_nano=row.month_to_date,
        forecast_nano=expected,
        forecast_low_nano=low,
        forecast_high_nano=high,
    )


def budget_costs(cluster: str, costs: MomentCosts) -> list[BudgetCost]:
    """Return a row for each budget. One of a namespace that isn't there any more has what it cost this month."""
    rows = {row.namespace: row for row in costs.overview.namespaces}
    return [_budget_cost(cluster, budget, rows, costs) for budget in costs.budgets]


def _budget_cost(
    cluster: str, budget: ScopedBudget, rows: Mapping[str, NamespaceMoney], costs: MomentCosts
) -> BudgetCost:
    kind, name = (CLUSTER, cluster) if budget.namespace is None else (NAMESPACE, budget.namespace)
    names = list(rows) if budget.namespace is None else [budget.namespace]
    held = [rows[name] for name in names if name in rows]
    forecasts = [costs.forecasts[name][0] for name in names if name in costs.forecasts]
    usual = None if costs.history is None else costs.history.usual_hour(names, costs.at_ns)
    return BudgetCost(
        budget=f"{kind}/{name}",
        scope_kind=kind,
        scope_name=name,
        source=budget.source,
        amount_nano=budget.amount_nano,
        spent_nano=sum(row.month_to_date for row in held),
        hourly_nano=sum(row.hourly for row in held),
        forecast_nano=round(sum(forecasts)) if forecasts else None,
        mean_1h_nano=_mean(names, costs, hours=1),
        mean_6h_nano=_mean(names, costs, hours=6),
        usual_hour_nano=None if usual is None else usual.median_nano,
        usual_hour_deviation_nano=None if usual is None else usual.deviation_nano,
        silenced_until_ns=budget.silenced_until_ns,
        drivers=_drivers(names, costs.workloads),
    )


def _mean(names: Iterable[str], costs: MomentCosts, *, hours: int) -> int | None:
    """Return the mean of the last whole hours; None where the ledger doesn't reach as far back.

    A whole hour ends before where the oldest node is settled to: a later one may still grow.
    """
    totals = costs.totals
    if totals.settled_through_ns is None:
        return None
    last = totals.settled_through_ns // NS_PER_SECOND // SECONDS_PER_HOUR * SECONDS_PER_HOUR
    first = last - hours * SECONDS_PER_HOUR
    if first * NS_PER_SECOND < totals.started_at_ns:
        return None
    spent = (costs.hours.get(name, {}) for name in names)
    return sum(by_hour.get(hour, 0) for by_hour in spent for hour in range(first, last, SECONDS_PER_HOUR)) // hours


def _drivers(names: Iterable[str], workloads: Mapping[str, Mapping[Workload, Sum]]) -> list[CostDriver]:
    dearest = nlargest(
        DRIVERS,
        (
            (total.nano, namespace, *workload)
            for namespace in names
            for workload, total in workloads.get(namespace, {}).items()
        ),
    )
    return [CostDriver(namespace=where, kind=kind, name=name, hourly_nano=nano) for nano, where, kind, name in dearest]


def component_costs(overview: Overview) -> list[ComponentCost]:
    """Return what the cluster costs per hour by component; their sum is what its namespaces cost."""
    everything = NO_MONEY
    for row in overview.namespaces:
        everything = everything.plus(row.money)
    by_component = {
        "compute": everything.cpu + everything.memory + everything.gpu,
        "storage": everything.storage,
        "network": everything.network,
        "load_balancer": everything.load_balancer,
        "control_plane": everything.control_plane,
    }
    return [ComponentCost(component=name, hourly_nano=nano) for name, nano in by_component.items()]


def price_troubles(overview: Overview) -> list[PriceTrouble]:
    """Return why nodes have no price, the most frequent reason first."""
    nodes: dict[str, list[str]] = {}
    for node in overview.nodes.values():
        if node.price is None:
            nodes.setdefault(node.unpriced_reason, []).append(node.unpriced_detail)
    troubles = [
        PriceTrouble(code=code, nodes=len(details), detail=next(filter(None, details), "")[:MAX_DETAIL])
        for code, details in nodes.items()
    ]
    return sorted(troubles, key=lambda trouble: (-trouble.nodes, trouble.code))
