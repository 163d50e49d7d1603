from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_simulator.costs.use import Use, uses
from kube_cost_simulator.history import History, NodeHistory, NodePrice, PodHistory
from kube_cost_simulator.reservation import ContainerRequests, PodRequests
from kube_cost_simulator.scenario import GIB, Resources, Shape, Weights
from kube_cost_simulator.truth import Sample, samples
from kube_cost_simulator.usage import Rates, UsageTimeline

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
START_NS = 500_000 * HOUR_NS
MINUTES = samples(list(range(START_NS, START_NS + HOUR_NS + 1, 60 * SECOND_NS)))
HALF_HOURS = samples([START_NS, START_NS + HOUR_NS // 2, START_NS + HOUR_NS])


def pod(uid: str, asked: Resources, *phases: tuple[int, Rates], namespace: str = "shop") -> PodHistory:
    """A pod over an hour; phases are minutes and what is used in them."""
    usage = UsageTimeline(START_NS, tuple((minutes * 60 * SECOND_NS, rates) for minutes, rates in phases))
    requests = [PodRequests(START_NS, (ContainerRequests("main", asked),))]
    return PodHistory(uid, namespace, uid, "node", START_NS, requests, None, usage)


def history(*pods: PodHistory) -> History:
    """A node of 4 vCPUs, 16 GiB and 2 GPUs, of which a vCPU costs a tenth of a dollar at first, then a fifth."""
    node = NodeHistory(
        name="n",
        uid="node",
        capacity_type="on_demand",
        shape=Shape(Fraction(4), Fraction(16), Fraction(2)),
        allocatable=Resources(4000, 16 * GIB),
        weights=Weights(Fraction(1), Fraction(0), Fraction(3)),
        created_ns=START_NS,
        deleted_ns=None,
        prices=[NodePrice(START_NS, Fraction(1), None), NodePrice(START_NS + HOUR_NS // 2, Fraction(2), None)],
    )
    return History(START_NS, START_NS + HOUR_NS, nodes=[node], pods=list(pods))


def test_efficiency_is_what_was_used_of_what_was_reserved() -> None:
    """A quarter of two vCPUs, three quarters of four GiB."""
    used = Rates(cpu_millicores=500, memory_bytes=3 * GIB)
    found = uses(history(pod("a", Resources(2000, 4 * GIB), (60, used))), {"node": MINUTES})
    assert found.by_pod["a", "cpu"].efficiency == Fraction(1, 4)
    assert found.by_pod["a", "memory"].efficiency == Fraction(3, 4)


def test_there_is_no_efficiency_where_nothing_is_reserved() -> None:
    """Not 0, and nothing to divide by."""
    found = uses(history(pod("a", Resources(), (60, Rates(cpu_millicores=500)))), {"node": MINUTES})
    assert found.by_pod["a", "cpu"].efficiency is None
    assert found.by_pod["a", "cpu"].beyond == Fraction(1, 2)


def test_what_is_unused_costs_the_price_of_its_time() -> None:
    """A vCPU of two, at 10 cents for half an hour and at 20 for the other."""
    found = uses(history(pod("a", Resources(2000), (60, Rates(cpu_millicores=1000)))), {"node": MINUTES})
    assert found.by_pod["a", "cpu"] == Use(
        reserved=Fraction(2),
        used=Fraction(1),
        unused=Fraction(1),
        unused_usd=(Fraction(1, 10) + Fraction(2, 10)) / 2,
    )


def test_a_peak_in_one_sample_makes_up_for_no_waste_in_another() -> None:
    """A vCPU asked for: none used for half an hour, then two; within a sample it would even out."""
    one = pod("a", Resources(1000), (30, Rates()), (30, Rates(cpu_millicores=2000)))
    apart = uses(history(one), {"node": HALF_HOURS}).by_pod["a", "cpu"]
    assert apart.unused == apart.beyond == Fraction(1, 2)
    assert (apart.unused_usd, apart.beyond_usd) == (Fraction(1, 20), Fraction(1, 10))
    together = uses(history(one), {"node": samples([START_NS, START_NS + HOUR_NS])}).by_pod["a", "cpu"]
    assert together.unused == together.beyond == 0


def test_a_gpu_is_used_as_far_as_it_is_busy() -> None:
    """Two, each busy for a quarter of the time."""
    one = pod("a", Resources(gpus=2), (60, Rates(gpu_permille=250)))
    found = uses(history(one), {"node": MINUTES}).by_pod["a", "gpu"]
    assert found.reserved == 2
    assert found.used == Fraction(1, 2)


def test_nobody_knows_of_use_where_nobody_looked() -> None:
    """Samples by request, and nodes without any."""
    one = history(pod("a", Resources(1000), (60, Rates(cpu_millicores=500))))
    assert uses(one, {"node": [Sample(START_NS, START_NS + HOUR_NS, by_request=True)]}).by_pod == {}
    assert uses(one, {}).by_pod == {}


def test_uses_are_summed_by_namespace() -> None:
    """Two pods of one, and another's."""
    half, asked = Rates(cpu_millicores=500), Resources(1000)
    there = [pod("a", asked, (60, half)), pod("b", asked, (60, Rates())), pod("c", asked, (60, half), namespace="ml")]
    found = uses(history(*there), {"node": MINUTES}).by(lambda pod: pod.namespace)
    assert found["shop", "cpu"].efficiency == Fraction(1, 4)
    assert found["ml", "cpu"].efficiency == Fraction(1, 2)


@given(
    asked=st.integers(0, 4000),
    phases=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 4000)), min_size=1, max_size=5),
    minutes=st.sampled_from([1, 2, 5, 30, 60]),
)
def test_reserved_and_beyond_is_used_and_unused(asked: int, phases: list[tuple[int, int]], minutes: int) -> None:
    """Whatever is asked for and used, in samples of any length; `used` doesn't depend on the samples."""
    one = pod("a", Resources(asked), *((length, Rates(cpu_millicores=used)) for length, used in phases))
    edges = list(range(START_NS, START_NS + HOUR_NS + 1, minutes * 60 * SECOND_NS))
    found = uses(history(one), {"node": samples(edges)}).by_pod["a", "cpu"]
    assert found.reserved + found.beyond == found.used + found.unused
    assert one.usage is not None
    assert found.used == Fraction(one.usage.totals(START_NS + HOUR_NS).cpu_millicore_ns, 1000 * HOUR_NS)


@pytest.mark.parametrize(("at_second", "expected"), [(0, Fraction(1)), (1800, Fraction(3, 2))])
def test_a_resized_pod_reserves_what_it_reserves_then(at_second: int, expected: Fraction) -> None:
    """From one vCPU to ... one, or to two in the middle of the hour."""
    one = pod("a", Resources(1000), (60, Rates()))
    if at_second:
        main = ContainerRequests("main", Resources(2000))
        one.requests.append(PodRequests(START_NS + at_second * SECOND_NS, (main,)))
    assert uses(history(one), {"node": MINUTES}).by_pod["a", "cpu"].reserved == expected
