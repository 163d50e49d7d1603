from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube_cost_simulator.charging import charges
from kube_cost_simulator.history import History, NodeHistory, NodePrice, PodHistory
from kube_cost_simulator.reservation import ContainerRequests, PodRequests
from kube_cost_simulator.scenario import GIB, CapacityType, Resources, Shape, Weights
from kube_cost_simulator.truth import IDLE, ByResource, Sample, Truth, samples, settle, unit_prices
from kube_cost_simulator.usage import Rates, UsageTimeline

HOUR_NS = 3_600_000_000_000
MINUTE_NS = 60_000_000_000
START_NS = 1_700_000_000 // 3600 * HOUR_NS
START_HOUR = START_NS // 1_000_000_000
WHOLE_NODE = Resources(4000, 16 * GIB)
HALF_AND_HALF = Weights(Fraction(1), Fraction("0.25"), Fraction(0))


def node(
    *,
    on_demand: str = "0.1",
    spot: str | None = None,
    capacity_type: CapacityType = "on_demand",
    allocatable: Resources = WHOLE_NODE,
) -> NodeHistory:
    """4 vCPU and 16 GiB, each half of the price: with 0.1 USD/h a vCPU is 0.0125 and a GiB 0.003125."""
    return NodeHistory(
        name="n",
        uid="node",
        capacity_type=capacity_type,
        shape=Shape(Fraction(4), Fraction(16)),
        allocatable=allocatable,
        weights=HALF_AND_HALF,
        created_ns=START_NS,
        deleted_ns=None,
        prices=[NodePrice(START_NS, Fraction(on_demand), None if spot is None else Fraction(spot))],
    )


def pod(
    uid: str,
    request: Resources,
    *,
    rates: Rates | None = None,
    bound_ns: int = START_NS,
    ended_ns: int | None = None,
    started_ns: int | None = None,
) -> PodHistory:
    usage = None
    if rates is not None:
        usage = UsageTimeline(bound_ns if started_ns is None else started_ns, ((HOUR_NS, rates),), ended_ns)
    requests = [PodRequests(bound_ns, (ContainerRequests("main", request),))]
    return PodHistory(uid, "shop", uid, "node", bound_ns, requests, ended_ns, usage)


def settled(node_history: NodeHistory, *pods: PodHistory, through_ns: int = START_NS + HOUR_NS) -> Truth:
    history = History(started_ns=START_NS, through_ns=through_ns, nodes=[node_history], pods=list(pods))
    boundaries = list(range(START_NS, through_ns + 1, MINUTE_NS))
    return settle(history, {"node": samples(boundaries)})


@pytest.mark.parametrize(
    ("usd_per_hour", "shape", "cpu", "memory", "gpu"),
    [
        ("0.096", Shape(Fraction(2), Fraction(8)), 0.031247, 0.004188, None),
        ("0.126", Shape(Fraction(2), Fraction(16)), 0.030401, 0.004075, None),
        ("0.085", Shape(Fraction(2), Fraction(4)), 0.033515, 0.004492, None),
        ("3.06", Shape(Fraction(8), Fraction(61), Fraction(1)), 0.066192, 0.008872, 1.989263),
        ("0.526", Shape(Fraction(4), Fraction(16), Fraction(1)), 0.014531, 0.001948, 0.436711),
    ],
)
def test_unit_prices_are_the_check_values(
    usd_per_hour: str, shape: Shape, cpu: float, memory: float, gpu: float | None
) -> None:
    """The five check values of the cost model come out to six digits."""
    prices = unit_prices(Fraction(usd_per_hour), shape, Weights())
    assert float(prices.cpu) == pytest.approx(cpu, abs=5.1e-7)
    assert float(prices.memory) == pytest.approx(memory, abs=5.1e-7)
    if gpu is not None:
        assert float(prices.gpu) == pytest.approx(gpu, abs=5.1e-7)


def test_a_pod_below_its_request_pays_its_request() -> None:
    """1 vCPU and 4 GiB reserved for an hour cost 0.0125 + 4 × 0.003125, whatever is used of them."""
    truth = settled(node(), pod("a", Resources(1000, 4 * GIB), rates=Rates(cpu_millicores=300, memory_bytes=GIB)))
    row = truth.pods["node", START_HOUR, "a"]
    assert row == ByResource(Fraction("0.0125"), Fraction("0.0125"))


def test_a_pod_above_its_request_pays_its_usage() -> None:
    """Using 2 vCPU of a reserved 1 costs 2 × 0.0125 an hour."""
    truth = settled(node(), pod("a", Resources(1000, 4 * GIB), rates=Rates(cpu_millicores=2000)))
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.025")


