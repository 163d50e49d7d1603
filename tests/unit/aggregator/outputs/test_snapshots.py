"""Costs as they are told to other services."""

from collections.abc import Mapping, Sequence

import pytest

from harness.costs import node_rate
from kube_cost_aggregator.history.store import Money
from kube_cost_aggregator.outputs.amounts import Sum
from kube_cost_aggregator.outputs.overview import NamespaceMoney, Overview
from kube_cost_aggregator.outputs.snapshot_rows import MomentCosts
from kube_cost_aggregator.outputs.snapshots import MAX_FAULTS, cost_snapshots
from kube_cost_aggregator.state.budgets import BudgetBook
from kube_cost_aggregator.state.rates import NodeRate
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.budgets import Budget, Scope
from kube_cost_common.messages.codec import RecordDecoder, encode
from kube_cost_common.messages.costs import BudgetCost, CostDriver, CostSnapshot, PriceTrouble

HOUR = 3600
EIGHT = 1_800_000_000 // HOUR * HOUR
NOW_NS = (EIGHT + 600) * 10**9
"""2027-01-15 08:10 UTC."""


def row(namespace: str, money: Money, *, today: int = 0, month: int = 0) -> NamespaceMoney:
    return NamespaceMoney(namespace, money.total, money.total * 24, today, month, 0, 0, money.savings, money)


SHOP = row("shop", Money(1, 2, 4, 7, 8, 16, 32), today=100, month=1000)
IDLE = row("__idle__", Money(64, 128), today=10, month=50)
ROWS = (SHOP, IDLE)


def costs(
    rows: Sequence[NamespaceMoney] = ROWS,
    *,
    nodes: Sequence[NodeRate] = (),
    hours: Mapping[str, Mapping[int, int]] | None = None,
    scope_hours: Mapping[Scope, Mapping[int, int]] | None = None,
    settled: int | None = EIGHT + 540,
    started: int = EIGHT - 48 * HOUR,
    budgets: Sequence[Scope] = (),
    faults: Sequence[str] = (),
    workloads: Mapping[str, Mapping[tuple[str, str], Sum]] | None = None,
    labels: Mapping[tuple[str, str], int] | None = None,
    label_workloads: Mapping[tuple[str, str], Mapping[tuple[str, str, str], int]] | None = None,
    same_hours: Sequence[Mapping[str, int]] = (),
) -> MomentCosts:
    return MomentCosts(
        at_ns=NOW_NS,
        overview=Overview(tuple(rows), {node.facts.name: node for node in nodes}, sum(one.hourly for one in rows)),
        totals=Totals(
            started_at_ns=started * 10**9,
            settled_through_ns=None if settled is None else settled * 10**9,
            hours=hours or {},
        ),
        forecasts={"shop": (2000.4, 1500.0, 2500.6), "__idle__": (90.0, 80.0, 100.0)},
        workloads=workloads or {},
        labels=labels or {},
        label_workloads=label_workloads or {},
        scope_hours=scope_hours or {},
        budgets=BudgetBook({scope: Budget(5000, "annotation") for scope in budgets}, tuple(faults)),
        same_hours=same_hours,
    )


def only(made: MomentCosts) -> CostSnapshot:
    (snapshot,) = cost_snapshots("prod", made)
    return snapshot


def budget_of(made: MomentCosts) -> BudgetCost:
    (budget,) = only(made).budgets
    return budget


def budget(namespace: str | None = "shop") -> Scope:
    return Scope("cluster", "prod") if namespace is None else Scope("namespace", namespace)


def test_a_snapshot_says_when_it_is_of() -> None:
    """The moment, the month's beginning, and from when to when costs are known."""
    snapshot = only(costs())
    assert (snapshot.cluster, snapshot.at_ns, snapshot.part, snapshot.parts) == ("prod", NOW_NS, 0, 1)
    assert snapshot.month_start_ns == 1_798_761_600 * 10**9  # 2027-01-01
    assert snapshot.history_start_ns == (EIGHT - 48 * HOUR) * 10**9
    assert snapshot.settled_through_ns == (EIGHT + 540) * 10**9


