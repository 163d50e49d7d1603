"""What Google takes off by itself: each hour that a machine runs in a month costs by how many came before it."""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

from kube_cost_simulator.history import History, NodeHistory, NodePrice
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR, last_before

NANOSECONDS_PER_SECOND = 1_000_000_000
INSTANCE_TYPE = "node.kubernetes.io/instance-type"

MOST_OFF: Mapping[str, Fraction] = {
    **dict.fromkeys(("n1", "custom", "m1", "m2", "f1", "g1"), Fraction(30, 100)),
    **dict.fromkeys(("n2", "n2d", "c2"), Fraction(20, 100)),
}
"""What is off a whole month, by the first part of a machine type's name. The quarters of it have none, two, four and
six sixths of twice as much."""


def with_sustained_use(history: History) -> History:
    """The same history, in which machines of Google's have these prices where it gives the discount."""
    return replace(history, nodes=[_cheaper(node, history.through_ns) for node in history.nodes])


def _cheaper(node: NodeHistory, through_ns: int) -> NodeHistory:
    off = MOST_OFF.get(node.labels.get(INSTANCE_TYPE, "").partition("-")[0])
    if off is None or node.capacity_type == "spot":
        return node
    parts = dict(_parts(node.created_ns, through_ns if node.deleted_ns is None else node.deleted_ns, off))
    part_moments, price_moments = sorted(parts), [price.from_ns for price in node.prices]
    prices = []
    for at_ns in sorted({*part_moments, *price_moments}):
        listed = node.prices[last_before(price_moments, at_ns)]
        part = parts[part_moments[last_before(part_moments, at_ns)]]
        prices.append(NodePrice(at_ns, listed.on_demand_usd_per_hour * part, listed.spot_usd_per_hour))
    return replace(node, prices=prices)


def _parts(created_ns: int, end_ns: int, off: Fraction) -> Iterator[tuple[int, Fraction]]:
    """From when on which part of the list price is paid, hour by hour of a machine's life, where that changes."""
    at_ns = created_ns
    while at_ns < end_ns:
        moment = datetime.fromtimestamp(at_ns // NANOSECONDS_PER_SECOND, UTC)
        days = monthrange(moment.year, moment.month)[1]
        begun = datetime(moment.year, moment.month, 1, tzinfo=UTC)
        month_ends_ns = (int(begun.timestamp()) + days * 86_400) * NANOSECONDS_PER_SECOND
        before = None
        for hour in range(days * 24):
            hour_ns = at_ns + hour * NANOSECONDS_PER_HOUR
            if hour_ns >= min(month_ends_ns, end_ns):
                break
            quarters_run = hour * 4 // (days * 24)
            if quarters_run != before:
                yield hour_ns, 1 - off * 2 * quarters_run / 3
            before = quarters_run
        at_ns = month_ends_ns