def test_a_best_effort_pod_pays_what_it_uses() -> None:
    """A pod without requests is charged its usage alone."""
    truth = settled(node(), pod("a", Resources(), rates=Rates(cpu_millicores=100, memory_bytes=GIB)))
    assert truth.pods["node", START_HOUR, "a"] == ByResource(Fraction("0.00125"), Fraction("0.003125"))


def test_under_contention_only_what_is_above_requests_shrinks() -> None:
    """Requests 1 and 2 of 4 vCPU, usages 3 and 4: one vCPU is left for 2 + 2 above, so they pay 1.5 and 2.5."""
    truth = settled(
        node(),
        pod("a", Resources(1000), rates=Rates(cpu_millicores=3000)),
        pod("b", Resources(2000), rates=Rates(cpu_millicores=4000)),
    )
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("1.5") * Fraction("0.0125")
    assert truth.pods["node", START_HOUR, "b"].cpu == Fraction("2.5") * Fraction("0.0125")
    assert truth.idle["node", START_HOUR].cpu == 0


def test_requests_beyond_the_capacity_shrink_together() -> None:
    """Requests of 3 and 5 on 4 vCPU pay 1.5 and 2.5."""
    assert charges([Fraction(3), Fraction(5)], [Fraction(0), Fraction(5)], Fraction(4)) == [1.5, 2.5]


def test_system_is_what_the_kubelet_keeps_as_far_as_it_is_free() -> None:
    """Allocatable 3.5 of 4 vCPU leaves half a vCPU to the system, and idle is the rest."""
    small = node(allocatable=Resources(3500, 15 * GIB))
    truth = settled(small, pod("a", Resources(1000, 4 * GIB)))
    assert truth.system["node", START_HOUR] == ByResource(Fraction("0.00625"), Fraction("0.003125"))
    assert truth.idle["node", START_HOUR] == ByResource(Fraction("0.03125"), Fraction("0.034375"))
    crowded = settled(small, pod("a", Resources(1000), rates=Rates(cpu_millicores=3800)))
    assert crowded.system["node", START_HOUR].cpu == Fraction("0.0025")


def test_a_pod_is_charged_from_binding_to_end_and_cut_at_the_hour() -> None:
    """Bound 15 minutes before the full hour and ended 30 after it, a pod has two rows of a quarter and a half hour."""
    lively = pod(
        "a",
        Resources(1000),
        bound_ns=START_NS + 45 * MINUTE_NS,
        ended_ns=START_NS + 90 * MINUTE_NS,
    )
    truth = settled(node(), lively, through_ns=START_NS + 2 * HOUR_NS)
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.0125") / 4
    assert truth.pods["node", START_HOUR + 3600, "a"].cpu == Fraction("0.0125") / 2


def test_usage_is_averaged_over_the_pods_own_part_of_the_sample() -> None:
    """Half a minute alive at 2 vCPU is charged as 2 vCPU for half a minute, not 1 for a minute."""
    brief = pod(
        "a",
        Resources(1000),
        rates=Rates(cpu_millicores=2000),
        bound_ns=START_NS + MINUTE_NS // 2,
        ended_ns=START_NS + MINUTE_NS,
    )
    assert settled(node(), brief).pods["node", START_HOUR, "a"].cpu == Fraction("0.025") / 120