def test_a_namespace_has_its_rate_by_what_it_is_for() -> None:
    """And what it has cost, and will have."""
    shop, _ = only(costs()).namespaces
    parts = (shop.cpu_nano, shop.memory_nano, shop.gpu_nano, shop.storage_nano, shop.network_nano)
    assert parts == (1, 2, 4, 8, 16)
    assert (shop.load_balancer_nano, shop.savings_nano) == (32, 7)
    assert shop.hourly_nano == sum(parts) + 32
    assert (shop.today_nano, shop.month_to_date_nano) == (100, 1000)
    assert (shop.forecast_nano, shop.forecast_low_nano, shop.forecast_high_nano) == (2000, 1500, 2501)


def test_components_are_what_all_namespaces_cost() -> None:
    """Idle included."""
    snapshot = only(costs())
    by_name = {component.component: component.hourly_nano for component in snapshot.components}
    assert by_name == {"compute": 7 + 192, "storage": 8, "network": 16, "load_balancer": 32, "control_plane": 0}
    assert sum(by_name.values()) == sum(namespace.hourly_nano for namespace in snapshot.namespaces)


def test_a_budget_says_what_became_of_it() -> None:
    """Of its namespace alone."""
    told = budget_of(costs(budgets=[budget()]))
    assert (told.budget, told.scope_kind, told.scope_name, told.source) == (
        "namespace/shop",
        "namespace",
        "shop",
        "annotation",
    )
    assert (told.amount_nano, told.spent_nano, told.hourly_nano, told.forecast_nano) == (5000, 1000, 63, 2000)


def test_a_budget_of_the_cluster_is_of_everything() -> None:
    """What nobody uses as well."""
    told = budget_of(costs(budgets=[budget(None)]))
    assert (told.budget, told.spent_nano, told.hourly_nano, told.forecast_nano) == ("cluster/prod", 1050, 255, 2090)


def test_a_budget_of_a_namespace_that_is_not_there_has_cost_nothing() -> None:
    """And no forecast."""
    told = budget_of(costs(budgets=[budget("gone")]))
    assert (told.spent_nano, told.hourly_nano, told.forecast_nano, told.drivers) == (0, 0, None, [])


HOURS = {"shop": {EIGHT - HOUR * ago: 10 * ago for ago in range(8)}, "__idle__": {EIGHT - HOUR: 6}}


def test_means_are_of_whole_hours_that_are_settled() -> None:
    """Of the hour before this one, and the six before it: 10, and 10 to 60."""
    told = budget_of(costs(budgets=[budget()], hours=HOURS))
    assert (told.mean_1h_nano, told.mean_6h_nano) == (10, 35)
    everything = budget_of(costs(budgets=[budget(None)], hours=HOURS))
    assert (everything.mean_1h_nano, everything.mean_6h_nano) == (16, 36)
    behind = budget_of(costs(budgets=[budget()], hours=HOURS, settled=EIGHT - 60))
    assert (behind.mean_1h_nano, behind.mean_6h_nano) == (20, 45)


def test_means_of_a_time_before_the_ledger_are_unknown() -> None:
    """That is not 0."""
    young = budget_of(costs(budgets=[budget()], hours=HOURS, started=EIGHT - 2 * HOUR))
    assert (young.mean_1h_nano, young.mean_6h_nano) == (10, None)
    unsettled = budget_of(costs(budgets=[budget()], settled=None))
    assert (unsettled.mean_1h_nano, unsettled.mean_6h_nano) == (None, None)


def test_what_is_usual_is_the_median_of_weeks() -> None:
    """Unknown with less than three."""
    weeks = [{"shop": 10, "__idle__": 5}, {"shop": 14}, {"shop": 90, "__idle__": 1}, {"shop": 11, "__idle__": 2}]
    assert budget_of(costs(budgets=[budget()], same_hours=weeks[:2])).usual_hour_nano is None
    told = budget_of(costs(budgets=[budget()], same_hours=weeks[:3]))
    assert (told.usual_hour_nano, told.usual_hour_deviation_nano) == (14, 4)
    told = budget_of(costs(budgets=[budget(None)], same_hours=weeks))
    assert (told.usual_hour_nano, told.usual_hour_deviation_nano) == (14, 1)


JANUARY = 1_798_761_600


