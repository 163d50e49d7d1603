"""The laws of docs/cost-model.md: money is neither made nor lost, however time is cut and pods are ordered."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain import unit_prices
from kube_cost_common.domain.money import NS_PER_HOUR, NS_PER_SECOND, to_nano
from kube_cost_common.domain.rates import node_rates
from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.settlement import Change, HourCharges, PodSpan, PriceChange, pieces, settle
from kube_cost_common.domain.unit_prices import NodePrice

DAY_NS = 24 * NS_PER_HOUR


def price(usd: float, shape: Resources, on_demand: float | None = None) -> NodePrice:
    return NodePrice(usd, on_demand, shape, unit_prices.split(usd, shape), "api")


amounts = st.builds(
    Resources,
    st.floats(0, 40, allow_subnormal=False),
    st.floats(0, 300, allow_subnormal=False),
    st.sampled_from([0.0, 0.0, 0.5, 1.0, 8.0]),
)
shapes = st.builds(
    Resources,
    st.just(0.0) | st.floats(0.1, 96),
    st.just(0.0) | st.floats(0.1, 800),
    st.sampled_from([0.0, 0.0, 1.0, 8.0]),
)
moments = st.integers(0, 3 * NS_PER_HOUR)


@st.composite
def spans(draw: st.DrawFn, key: int) -> PodSpan[int]:
    start, end = sorted(draw(st.tuples(moments, moments)))
    changes = draw(st.lists(st.tuples(moments, amounts), min_size=1, max_size=3, unique_by=lambda change: change[0]))
    return PodSpan(
        key=key,
        start_ns=start,
        end_ns=end,
        requests=[Change(since, requests) for since, requests in sorted(changes)],
        usage=draw(amounts),
    )


@st.composite
def pod_lists(draw: st.DrawFn) -> list[PodSpan[int]]:
    return [draw(spans(key)) for key in range(draw(st.integers(0, 5)))]


@st.composite
def timelines(draw: st.DrawFn) -> list[PriceChange]:
    changes = draw(
        st.lists(
            st.tuples(moments, st.floats(0, 100), shapes, st.none() | st.floats(0, 100)),
            min_size=1,
            max_size=3,
            unique_by=lambda change: change[0],
        )
    )
    return [
        PriceChange(since, price(usd, shape, on_demand))
        for since, usd, shape, on_demand in sorted(changes, key=lambda change: change[0])
    ]


stretches = st.tuples(moments, moments).map(sorted).filter(lambda pair: pair[0] < pair[1])


def settled(
    stretch: Sequence[int], pods: Sequence[PodSpan[int]], prices: Sequence[PriceChange], reserve: Resources = NOTHING
) -> list[HourCharges[int]]:
    allocatable = Resources(*(max(0.0, n - r) for n, r in zip(prices[0].price.shape, reserve, strict=True)))
    return settle(start_ns=stretch[0], end_ns=stretch[1], allocatable=allocatable, prices=prices, pods=pods)


def totals(hours: Sequence[HourCharges[int]]) -> dict[object, float]:
    result: dict[object, float] = {"system": 0.0, "idle": 0.0, "paid": 0.0}
    for hour in hours:
        result["system"] += hour.system.total
        result["idle"] += hour.idle.total
        result["paid"] += hour.paid
        for key, charge in hour.pods.items():
            result[key] = result.get(key, 0.0) + charge.cpu + charge.memory + charge.gpu
    return result


def piece_by_piece(
    stretch: Sequence[int], pods: Sequence[PodSpan[int]], prices: Sequence[PriceChange], reserve: Resources
) -> dict[object, float]:
    """What each is charged in a stretch, every piece divided by itself: `settle` without its short cuts."""
    allocatable = Resources(*(max(0.0, n - r) for n, r in zip(prices[0].price.shape, reserve, strict=True)))
    result: dict[object, float] = {"system": 0.0, "idle": 0.0}
    for start, end in pieces(stretch[0], stretch[1], prices, pods):
        holding = [change.price for change in prices if change.since_ns <= start] or [prices[0].price]
        here = [pod for pod in pods if pod.start_ns <= start and pod.end_ns >= end]
        requests = [
            ([c.requests for c in pod.requests if c.since_ns <= start] or [pod.requests[0].requests])[-1]
            for pod in here
        ]
        rates = node_rates(
            price=holding[-1], allocatable=allocatable, requests=requests, usages=[pod.usage for pod in here]
        )
        hours = (end - start) / NS_PER_HOUR
        result["system"] += rates.system.total * hours
        result["idle"] += rates.idle.total * hours
        for pod, usd in zip(here, rates.pods, strict=True):
            result[pod.key] = result.get(pod.key, 0.0) + usd.total * hours
    return result


@given(
    stretches,
    st.tuples(pod_lists(), st.lists(st.tuples(amounts, amounts), max_size=4)),
    timelines(),
    amounts,
)
def test_it_is_what_the_pieces_make_one_by_one(
    stretch: list[int],
    pods: tuple[list[PodSpan[int]], list[tuple[Resources, Resources]]],
    prices: list[PriceChange],
    reserve: Resources,
) -> None:
    """Pods that last are charged for many pieces at once: to 1 nano-USD what a division of each piece gives."""
    passing, lasting = pods
    every = [
        *passing,
        *(
            PodSpan(100 + number, 0, 3 * NS_PER_HOUR, [Change(0, request)], usage)
            for number, (request, usage) in enumerate(lasting)
        ),
    ]
    whole = totals(settled(stretch, every, prices, reserve))
    del whole["paid"]
    expected = piece_by_piece(stretch, every, prices, reserve)
    assert whole.keys() == expected.keys()
    assert all(abs(to_nano(whole[key]) - to_nano(usd)) <= 1 for key, usd in expected.items())


@given(stretches, pod_lists(), timelines(), amounts)
def test_pods_system_and_idle_are_what_was_paid(
    stretch: list[int], pods: list[PodSpan[int]], prices: list[PriceChange], reserve: Resources
) -> None:
    """In every hour the parts add up to price × time, and none is negative."""
    for hour in settled(stretch, pods, prices, reserve):
        parts = [charge.cpu + charge.memory + charge.gpu for charge in hour.pods.values()]
        parts += [hour.system.total, hour.idle.total]
        assert sum(parts) == pytest.approx(hour.paid, rel=1e-12, abs=1e-12)
        assert all(part >= 0 for part in parts)


@given(stretches, pod_lists(), timelines())
def test_what_was_paid_is_price_times_time(
    stretch: list[int], pods: list[PodSpan[int]], prices: list[PriceChange]
) -> None:
    """Against the price integrated by itself, change by change."""
    start, end = stretch
    edges = [start, *(change.since_ns for change in prices[1:] if start < change.since_ns < end), end]
    paid = 0.0
    for left, right in pairwise(edges):
        holding = [change.price for change in prices if change.since_ns <= left] or [prices[0].price]
        paid += holding[-1].usd_per_hour * (right - left) / NS_PER_HOUR
    assert totals(settled(stretch, pods, prices))["paid"] == pytest.approx(paid, rel=1e-12, abs=1e-12)


@given(stretches, pod_lists(), timelines(), st.floats(0.01, 0.99))
def test_a_cut_changes_nothing(
    stretch: list[int], pods: list[PodSpan[int]], prices: list[PriceChange], at: float
) -> None:
    """Settling a stretch in two goes gives each row the same, to 1 nano-USD."""
    start, end = stretch
    middle = start + int((end - start) * at)
    whole = totals(settled((start, end), pods, prices))
    halves = [totals(settled(part, pods, prices)) for part in ((start, middle), (middle, end)) if part[0] < part[1]]
    for key, usd in whole.items():
        assert abs(to_nano(usd) - to_nano(sum(half.get(key, 0.0) for half in halves))) <= 1


@given(stretches, pod_lists(), timelines(), st.randoms(use_true_random=False))
def test_the_order_of_pods_does_not_matter(
    stretch: list[int], pods: list[PodSpan[int]], prices: list[PriceChange], random: object
) -> None:
    """Whoever comes first pays the same, to 1 nano-USD."""
    shuffled = list(pods)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = totals(settled(stretch, pods, prices)), totals(settled(stretch, shuffled, prices))
    assert first.keys() == second.keys()
    assert all(abs(to_nano(first[key]) - to_nano(second[key])) <= 1 for key in first)


@given(pod_lists(), st.floats(0.001, 100))
def test_without_contention_a_pod_pays_at_least_its_request(pods: list[PodSpan[int]], usd: float) -> None:
    """On a machine with room for all, what is reserved is charged, used or not."""
    prices = [PriceChange(0, price(usd, Resources(1000, 10_000, 100)))]
    units = prices[0].price.unit_prices
    paid = totals(settled((0, 3 * NS_PER_HOUR), pods, prices))
    for pod in pods:
        reserved = 0.0
        edges = sorted({pod.start_ns, pod.end_ns, *(c.since_ns for c in pod.requests)})
        for left, right in pairwise(edges):
            if left >= pod.start_ns and right <= pod.end_ns:
                holding = [c.requests for c in pod.requests if c.since_ns <= left] or [pod.requests[0].requests]
                rate = sum(a * u for a, u in zip(holding[-1], units, strict=True))
                reserved += rate * (right - left) / NS_PER_HOUR
        assert paid.get(pod.key, 0.0) >= reserved - 1e-9


@given(stretches, pod_lists(), timelines())
def test_time_is_counted_whole(stretch: list[int], pods: list[PodSpan[int]], prices: list[PriceChange]) -> None:
    """A stretch's seconds are its hours' seconds, a pod's are its part of it."""
    hours = settled(stretch, pods, prices)
    assert sum(hour.seconds for hour in hours) == pytest.approx((stretch[1] - stretch[0]) / NS_PER_SECOND)
    for pod in pods:
        overlap = min(pod.end_ns, stretch[1]) - max(pod.start_ns, stretch[0])
        seconds = sum(hour.pods[pod.key].seconds for hour in hours if pod.key in hour.pods)
        assert seconds == pytest.approx(max(0, overlap) / NS_PER_SECOND, abs=1e-6)


