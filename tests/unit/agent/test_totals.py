from hypothesis import given
from hypothesis import strategies as st

from kube_cost_agent.totals import Counter, HeldIntegral, TrapezoidIntegral

_VALUES = st.lists(st.integers(0, 10**18), min_size=1, max_size=30)
_READS = st.lists(st.tuples(st.integers(1, 10**11), st.integers(0, 10**13)), min_size=1, max_size=30)


@given(first=st.integers(0, 10**18), values=_VALUES)
def test_a_counters_total_never_falls_and_misses_nothing(first: int, values: list[int]) -> None:
    """Whatever the source does, the total rises by the difference, or by the whole value after a fall."""
    counter = Counter(first)
    last = first
    for value in values:
        before = counter.total
        counter.follow(value)
        assert counter.total - before == (value - last if value >= last else value)
        last = value


@given(first=st.integers(0, 10**18), values=_VALUES)
def test_a_sum_that_loses_a_device_stands_still(first: int, values: list[int]) -> None:
    """A sum over devices rises by its rises and doesn't move when it falls."""
    counter = Counter(first)
    last = first
    for value in values:
        before = counter.total
        counter.follow_or_hold(value)
        assert counter.total - before == max(0, value - last)
        last = value


def test_a_level_that_grows_evenly_is_integrated_exactly() -> None:
    """From 0 to 100 bytes in 10 s is 500 byte-seconds, however few reads there are."""
    integral = TrapezoidIntegral(0, 0)
    integral.follow(10_000_000_000, 100)
    assert integral.byte_seconds == 500.0


@given(reads=_READS, cut=st.integers(0, 29))
def test_the_integral_over_any_split_of_reads_is_the_sum(reads: list[tuple[int, int]], cut: int) -> None:
    """Integrating up to a read and from it on gives the same as integrating over all."""
    cut = min(cut, len(reads) - 1)
    at_ns = 0
    whole, first = TrapezoidIntegral(0, 0), TrapezoidIntegral(0, 0)
    second: TrapezoidIntegral | None = None
    for index, (step_ns, level_bytes) in enumerate(reads):
        at_ns += step_ns
        whole.follow(at_ns, level_bytes)
        if second is None:
            first.follow(at_ns, level_bytes)
        else:
            second.follow(at_ns, level_bytes)
        if index == cut:
            second = TrapezoidIntegral(at_ns, level_bytes)
    assert second is not None
    expected = first.byte_seconds + second.byte_seconds
    assert abs(whole.byte_seconds - expected) <= 1e-12 * whole.byte_seconds


@given(reads=_READS)
def test_an_integral_never_falls(reads: list[tuple[int, int]]) -> None:
    """Byte-seconds only grow, in floats too."""
    integral = TrapezoidIntegral(0, 0)
    at_ns = 0
    for step_ns, level_bytes in reads:
        before = integral.byte_seconds
        at_ns += step_ns
        integral.follow(at_ns, level_bytes)
        assert integral.byte_seconds >= before


def test_a_level_told_late_holds_from_the_beginning_and_until_the_next() -> None:
    """10 bytes known at 4 s count for those 4 s and the next 3, then 20 bytes for one."""
    integral = HeldIntegral(since_ns=0, upto_ns=4_000_000_000, level_bytes=10)
    integral.advance(7_000_000_000)
    integral.hold(20)
    integral.advance(8_000_000_000)
    assert integral.byte_seconds == 90.0