def test_a_burst_is_averaged_over_its_sample() -> None:
    """4 vCPU for 15 s of a minute is 1 vCPU on average: a request of 1 isn't exceeded."""
    usage = UsageTimeline(START_NS, ((MINUTE_NS // 4, Rates(cpu_millicores=4000)), (MINUTE_NS * 3 // 4, Rates())))
    bursty = pod("a", Resources(1000))
    bursty.usage = usage
    assert settled(node(), bursty).pods["node", START_HOUR, "a"].cpu == Fraction("0.0125")


def test_a_resize_counts_from_its_moment_and_the_larger_size_while_it_is_going_on() -> None:
    """Grown from 1 to 2 vCPU at half past, and shrinking in spec only at a quarter to: 1 for 30 min, then 2."""
    grown = pod("a", Resources(1000))
    grown.requests += [
        PodRequests(START_NS + 30 * MINUTE_NS, (ContainerRequests("main", Resources(2000), Resources(1000)),)),
        PodRequests(START_NS + 45 * MINUTE_NS, (ContainerRequests("main", Resources(500), Resources(2000)),)),
    ]
    assert settled(node(), grown).pods["node", START_HOUR, "a"].cpu == Fraction("0.0125") * Fraction("1.5")


def test_a_price_change_counts_from_its_moment() -> None:
    """A node that doubles its price at half past costs one and a half."""
    dearer = node()
    dearer.prices.append(NodePrice(START_NS + 30 * MINUTE_NS, Fraction("0.2"), None))
    truth = settled(dearer, pod("a", Resources(1000)))
    assert truth.nodes["node", START_HOUR] == Fraction("0.15")
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.0125") * Fraction("1.5")


def test_spot_savings_are_spread_as_the_cost_is() -> None:
    """At 0.1 instead of 0.3 USD/h a quarter of the vCPUs, an eighth of the price, has an eighth of the savings."""
    spot = node(on_demand="0.3", spot="0.1", capacity_type="spot")
    truth = settled(spot, pod("a", Resources(1000)))
    assert truth.nodes["node", START_HOUR] == Fraction("0.1")
    assert truth.savings == {("node", "shop"): Fraction("0.2") / 8, ("node", IDLE): Fraction("0.2") * 7 / 8}


def test_spot_dearer_than_on_demand_saves_nothing() -> None:
    """Savings are gross: they stand still, they never shrink."""
    truth = settled(node(on_demand="0.1", spot="0.3", capacity_type="spot"), pod("a", Resources(1000)))
    assert set(truth.savings.values()) == {Fraction(0)}


def test_a_node_without_a_shape_is_all_idle() -> None:
    """A capacity of zero leaves the whole price idle."""
    empty = node()
    empty.shape = Shape(Fraction(0), Fraction(0))
    empty.allocatable = Resources()
    assert settled(empty).idle["node", START_HOUR].total == Fraction("0.1")


def test_unseen_cpu_goes_to_the_pods_that_ended_by_their_reservation() -> None:
    """Two pods that came and went unseen used 6 core-minutes: the one with three times the request has 4.5 of them."""
    pods = [
        pod("a", Resources(100), rates=Rates(cpu_millicores=3000), ended_ns=START_NS + MINUTE_NS),
        pod("b", Resources(300), rates=Rates(cpu_millicores=3000), ended_ns=START_NS + MINUTE_NS),
    ]
    for each in pods:
        assert each.usage is not None
        each.usage = UsageTimeline(START_NS, ((HOUR_NS, Rates(cpu_millicores=1500)),), START_NS + MINUTE_NS)
    sample = Sample(START_NS, START_NS + MINUTE_NS, unseen=frozenset({"a", "b"}))
    history = History(START_NS, START_NS + MINUTE_NS, [node()], pods)
    rows = settle(history, {"node": [sample]}).pods
    assert rows["node", START_HOUR, "a"].cpu == Fraction("0.0125") * Fraction("0.75") / 60
    assert rows["node", START_HOUR, "b"].cpu == Fraction("0.0125") * Fraction("2.25") / 60


def test_a_sample_of_which_nothing_is_known_is_charged_by_request() -> None:
    """Where the agent was away a pod pays its request, however much it used."""
    busy = pod("a", Resources(1000), rates=Rates(cpu_millicores=4000))
    history = History(START_NS, START_NS + HOUR_NS, [node()], [busy])
    truth = settle(history, {"node": [Sample(START_NS, START_NS + HOUR_NS, by_request=True)]})
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.0125")


pods_strategy = st.lists(
    st.tuples(
        st.integers(0, 2500),
        st.integers(0, 5000),
        st.integers(0, 20 * GIB),
        st.integers(0, HOUR_NS - 1),
        st.integers(1, HOUR_NS),
    ),
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(facts=pods_strategy, boundaries=st.sets(st.integers(0, HOUR_NS), min_size=2, max_size=5))
def test_whatever_happens_the_whole_price_is_given_out(
    facts: list[tuple[int, int, int, int, int]], boundaries: set[int]
) -> None:
    """For arbitrary pods and samples, pods + idle + system is the node's price times its time, exactly."""
    pods = [
        pod(
            str(index),
            Resources(request, memory // 2),
            rates=Rates(cpu_millicores=millicores, memory_bytes=memory),
            bound_ns=START_NS + begin,
            ended_ns=START_NS + begin + length,
        )
        for index, (request, millicores, memory, begin, length) in enumerate(facts)
    ]
    history = History(START_NS, START_NS + 2 * HOUR_NS, [node()], pods)
    edges = [START_NS + boundary for boundary in sorted(boundaries)]
    truth = settle(history, {"node": samples(edges)})
    given_out = [row.total for row in (*truth.pods.values(), *truth.idle.values(), *truth.system.values())]
    assert sum(given_out) == Fraction("0.1") * (edges[-1] - edges[0]) / HOUR_NS


def pod_on(node_uid: str, uid: str, *, from_minute: int, to_minute: int, name: str = "db-0") -> PodHistory:
    """1 vCPU requested, nothing used."""
    lived = pod(
        uid,
        Resources(1000),
        bound_ns=START_NS + from_minute * MINUTE_NS,
        ended_ns=START_NS + to_minute * MINUTE_NS,
    )
    lived.node_uid, lived.name = node_uid, name
    return lived


def test_two_nodes_of_one_name_are_two_nodes() -> None:
    """The first lives 20 minutes at 0.1 USD/h, the second the last 30 at 0.2: each has its own time and pods."""
    first, second = node(), node(on_demand="0.2")
    first.deleted_ns = START_NS + 20 * MINUTE_NS
    second.uid, second.created_ns = "another", START_NS + 30 * MINUTE_NS
    second.prices[:] = [NodePrice(second.created_ns, Fraction("0.2"), None)]
    pods = [
        pod_on("node", "a", from_minute=10, to_minute=20),
        pod_on("another", "b", from_minute=30, to_minute=60),
    ]
    history = History(START_NS, START_NS + HOUR_NS, [first, second], pods)
    edges = range(START_NS, START_NS + HOUR_NS + 1, MINUTE_NS)
    truth = settle(history, {"node": samples(list(edges)), "another": samples(list(edges))})
    assert truth.nodes == {("node", START_HOUR): Fraction("0.1") / 3, ("another", START_HOUR): Fraction("0.1")}
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.0125") / 6
    assert truth.pods["another", START_HOUR, "b"].cpu == Fraction("0.025") / 2
    assert set(truth.pods) == {("node", START_HOUR, "a"), ("another", START_HOUR, "b")}


def test_two_pods_of_one_name_are_two_pods() -> None:
    """A StatefulSet's pod of 15 minutes and the one that has its name for the next 30 have a row each."""
    pods = [pod_on("node", "a", from_minute=0, to_minute=15), pod_on("node", "b", from_minute=15, to_minute=45)]
    truth = settled(node(), *pods)
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.0125") / 4
    assert truth.pods["node", START_HOUR, "b"].cpu == Fraction("0.0125") / 2


def test_prices_that_change_within_a_sample_cut_it() -> None:
    """In one sample of a minute the price is 0.1 for 12 s, 0.3 for 18 s and 0.2 for 30 s: 0.21 on average.

    Its usage is that of the whole sample, 2 vCPU for half of it, however the price moved.
    """
    second_ns = 1_000_000_000
    dearer = node()
    dearer.prices += [
        NodePrice(START_NS + 12 * second_ns, Fraction("0.3"), None),
        NodePrice(START_NS + 30 * second_ns, Fraction("0.2"), None),
    ]
    lively = pod("a", Resources(500))
    lively.usage = UsageTimeline(START_NS, ((MINUTE_NS // 2, Rates(cpu_millicores=2000)), (MINUTE_NS // 2, Rates())))
    truth = settled(dearer, lively, through_ns=START_NS + MINUTE_NS)
    assert truth.nodes["node", START_HOUR] == Fraction("0.21") / 60
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.21") / 8 / 60


def test_a_price_change_at_a_full_hour_is_the_next_hours() -> None:
    """Each hour has its own price, to the nanosecond."""
    dearer = node()
    dearer.prices.append(NodePrice(START_NS + HOUR_NS, Fraction("0.4"), None))
    truth = settled(dearer, pod("a", Resources(1000)), through_ns=START_NS + 2 * HOUR_NS)
    assert [truth.nodes["node", START_HOUR + hour] for hour in (0, 3600)] == [Fraction("0.1"), Fraction("0.4")]
    assert truth.pods["node", START_HOUR + 3600, "a"].cpu == Fraction("0.05")


def test_a_pod_pays_its_request_while_its_container_is_away() -> None:
    """At 2 vCPU with a request of 1, two whole minutes without a container cost the request, the others the use."""
    restarting = pod("a", Resources(1000), rates=Rates(cpu_millicores=2000))
    assert restarting.usage is not None
    restarting.usage = restarting.usage.paused(START_NS + 10 * MINUTE_NS, START_NS + 12 * MINUTE_NS)
    truth = settled(node(), restarting)
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.0125") * (58 * 2 + 2) / 60


def test_a_restart_within_a_sample_lowers_its_average() -> None:
    """40 s of a minute at 3 vCPU are 2 on average: above the request of 1, so that is what is paid."""
    restarting = pod("a", Resources(1000), rates=Rates(cpu_millicores=3000))
    assert restarting.usage is not None
    restarting.usage = restarting.usage.paused(START_NS + MINUTE_NS // 3, START_NS + MINUTE_NS * 2 // 3)
    truth = settled(node(), restarting, through_ns=START_NS + MINUTE_NS)
    assert truth.pods["node", START_HOUR, "a"].cpu == Fraction("0.025") / 60


def test_a_pod_that_is_bound_and_never_starts_pays_its_request() -> None:
    """ImagePullBackOff holds what was reserved."""
    truth = settled(node(), pod("a", Resources(1000, 4 * GIB), ended_ns=START_NS + 30 * MINUTE_NS))
    assert truth.pods["node", START_HOUR, "a"] == ByResource(Fraction("0.00625"), Fraction("0.00625"))
