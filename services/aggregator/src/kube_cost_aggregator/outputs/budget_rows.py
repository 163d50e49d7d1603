"""What a snapshot says of each budget: what it is of has cost, costs now, and will have cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from statistics import median_low

from kube_cost_aggregator.outputs.forecasts import SECONDS_PER_DAY, SECONDS_PER_HOUR, known
from kube_cost_aggregator.outputs.label_sums import OwnedWorkload
from kube_cost_aggregator.outputs.snapshot_rows import MomentCosts
from kube_cost_aggregator.state.totals import month_start
from kube_cost_common.domain.budgets import Budget, Scope
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.messages.costs import BudgetCost, CostDriver

DRIVERS = 5

LEAST_WEEKS = 3
"""From so many on a median says something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spending:
    """What a scope has cost this month, costs now, and will have cost; its hours, and who in it costs how much."""

    spent_nano: int
    hourly_nano: int
    forecast_nano: int | None
    hours: Sequence[Mapping[int, int]]
    workloads: Mapping[OwnedWorkload, int]


def budget_costs(costs: MomentCosts) -> list[BudgetCost]:
    """Return a row for each budget. What isn't there any more has what it cost this month."""
    return [
        _row(scope, budget, costs) for scope, budget in sorted(costs.budgets.budgets.items(), key=lambda one: one[0])
    ]


def _row(scope: Scope, budget: Budget, costs: MomentCosts) -> BudgetCost:
    spending = _of_namespaces(scope, costs) if scope.kind in {"cluster", "namespace"} else _of_pods(scope, costs)
    usual, deviation = _usual(scope, costs)
    return BudgetCost(
        budget=f"{scope.kind}/{scope.name}",
        scope_kind=scope.kind,
        scope_name=scope.name,
        source=budget.source,
        amount_nano=budget.nano,
        spent_nano=spending.spent_nano,
        hourly_nano=spending.hourly_nano,
        forecast_nano=spending.forecast_nano,
        mean_1h_nano=_mean(spending.hours, costs, hours=1),
        mean_6h_nano=_mean(spending.hours, costs, hours=6),
        usual_hour_nano=usual,
        usual_hour_deviation_nano=deviation,
        silenced_until_ns=costs.budgets.silenced(scope),
        drivers=_drivers(spending.workloads),
    )


def _of_namespaces(scope: Scope, costs: MomentCosts) -> _Spending:
    rows = {row.namespace: row for row in costs.overview.namespaces}
    names = list(rows) if scope.kind == "cluster" else [scope.name]
    held = [rows[name] for name in names if name in rows]
    expected = [costs.forecasts[name][0] for name in names if name in costs.forecasts]
    return _Spending(
        spent_nano=sum(row.month_to_date for row in held),
        hourly_nano=sum(row.hourly for row in held),
        forecast_nano=round(sum(expected)) if expected else None,
        hours=[costs.totals.hours.get(name, {}) for name in names],
        workloads={
            (namespace, *workload): total.nano
            for namespace in names
            for workload, total in costs.workloads.get(namespace, {}).items()
        },
    )


def _of_pods(scope: Scope, costs: MomentCosts) -> _Spending:
    if scope.kind == "label":
        workloads = costs.label_workloads.get(scope.label, {})
        hourly = costs.labels.get(scope.label, 0)
    else:
        namespace, *workload = scope.workload
        total = costs.workloads.get(namespace, {}).get((workload[0], workload[1]))
        hourly = 0 if total is None else total.nano
        workloads = {scope.workload: hourly} if total is not None else {}
    by_hour = costs.scope_hours.get(scope, {})
    first = month_start(costs.at_ns)
    spent = sum(nano for hour, nano in by_hour.items() if hour >= first)
    by_day: dict[int, int] = {}
    for hour, nano in by_hour.items():
        by_day[hour // SECONDS_PER_DAY] = by_day.get(hour // SECONDS_PER_DAY, 0) + nano
    what = known(costs.totals, costs.at_ns) if by_hour else None
    forecast = None if what is None else what.forecast(month_to_date=spent, by_hour=by_hour, by_day=by_day)
    return _Spending(
        spent_nano=spent,
        hourly_nano=hourly,
        forecast_nano=None if forecast is None else round(forecast.expected),
        hours=[by_hour],
        workloads=workloads,
    )


def _mean(spent: Iterable[Mapping[int, int]], costs: MomentCosts, *, hours: int) -> int | None:
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
    return sum(by_hour.get(hour, 0) for by_hour in spent for hour in range(first, last, SECONDS_PER_HOUR)) // hours


def _usual(scope: Scope, costs: MomentCosts) -> tuple[int, int] | tuple[None, None]:
    """Return what this hour of the week costs usually, and how far it is usually off that: medians over weeks."""
    if scope.kind not in {"cluster", "namespace"} or len(costs.same_hours) < LEAST_WEEKS:
        return None, None
    weeks = [sum(week.values()) if scope.kind == "cluster" else week.get(scope.name, 0) for week in costs.same_hours]
    usual = median_low(weeks)
    return usual, median_low(abs(week - usual) for week in weeks)


def _drivers(workloads: Mapping[OwnedWorkload, int]) -> list[CostDriver]:
    dearest = nlargest(DRIVERS, ((nano, *owner) for owner, nano in workloads.items()))
    return [CostDriver(namespace=where, kind=kind, name=name, hourly_nano=nano) for nano, where, kind, name in dearest]
