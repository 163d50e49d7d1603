from dataclasses import replace
from fractions import Fraction

import pytest

from kube_cost_simulator.costs.network import network_rows, sent_bytes
from kube_cost_simulator.costs.rows import CLUSTER
from kube_cost_simulator.history import NodeHistory, NodePrice, PodHistory
from kube_cost_simulator.prices import NetworkPrice
from kube_cost_simulator.reservation import PodRequests
from kube_cost_simulator.scenario import Resources, Shape, Weights
from kube_cost_simulator.truth import Sample, samples
from kube_cost_simulator.usage import Rates, UsageTimeline

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
START_NS = 1_800_000_000 // 3600 * HOUR_NS
START_HOUR = START_NS // SECOND_NS
MINUTES = samples(list(range(START_NS, START_NS + HOUR_NS + 1, MINUTE_NS)))


def node(own_bytes_per_second: int = 0) -> NodeHistory:
    return NodeHistory(
        name="n",
        uid="node",
        capacity_type="on_demand",
        shape=Shape(Fraction(4), Fraction(16)),
        allocatable=Resources(4000),
        weights=Weights(),
        created_ns=START_NS,
        deleted_ns=None,
        prices=[NodePrice(START_NS, Fraction(1), None)],
        system_rates=Rates(transmit_bytes_per_second=own_bytes_per_second),
    )


def pod(uid: str, bytes_per_second: int, *, host_network: bool = False, seconds: int = 3600) -> PodHistory:
    ended_ns = START_NS + seconds * SECOND_NS
    rates = Rates(receive_bytes_per_second=10**9, transmit_bytes_per_second=bytes_per_second)
    usage = UsageTimeline(START_NS, ((HOUR_NS, rates),), ended_ns)
    return PodHistory(
        uid, "shop", uid, "node", START_NS, [PodRequests(START_NS, ())], ended_ns, usage, host_network=host_network
    )


def test_a_pod_has_sent_what_it_sent() -> None:
    """1000 bytes a second for 90 s; what it received isn't in it."""
    sent, _ = sent_bytes(node(), [pod("a", 1000, seconds=90)], MINUTES, START_NS + HOUR_NS)
    assert sent == {("a", START_HOUR): 90_000}


def test_what_isnt_a_pods_own_is_the_nodes() -> None:
    """The node's own and that of a pod on its network."""
    pods = [pod("a", 1000), pod("b", 50, host_network=True)]
    sent, rest = sent_bytes(node(7), pods, MINUTES, START_NS + HOUR_NS)
    assert sent == {("a", START_HOUR): 3_600_000}
    assert rest == {START_HOUR: 57 * 3600}


def test_what_stopped_before_the_kubelet_was_asked_is_the_nodes() -> None:
    """90 s of a pod: the first minute is its own, the half of the second is known as sent by the node."""
    at_end = [replace(sample, bytes_at_end=True) for sample in MINUTES]
    sent, rest = sent_bytes(node(), [pod("a", 1000, seconds=90)], at_end, START_NS + HOUR_NS)
    assert sent == {("a", START_HOUR): 60_000}
    assert rest == {START_HOUR: 30_000}


def test_nobody_knows_what_ran_before_it_was_first_read_sent() -> None:
    """Not of the node and of a pod in their first minute; a pod that came later in it is counted from its start."""
    first = replace(MINUTES[0], bytes_since_ns=START_NS + 5 * SECOND_NS)
    late = pod("late", 10, seconds=120)
    late.usage = UsageTimeline(START_NS + 20 * SECOND_NS, ((HOUR_NS, Rates(transmit_bytes_per_second=10)),))
    sent, rest = sent_bytes(node(7), [pod("a", 1000), late], [first, MINUTES[1]], START_NS + HOUR_NS)
    assert sent == {("a", START_HOUR): 60_000, ("late", START_HOUR): 1000}
    assert rest == {START_HOUR: 7 * 60}


@pytest.mark.parametrize(
    ("sample", "pods_bytes", "nodes_bytes"),
    [
        (Sample(START_NS, START_NS + MINUTE_NS), 60_000, 600),
        (Sample(START_NS, START_NS + MINUTE_NS, unseen=frozenset({"a"})), 0, 60_600),
        (Sample(START_NS, START_NS + MINUTE_NS, by_request=True), 0, 0),
    ],
    ids=["seen", "a pod that nobody saw", "no agent"],
)
def test_who_carries_it_depends_on_who_was_seen(sample: Sample, pods_bytes: int, nodes_bytes: int) -> None:
    """What an unseen pod sent is the node's; where there is no agent nobody knows anything."""
    sent, rest = sent_bytes(node(10), [pod("a", 1000)], [sample], START_NS + HOUR_NS)
    assert (sum(sent.values()), sum(rest.values())) == (pods_bytes, nodes_bytes)


def test_a_sample_over_the_full_hour_is_spread_evenly() -> None:
    """600 bytes sent in the last second of an hour, in a sample of 20 min before its end and 10 after: 400 and 200."""
    burst = pod("a", 0, seconds=7200)
    phases = ((HOUR_NS - SECOND_NS, Rates()), (SECOND_NS, Rates(transmit_bytes_per_second=600)), (HOUR_NS, Rates()))
    burst.usage = UsageTimeline(START_NS, phases)
    sample = Sample(START_NS + 40 * MINUTE_NS, START_NS + 70 * MINUTE_NS)
    sent, _ = sent_bytes(node(), [burst], [sample], START_NS + 2 * HOUR_NS)
    assert sent == {("a", START_HOUR): 400, ("a", START_HOUR + 3600): 200}


def test_the_estimate_is_the_shares_at_their_prices() -> None:
    """A fifth to other zones at 0.01 and a tenth to the internet at 0.09 USD per GiB: 0.011 a GiB."""
    price = NetworkPrice(
        {"zone": Fraction("0.01"), "internet": Fraction("0.09")}, {"zone": Fraction("0.2"), "internet": Fraction("0.1")}
    )
    gib = Fraction(2**30)
    sent, rest = {("a", START_HOUR): 2 * gib}, {START_HOUR: gib}
    rows = list(network_rows(node(), {"a": pod("a", 1)}, sent, rest, price.usd_per_byte))
    assert [(row.namespace, row.pod, row.usd) for row in rows] == [
        ("shop", "a", Fraction("0.022")),
        (CLUSTER, "", Fraction("0.011")),
    ]


def test_without_shares_bytes_cost_nothing() -> None:
    """Prices alone aren't enough."""
    assert NetworkPrice({"internet": Fraction("0.09")}).usd_per_byte == 0