def test_a_budget_of_a_label_is_of_its_hours_of_this_month() -> None:
    """Those of December count for means and forecasts alone."""
    scope = Scope("label", "team=payments")
    hours = {JANUARY - HOUR: 1000, JANUARY: 7} | {EIGHT - number * HOUR: 10 for number in range(1, 25)}
    told = budget_of(
        costs(
            budgets=[scope],
            scope_hours={scope: hours},
            labels={("team", "payments"): 33},
            label_workloads={("team", "payments"): {("shop", "Deployment", "pay"): 30, ("ml", "Job", "j"): 3}},
        )
    )
    assert (told.budget, told.spent_nano, told.hourly_nano) == ("label/team=payments", 247, 33)
    assert (told.mean_1h_nano, told.mean_6h_nano) == (10, 10)
    rest_hours = (JANUARY + 31 * 24 * HOUR - EIGHT - 540) / HOUR
    assert told.forecast_nano == round(247 + 10 * rest_hours)
    assert [driver.name for driver in told.drivers] == ["pay", "j"]


def test_a_budget_of_a_workload_is_of_its_pods() -> None:
    """One that is gone costs nothing now, and has cost what it has."""
    scope = Scope("workload", "shop/Deployment/web")
    workloads = {"shop": {("Deployment", "web"): Sum(nano=12)}}
    told = budget_of(costs(budgets=[scope], scope_hours={scope: {EIGHT - HOUR: 60}}, workloads=workloads))
    assert (told.spent_nano, told.hourly_nano, told.mean_1h_nano, told.mean_6h_nano) == (60, 12, 60, 10)
    assert [driver.name for driver in told.drivers] == ["web"]
    gone = budget_of(costs(budgets=[scope], scope_hours={scope: {EIGHT - HOUR: 60}}))
    assert (gone.spent_nano, gone.hourly_nano, gone.drivers) == (60, 0, [])


def test_the_five_dearest_workloads_of_a_scope_are_named() -> None:
    """The dearest first."""
    workloads = {
        "shop": {("Deployment", f"w{number}"): Sum(nano=number) for number in range(7)},
        "other": {("Job", "big"): Sum(nano=100)},
    }
    told = budget_of(costs(budgets=[budget()], workloads=workloads))
    assert [driver.name for driver in told.drivers] == ["w6", "w5", "w4", "w3", "w2"]
    rows = (*ROWS, row("other", Money(100)))
    everything = budget_of(costs(rows, budgets=[budget(None)], workloads=workloads))
    assert everything.drivers[0] == CostDriver(namespace="other", kind="Job", name="big", hourly_nano=100)


def test_nodes_without_a_price_are_told_by_their_reason() -> None:
    """Those that have one aren't."""
    nodes = [node_rate("a"), node_rate("b", usd_per_hour=None), node_rate("c", usd_per_hour=None)]
    assert only(costs(nodes=nodes)).price_troubles == [PriceTrouble(code="waiting", nodes=2, detail="")]


def test_of_many_faults_a_hundred_are_told() -> None:
    """Else they would fill the snapshot."""
    faults = [f"the budget of namespace n{number} can't be read" for number in range(MAX_FAULTS + 1)]
    assert only(costs(faults=faults)).budget_faults == faults[:MAX_FAULTS]


@pytest.mark.parametrize("max_bytes", [600, 1500, 5000, 100_000])
def test_parts_hold_everything_once_and_none_is_too_large(max_bytes: int) -> None:
    """In their order; the components are in the first one."""
    rows = [row(f"namespace-{number}", Money(number, 10**12)) for number in range(100)]
    budgets = [budget(f"namespace-{number}") for number in range(0, 100, 3)]
    parts = cost_snapshots("prod", costs(rows, budgets=budgets), max_bytes=max_bytes)
    assert max(len(encode(part)) for part in parts) <= max_bytes
    assert [(part.part, part.parts, part.at_ns) for part in parts] == [
        (number, len(parts), NOW_NS) for number in range(len(parts))
    ]
    assert [namespace.namespace for part in parts for namespace in part.namespaces] == [one.namespace for one in rows]
    assert [told.scope_name for part in parts for told in part.budgets] == sorted(one.name for one in budgets)
    assert [bool(part.components) for part in parts] == [True] + [False] * (len(parts) - 1)
    assert (len(parts) == 1) == (max_bytes == 100_000)


def test_what_is_sent_is_read() -> None:
    """By the record's decoder."""
    snapshot = only(costs(budgets=[budget()]))
    assert RecordDecoder(CostSnapshot).decode(encode(snapshot)) == snapshot
