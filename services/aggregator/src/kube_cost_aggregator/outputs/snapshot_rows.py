"""What a snapshot says of namespaces, budgets, components and nodes without a price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kube_cost_aggregator.history.store import NO_MONEY
from kube_cost_aggregator.outputs.amounts import Sum, Workload
from kube_cost_aggregator.outputs.label_sums import Label, OwnedWorkload
from kube_cost_aggregator.outputs.overview import NamespaceMoney, Overview
from kube_cost_aggregator.state.budgets import NO_BUDGETS, BudgetBook
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.budgets import Scope
from kube_cost_common.messages.costs import ComponentCost, NamespaceCost, PriceTrouble

MAX_DETAIL = 500
"""Characters of a sentence about a price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentCosts:
    """All that a snapshot is made of: immutable views of one moment.

    `forecasts` are expected, low and high of the month by namespace, in nano-USD. `workloads` are rates by namespace,
    `labels` by name and value in nano-USD, and `label_workloads` those of the workloads with such pods. `scope_hours`
    has nano-USD by hour (Unix seconds of its start) of labels and workloads that have a budget, of this month and of
    the last day. `same_hours` is what namespaces cost in this hour of the week, in nano-USD, a week each.
    """

    at_ns: int
    overview: Overview
    totals: Totals
    forecasts: Mapping[str, tuple[float, float, float]]
    workloads: Mapping[str, Mapping[Workload, Sum]]
    labels: Mapping[Label, int] = field(default_factory=dict)
    label_workloads: Mapping[Label, Mapping[OwnedWorkload, int]] = field(default_factory=dict)
    scope_hours: Mapping[Scope, Mapping[int, int]] = field(default_factory=dict)
    budgets: BudgetBook = NO_BUDGETS
    same_hours: Sequence[Mapping[str, int]] = ()


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
