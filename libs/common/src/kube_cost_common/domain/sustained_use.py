"""What Google takes off by itself the longer a machine runs in a month: its sustained-use discounts.

https://cloud.google.com/compute/docs/sustained-use-discounts. A month is a calendar month in UTC, a quarter of it a
quarter of its own hours (7.5 days of 30), counted from the machine's creation or the month's start, whichever is later.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import NamedTuple

from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.domain.settlement import PriceChange
from kube_cost_common.domain.unit_prices import NodePrice, Quarters, UnitPrices

UP_TO_30_PERCENT: Quarters = (1.0, 0.8, 0.6, 0.4)
UP_TO_20_PERCENT: Quarters = (1.0, 13 / 15, 11 / 15, 9 / 15)
"""Published as 100, 86.78, 73.3 and 60 %, and as 20 % off a whole month: that is what these are exactly."""

_BY_FAMILY: dict[str, Quarters] = {
    **dict.fromkeys(("n1", "custom", "m1", "m2", "f1", "g1"), UP_TO_30_PERCENT),
    **dict.fromkeys(("n2", "n2d", "c2"), UP_TO_20_PERCENT),
}
"""By the first part of a machine type's name, predefined and custom alike: `custom-4-16384` is an N1. Later families
have none, nor have E2, T2D, T2A and those that come with GPUs."""


class Step(NamedTuple):
    """From `since_ns` on (Unix nanoseconds), `part` of the list price is paid."""

    since_ns: int
    part: float


def quarters_of(machine_type: str) -> Quarters:
    """Return which part of the list price each quarter of a month costs; nothing where it is always the whole."""
    return _BY_FAMILY.get(machine_type.partition("-")[0], ())


def steps(quarters: Quarters, *, created_ns: int, from_ns: int) -> Iterator[Step]:
    """Return what a machine that was created then pays at `from_ns`, and each change after that, without end."""
    at_ns = from_ns
    while True:
        month_ns, next_month_ns = _month(at_ns)
        quarter_ns = (next_month_ns - month_ns) // 4
        began_ns = max(month_ns, created_ns)
        moments = [month_ns, *(began_ns + number * quarter_ns for number in range(1, len(quarters))), next_month_ns]
        for part, (since_ns, until_ns) in zip(quarters, pairwise(moments), strict=True):
            if since_ns < next_month_ns and at_ns < until_ns:
                yield Step(since_ns, part)
        at_ns = next_month_ns


def reduced(price: NodePrice, part: float) -> NodePrice:
    """Return a price of which only a part is paid. That is no saving by spot: on demand costs as much."""
    usd = price.usd_per_hour * part
    units = price.unit_prices
    return price._replace(
        usd_per_hour=usd,
        on_demand_usd_per_hour=usd,
        unit_prices=UnitPrices(units.vcpu * part, units.memory_gib * part, units.gpu * part),
        quarters=(),
    )


def at(price: NodePrice, *, created_ns: int, now_ns: int) -> tuple[NodePrice, int | None]:
    """Return what a machine of that price costs at `now_ns`, and when that changes by itself; None: never."""
    if not price.quarters:
        return price, None
    now, then = islice(steps(price.quarters, created_ns=created_ns, from_ns=now_ns), 2)
    return reduced(price, now.part), then.since_ns


def between(prices: Sequence[PriceChange], *, created_ns: int, start_ns: int, end_ns: int) -> Sequence[PriceChange]:
    """Return what a machine costs from `start_ns` to `end_ns`: its prices, less what sustained use takes off.

    `prices` are in order of time and not empty; the first holds from the start, whenever it is from. So it is in what
    is returned. Prices without quarters stay as they are.
    """
    if not any(change.price.quarters for change in prices):
        return prices
    found: list[PriceChange] = []
    edges = [start_ns, *(min(end_ns, max(start_ns, change.since_ns)) for change in prices[1:]), end_ns]
    for (_, price), (from_ns, until_ns) in zip(prices, pairwise(edges), strict=True):
        if from_ns == until_ns:
            continue
        if not price.quarters:
            found.append(PriceChange(from_ns, price))
            continue
        for step in steps(price.quarters, created_ns=created_ns, from_ns=from_ns):
            if step.since_ns >= until_ns:
                break
            found.append(PriceChange(max(from_ns, step.since_ns), reduced(price, step.part)))
    return found


def _month(at_ns: int) -> tuple[int, int]:
    """Return when the month of a moment began and when the next one does, Unix nanoseconds."""
    moment = datetime.fromtimestamp(at_ns // NS_PER_SECOND, UTC)
    begins = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    ends = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return int(begins.timestamp()) * NS_PER_SECOND, int(ends.timestamp()) * NS_PER_SECOND
