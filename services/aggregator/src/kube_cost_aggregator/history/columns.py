"""What all keepers of the ledger name alike: columns of money, tables of hours, counters; and what stands in them."""

from collections.abc import Mapping, Sequence

from kube_cost_aggregator.history.store import Money, NamespaceTotal

MONEY_COLUMNS = tuple(f"{field}_nano" for field in Money._fields)
_COUNTER_COLUMNS = tuple(f"{field}_counter_nano" for field in Money._fields if field != "savings")
TOTAL_COLUMNS = (*MONEY_COLUMNS, *_COUNTER_COLUMNS, "counter_nano", "savings_counter_nano")
"""Those of a namespace's running totals: its money, its counters by resource, and the two counters of sums."""

PAID_COLUMNS = tuple(column for column in MONEY_COLUMNS if column != "savings_nano")

HOUR_TABLES: Mapping[str, tuple[str, ...]] = {
    "pod_hours_from": ("pod_hours", "pod_volume_hours"),
    "namespace_hours_from": ("namespace_hours", "node_hours", "object_hours"),
}
"""The tables whose hours go together, by the column of the ledger that says from when on they are kept."""

NODES_COUNTER = "nodes_nano_usd"
"""Prefix of the ledger's own counters of what nodes cost, by capacity type."""


def namespace_total(amounts: Sequence[int]) -> NamespaceTotal:
    """Return a total from its columns."""
    count = len(MONEY_COLUMNS)
    money, counters, (counter, savings_counter) = Money(*amounts[:count]), amounts[count:-2], amounts[-2:]
    resource_counters = Money._make([*counters[:3], 0, *counters[3:]])
    return NamespaceTotal(money, counter, savings_counter, resource_counters.highest(money._replace(savings=0)))


def total_amounts(total: NamespaceTotal) -> tuple[int, ...]:
    """Return what stands in a total's columns."""
    resources = total.resource_counters[:3] + total.resource_counters[4:]
    return (*total.money, *resources, total.counter, total.savings_counter)
