"""What Google takes off by itself: the later in a month an hour of a machine is, the less it costs."""

from datetime import UTC, datetime
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain import sustained_use, unit_prices
from kube_cost_common.domain.money import NS_PER_DAY, NS_PER_HOUR, NS_PER_SECOND
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import Change, HourCharges, PodSpan, PriceChange, settle
from kube_cost_common.domain.sustained_use import UP_TO_20_PERCENT, UP_TO_30_PERCENT, Step, quarters_of, steps
from kube_cost_common.domain.unit_prices import NodePrice, Quarters

SHAPE = Resources(4.0, 15.0)
LIST_USD = 0.189999


def at(year: int, month: int, day: int, hour: int = 0) -> int:
    """A moment in UTC as Unix nanoseconds."""
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * NS_PER_SECOND


def price(quarters: Quarters = UP_TO_30_PERCENT, usd: float = LIST_USD) -> NodePrice:
    return NodePrice(usd, usd, SHAPE, unit_prices.split(usd, SHAPE), "api", quarters=quarters)


def paid(prices: list[PriceChange], *, created_ns: int, start_ns: int, end_ns: int) -> float:
    """USD of a machine from a moment to another."""
    changes = sustained_use.between(prices, created_ns=created_ns, start_ns=start_ns, end_ns=end_ns)
    hours: list[HourCharges[str]] = settle(start_ns=start_ns, end_ns=end_ns, allocatable=SHAPE, prices=changes, pods=())
    return sum(hour.paid for hour in hours)


MONTHS = [
    pytest.param(at(2027, 2, 1), at(2027, 3, 1), id="28 days"),
    pytest.param(at(2028, 2, 1), at(2028, 3, 1), id="29 days"),
    pytest.param(at(2027, 4, 1), at(2027, 5, 1), id="30 days"),
    pytest.param(at(2027, 12, 1), at(2028, 1, 1), id="31 days, and the year ends"),
    pytest.param(at(2027, 3, 1), at(2027, 4, 1), id="clocks are put forward"),
    pytest.param(at(2027, 10, 1), at(2027, 11, 1), id="clocks are put back"),
]


@pytest.mark.parametrize(("quarters", "share"), [(UP_TO_30_PERCENT, 0.7), (UP_TO_20_PERCENT, 0.8), ((), 1.0)])
@pytest.mark.parametrize(("start_ns", "end_ns"), MONTHS)
def test_a_whole_month_costs_what_is_published(quarters: Quarters, share: float, start_ns: int, end_ns: int) -> None:
    """70 % of the list for N1, 80 % for N2, whatever month it is."""
    listed = LIST_USD * (end_ns - start_ns) / NS_PER_HOUR
    whole = paid([PriceChange(0, price(quarters))], created_ns=at(2026, 1, 7), start_ns=start_ns, end_ns=end_ns)
    assert whole == pytest.approx(share * listed, rel=1e-12)


@pytest.mark.parametrize(
    ("machine_type", "quarters"),
    [
        ("n1-standard-4", UP_TO_30_PERCENT),
        ("n1-custom-4-16384", UP_TO_30_PERCENT),
        ("custom-4-16384", UP_TO_30_PERCENT),
        ("custom-4-16384-ext", UP_TO_30_PERCENT),
        ("m1-ultramem-40", UP_TO_30_PERCENT),
        ("m2-megamem-416", UP_TO_30_PERCENT),
        ("f1-micro", UP_TO_30_PERCENT),
        ("g1-small", UP_TO_30_PERCENT),
        ("n2-standard-4", UP_TO_20_PERCENT),
        ("n2-custom-8-65536-ext", UP_TO_20_PERCENT),
        ("n2d-highmem-8", UP_TO_20_PERCENT),
        ("c2-standard-8", UP_TO_20_PERCENT),
        *[
            (f"{family}-standard-4", ())
            for family in ("e2", "n4", "c2d", "c3", "c3d", "c4", "t2d", "t2a", "a2", "a3", "g2", "m3", "z3", "h3", "")
        ],
        ("e2-micro", ()),
        ("m5.large", ()),
        ("", ()),
    ],
)
def test_families_have_what_google_publishes_of_them(machine_type: str, quarters: Quarters) -> None:
    """30 % at most, 20 %, or nothing; custom types as their family."""
    assert quarters_of(machine_type) == quarters


