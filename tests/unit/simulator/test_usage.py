from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_cost_simulator.usage import (
    NO_USE,
    NOTHING,
    Rates,
    Totals,
    UsagePhase,
    UsageProfile,
    UsageTimeline,
    accumulated,
    steady,
    summed,
)

rates = st.builds(Rates, *[st.integers(0, 10**6)] * 9)
phases = st.lists(st.tuples(st.integers(1, 500), rates), min_size=1, max_size=4).map(tuple)


def one_by_one(timeline: UsageTimeline, at_ns: int) -> Totals:
    """The totals by adding up the rates of every nanosecond."""
    totals = NOTHING
    for moment in range(timeline.start_ns, at_ns):
        totals = accumulated(totals, timeline.rates(moment), 1)
    return totals


@settings(max_examples=40, deadline=None)
@given(phases=phases, at_ns=st.integers(0, 1500), end_ns=st.none() | st.integers(100, 1500))
def test_totals_are_the_sum_of_the_rates(phases: tuple[tuple[int, Rates], ...], at_ns: int, end_ns: int | None) -> None:
    """Over repetitions and past the end, totals at any time are the rates of every nanosecond before it, added up."""
    timeline = UsageTimeline(100, phases, end_ns)
    assert timeline.totals(at_ns) == one_by_one(timeline, at_ns)


@settings(max_examples=40, deadline=None)
@given(phases=phases, moments=st.lists(st.integers(0, 10**6), min_size=2, max_size=2).map(sorted))
def test_totals_never_fall(phases: tuple[tuple[int, Rates], ...], moments: list[int]) -> None:
    """Later totals are at least the earlier ones, each of them."""
    timeline = UsageTimeline(0, phases)
    earlier, later = (timeline.totals(moment) for moment in moments)
    assert all(before <= after for before, after in zip(earlier, later, strict=True))


def test_an_ended_timeline_stands_still() -> None:
    """After the end there are no rates, and totals stay."""
    timeline = steady(Rates(cpu_millicores=10)).timeline(start_ns=0, chance=Random(1)).ended(50)
    assert timeline.rates(50) == NO_USE
    assert timeline.totals(10**12) == timeline.totals(50) == Totals(cpu_millicore_ns=500)


def test_jitter_stays_within_its_percents_and_differs_between_pods() -> None:
    """Two pods of one profile use different amounts, each within ± 20 %."""
    profile = UsageProfile((UsagePhase(10, Rates(cpu_millicores=1000, memory_bytes=10**9)),), jitter_percent=20)
    chance = Random(1)
    first, second = (profile.timeline(start_ns=0, chance=chance).phases[0][1] for _ in range(2))
    assert first != second
    assert all(800 <= used.cpu_millicores <= 1200 for used in (first, second))


@pytest.mark.parametrize("totals", [[], [NOTHING], [Totals(1, 2), Totals(3, 4)]])
def test_a_sum_of_totals_is_column_by_column(totals: list[Totals]) -> None:
    """Nothing, one and two totals."""
    assert summed(totals)[:2] == (sum(each[0] for each in totals), sum(each[1] for each in totals))


@given(
    pauses=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=6),
    at=st.integers(0, 400),
)
def test_a_pause_takes_out_what_would_have_been_used_in_it(pauses: list[tuple[int, int]], at: int) -> None:
    """Totals at any moment are those of the nanoseconds outside of all pauses, added up one by one."""
    usage = UsageTimeline(0, ((7, Rates(cpu_millicores=3)), (4, Rates(memory_bytes=5))))
    whole, begin = usage, 0
    for gap, length in pauses:
        usage = usage.paused(begin + gap, begin + gap + length)
        begin += gap + length
    rates = [whole.rates(ns) for ns in range(at) if not any(start <= ns < end for start, end in usage.pauses)]
    totals = usage.totals(at)
    assert totals.cpu_millicore_ns == sum(rate.cpu_millicores for rate in rates)
    assert totals.memory_byte_ns == sum(rate.memory_bytes for rate in rates)
    assert usage.rates(at) == (NO_USE if any(start <= at < end for start, end in usage.pauses) else whole.rates(at))