@given(stretches, pod_lists(), timelines())
def test_each_hour_is_a_full_utc_hour_of_the_stretch(
    stretch: list[int], pods: list[PodSpan[int]], prices: list[PriceChange]
) -> None:
    """No charge lies in an hour that the stretch doesn't touch, and none is there twice."""
    starts = [hour.hour_start_ns for hour in settled(stretch, pods, prices)]
    first = stretch[0] - stretch[0] % NS_PER_HOUR
    assert starts == list(range(first, stretch[1], NS_PER_HOUR))


def test_usage_above_the_request_is_charged() -> None:
    """A pod that asks for half a core and burns one pays for one."""
    shape = Resources(4, 16)
    pod = PodSpan(
        key=1,
        start_ns=0,
        end_ns=NS_PER_HOUR,
        requests=[Change(0, Resources(0.5, 2))],
        usage=Resources(1.0, 1.0),
    )
    (hour,) = settled((0, NS_PER_HOUR), [pod], [PriceChange(0, price(0.192, shape))])
    units = unit_prices.split(0.192, shape)
    assert hour.pods[1].cpu == pytest.approx(1.0 * units.vcpu)
    assert hour.pods[1].memory == pytest.approx(2.0 * units.memory_gib)


def test_above_capacity_only_what_is_above_requests_is_scaled() -> None:
    """Two pods request 1 and 1 of 4 vCPUs and use 5 and 1: the first has its 1 and what is left, 3 in all."""
    shape = Resources(4, 16)
    pods = [
        PodSpan(key=1, start_ns=0, end_ns=NS_PER_HOUR, requests=[Change(0, Resources(1, 0))], usage=Resources(5, 0)),
        PodSpan(key=2, start_ns=0, end_ns=NS_PER_HOUR, requests=[Change(0, Resources(1, 0))], usage=Resources(1, 0)),
    ]
    (hour,) = settled((0, NS_PER_HOUR), pods, [PriceChange(0, price(0.192, shape))])
    unit = unit_prices.split(0.192, shape).vcpu
    assert [hour.pods[1].cpu, hour.pods[2].cpu] == pytest.approx([3 * unit, 1 * unit])