def test_steps_are_quarters_of_the_months_own_hours() -> None:
    """Each 7.5 days of April's 30; then May begins anew, with 7.75 days."""
    april, may = at(2027, 4, 1), at(2027, 5, 1)
    found = list(islice(steps(UP_TO_30_PERCENT, created_ns=at(2027, 1, 1), from_ns=april), 6))
    assert found == [
        Step(april, 1.0),
        Step(april + 15 * NS_PER_DAY // 2, 0.8),
        Step(april + 15 * NS_PER_DAY, 0.6),
        Step(april + 45 * NS_PER_DAY // 2, 0.4),
        Step(may, 1.0),
        Step(may + 31 * NS_PER_DAY // 4, 0.8),
    ]


def test_a_machine_that_was_created_on_the_20th_counts_from_there() -> None:
    """10.5 days are left of April at noon: a quarter of its hours at the full price, 3 days at 80 %."""
    created, may = at(2027, 4, 20, 12), at(2027, 5, 1)
    found = list(islice(steps(UP_TO_30_PERCENT, created_ns=created, from_ns=created), 3))
    assert [part for _, part in found] == [1.0, 0.8, 1.0]
    assert [since for since, _ in found[1:]] == [created + 15 * NS_PER_DAY // 2, may]
    usd = paid([PriceChange(0, price())], created_ns=created, start_ns=created, end_ns=may)
    assert usd == pytest.approx(LIST_USD * 24 * (7.5 + 0.8 * 3), rel=1e-12)


def test_the_month_changes_within_a_stretch() -> None:
    """The last hour of April costs 40 %, the first of May all of it."""
    may = at(2027, 5, 1)
    usd = paid(
        [PriceChange(0, price())], created_ns=at(2027, 1, 1), start_ns=may - NS_PER_HOUR, end_ns=may + NS_PER_HOUR
    )
    assert usd == pytest.approx(LIST_USD * 1.4, rel=1e-12)


def test_a_price_that_changes_is_taken_off_from_too() -> None:
    """Each price by the hours that were run by then; one of one's own, which has no quarters, is paid whole."""
    start = at(2027, 4, 16)
    prices = [
        PriceChange(0, price(usd=0.2)),
        PriceChange(start + NS_PER_HOUR, price(usd=0.3)),
        PriceChange(start + 2 * NS_PER_HOUR, price((), usd=0.1)),
    ]
    usd = paid(prices, created_ns=at(2027, 1, 1), start_ns=start, end_ns=start + 3 * NS_PER_HOUR)
    assert usd == pytest.approx(0.6 * 0.2 + 0.6 * 0.3 + 0.1, rel=1e-12)


def test_what_is_taken_off_is_no_saving_by_spot() -> None:
    """On demand costs as much as is paid."""
    start = at(2027, 4, 29)
    changes = sustained_use.between(
        [PriceChange(0, price())], created_ns=at(2027, 1, 1), start_ns=start, end_ns=start + NS_PER_HOUR
    )
    hours: list[HourCharges[str]] = settle(
        start_ns=start, end_ns=start + NS_PER_HOUR, allocatable=SHAPE, prices=changes, pods=()
    )
    (hour,) = hours
    assert hour.paid == pytest.approx(0.4 * LIST_USD)
    assert hour.saved == 0.0


def test_prices_without_quarters_are_left_alone() -> None:
    """The very same list: nothing is looked at twice."""
    prices = [PriceChange(0, price(())), PriceChange(5, price((), usd=0.3))]
    assert sustained_use.between(prices, created_ns=0, start_ns=3, end_ns=9) is prices
    assert sustained_use.at(prices[0].price, created_ns=0, now_ns=9) == (prices[0].price, None)


moments = st.integers(at(2027, 1, 1), at(2029, 1, 1))
families = st.sampled_from([UP_TO_30_PERCENT, UP_TO_20_PERCENT])


@st.composite
def timelines(draw: st.DrawFn, quarters: st.SearchStrategy[Quarters]) -> list[PriceChange]:
    changes = draw(st.dictionaries(moments, st.tuples(st.floats(0.01, 20), quarters), min_size=1, max_size=4))
    return [PriceChange(since, price(quarters, usd)) for since, (usd, quarters) in sorted(changes.items())]


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[PriceChange], int, int, int]:
    """A machine's prices, its creation, and a stretch of its time in which a step is crossed, or a price changes."""
    prices, created_ns = draw(timelines(families | st.just(()))), draw(moments)
    crossings = islice(steps(UP_TO_30_PERCENT, created_ns=created_ns, from_ns=created_ns), 1, 7)
    crossed_ns = draw(st.sampled_from([*(step.since_ns for step in crossings), prices[-1].since_ns]))
    start_ns = crossed_ns - draw(st.integers(0, NS_PER_DAY))
    return prices, created_ns, start_ns, crossed_ns + draw(st.integers(1, NS_PER_DAY))


@given(families, moments, moments)
def test_the_steps_are_in_order_and_the_first_holds(quarters: Quarters, created_ns: int, from_ns: int) -> None:
    """So that each moment has exactly one part: the first of a month is the whole price."""
    found = list(islice(steps(quarters, created_ns=created_ns, from_ns=from_ns), 9))
    assert found[0].since_ns <= from_ns < found[1].since_ns
    assert all(one.since_ns < other.since_ns for one, other in pairwise(found))
    assert {part for _, part in found} <= set(quarters)
    assert all(later.part < earlier.part or later.part == 1.0 for earlier, later in pairwise(found))


@given(lives(), st.lists(st.floats(0, 1), max_size=4))
def test_a_cut_changes_nothing(life: tuple[list[PriceChange], int, int, int], shares: list[float]) -> None:
    """Time that is settled in parts costs what it costs in one, to 1e-9."""
    prices, created_ns, start_ns, end_ns = life
    cuts = sorted({start_ns, end_ns, *(start_ns + int(share * (end_ns - start_ns)) for share in shares)})
    whole = paid(prices, created_ns=created_ns, start_ns=start_ns, end_ns=end_ns)
    parts = sum(paid(prices, created_ns=created_ns, start_ns=start, end_ns=end) for start, end in pairwise(cuts))
    assert parts == pytest.approx(whole, rel=1e-9)


@given(lives(), st.floats(0, 1), st.floats(0, 4), st.floats(0, 8))
def test_all_of_what_is_paid_is_somebodys(
    life: tuple[list[PriceChange], int, int, int], there: float, request: float, usage: float
) -> None:
    """Pods, system and idle are the price of each hour, to 1e-9, with cuts where a step is crossed or a pod comes."""
    prices, created_ns, start_ns, end_ns = life
    comes_ns = start_ns + int(there * (end_ns - start_ns))
    pods = [
        PodSpan("a", start_ns, end_ns, [Change(0, Resources(request, 3.0, 0.0))], Resources(usage, 1.0, 0.0)),
        PodSpan("b", comes_ns, end_ns, [Change(0, Resources(1.0, 1.0, 0.0))]),
    ]
    changes = sustained_use.between(prices, created_ns=created_ns, start_ns=start_ns, end_ns=end_ns)
    hours = settle(start_ns=start_ns, end_ns=end_ns, allocatable=Resources(3.9, 13.0), prices=changes, pods=pods)
    for hour in hours:
        charged = sum(pod.cpu + pod.memory + pod.gpu for pod in hour.pods.values())
        assert charged + hour.system.total + hour.idle.total == pytest.approx(hour.paid, rel=1e-9)
    assert sum(hour.seconds for hour in hours) == pytest.approx((end_ns - start_ns) / NS_PER_SECOND)


@given(timelines(families), moments, moments)
def test_the_rate_of_now_is_the_rate_that_is_settled(prices: list[PriceChange], created_ns: int, now_ns: int) -> None:
    """At every moment, and until it says that it changes."""
    held = [change.price for change in prices if change.since_ns <= now_ns] or [prices[0].price]
    now, next_ns = sustained_use.at(held[-1], created_ns=created_ns, now_ns=now_ns)
    assert next_ns is not None
    until_ns = min([next_ns, *(change.since_ns for change in prices[1:] if change.since_ns > now_ns)])
    changes = sustained_use.between(prices, created_ns=created_ns, start_ns=now_ns, end_ns=until_ns)
    assert {change.price for change in changes} == {now}