def test_a_machine_of_nothing_is_all_idle() -> None:
    """A node that reports no capacity costs what it costs, and nobody else."""
    pod = PodSpan(key=1, start_ns=0, end_ns=NS_PER_HOUR, requests=[Change(0, Resources(1, 1))], usage=Resources(1, 1))
    (hour,) = settled((0, NS_PER_HOUR), [pod], [PriceChange(0, price(0.5, NOTHING))])
    assert (hour.idle.total, hour.pods[1].cpu) == (0.5, 0.0)


def test_spot_savings_follow_the_cost() -> None:
    """On demand 0.34, paid 0.14: a pod with all of a node is saved 0.20 an hour."""
    shape = Resources(8, 16)
    pod = PodSpan(key=1, start_ns=0, end_ns=NS_PER_HOUR, requests=[Change(0, shape)])
    (hour,) = settled((0, NS_PER_HOUR), [pod], [PriceChange(0, price(0.14, shape, on_demand=0.34))])
    assert [hour.saved, hour.pods[1].savings] == pytest.approx([0.20, 0.20])


def test_spot_dearer_than_on_demand_saves_nothing() -> None:
    """Savings are gross: they never fall."""
    shape = Resources(8, 16)
    pod = PodSpan(key=1, start_ns=0, end_ns=NS_PER_HOUR, requests=[Change(0, shape)])
    (hour,) = settled((0, NS_PER_HOUR), [pod], [PriceChange(0, price(0.40, shape, on_demand=0.34))])
    assert (hour.saved, hour.pods[1].savings) == (0.0, 0.0)


@given(st.lists(st.tuples(amounts, amounts), max_size=6), shapes, st.floats(0, 100), amounts)
def test_rates_add_up_to_the_price(
    pods: list[tuple[Resources, Resources]], shape: Resources, usd: float, allocatable: Resources
) -> None:
    """At every moment the gauges of a node's pods, system and idle are its price."""
    rates = node_rates(
        price=price(usd, shape),
        allocatable=allocatable,
        requests=[requests for requests, _ in pods],
        usages=[usage for _, usage in pods],
    )
    parts = [pod.total for pod in rates.pods] + [rates.system.total, rates.idle.total]
    assert sum(parts) == pytest.approx(usd, rel=1e-12, abs=1e-12)
    assert all(part >= 0 for part in parts)


def test_a_day_of_rows_is_the_nodes_bill() -> None:
    """24 hours at 0.192 and a price change at noon to 0.240: 5.184 USD, hour by hour in whole nano-USD."""
    shape = Resources(4, 16)
    prices = [PriceChange(0, price(0.192, shape)), PriceChange(DAY_NS // 2, price(0.240, shape))]
    hours = settled((0, DAY_NS), [], prices)
    assert sum(to_nano(hour.paid) for hour in hours) == to_nano(5.184)
