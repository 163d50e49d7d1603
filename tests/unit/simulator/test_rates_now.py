from fractions import Fraction

import pytest

from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.costs.bills import bills
from kube_cost_simulator.costs.now import rates_now, uses_now
from kube_cost_simulator.costs.stretches import Stretch
from kube_cost_simulator.everything.nodes import BATCH
from kube_cost_simulator.everything.scenarios import everything_scenario
from kube_cost_simulator.history import History, NodeHistory, NodePrice, PodHistory
from kube_cost_simulator.prices import NetworkPrice, Prices
from kube_cost_simulator.reservation import ContainerRequests, PodRequests
from kube_cost_simulator.scenario import GIB, Resources, Shape, Weights
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR, Sample
from kube_cost_simulator.usage import Rates, UsageTimeline

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
NOW_NS = START_NS + 600 * SECOND_NS
LAST: Stretch = (START_NS + 480 * SECOND_NS, START_NS + 540 * SECOND_NS)
# All of a dollar is the CPU's: a quarter for each of 4 vCPUs.
QUARTER = Fraction(1, 4)


def pod(
    uid: str, millicores: int, *, from_second: int = 0, request: int = 1000, ended: int | None = None
) -> PodHistory:
    bound_ns = START_NS + from_second * SECOND_NS
    rates = Rates(cpu_millicores=millicores, transmit_bytes_per_second=1000)
    asked = PodRequests(bound_ns, (ContainerRequests("main", Resources(request)),))
    ended_ns = None if ended is None else START_NS + ended * SECOND_NS
    usage = UsageTimeline(bound_ns, ((3600 * SECOND_NS, rates),), ended_ns)
    return PodHistory(uid, "shop", uid, "node", bound_ns, [asked], ended_ns, usage)


def history(*pods: PodHistory) -> History:
    node = NodeHistory(
        name="n",
        uid="node",
        capacity_type="spot",
        shape=Shape(Fraction(4), Fraction(0)),
        allocatable=Resources(4000, GIB),
        weights=Weights(),
        created_ns=START_NS,
        deleted_ns=None,
        prices=[NodePrice(START_NS, Fraction(9), Fraction(8)), NodePrice(NOW_NS - 1000, Fraction(3), Fraction(1))],
    )
    network = NetworkPrice({"internet": Fraction(2**30)}, {"internet": Fraction(1, 2)})
    return History(START_NS, NOW_NS, nodes=[node], pods=list(pods), prices=Prices(network=network))


def test_a_pod_costs_now_what_it_used_in_the_last_sample() -> None:
    """Two vCPUs used of one asked for, at the price of now and not of the sample; its bytes per hour likewise."""
    costs = rates_now(history(pod("a", 2000)), {"node": LAST})
    assert costs.by(lambda row: (row.pod, row.kind))["a", "cpu"] == 2 * QUARTER
    assert costs.sent_bytes == {("a", NOW_NS // NANOSECONDS_PER_HOUR * 3600): 1000 * 3600}
    assert costs.by(lambda row: (row.pod, row.kind))["a", "network"] == 1000 * 3600 * Fraction(1, 2)


def test_a_pod_that_no_sample_has_costs_now_what_it_asks_for() -> None:
    """It came after the last sample's end."""
    costs = rates_now(history(pod("late", 3000, from_second=590)), {"node": LAST})
    assert costs.by_pod() == {"late": QUARTER}


def test_a_pod_that_came_in_the_last_sample_uses_now_what_it_used_since() -> None:
    """Ten seconds of three vCPUs are three vCPUs."""
    costs = rates_now(history(pod("late", 3000, from_second=530)), {"node": LAST})
    assert costs.by(lambda row: (row.pod, row.kind))["late", "cpu"] == 3 * QUARTER


def test_a_node_without_a_sample_costs_now_what_its_pods_ask_for() -> None:
    """Its agent hasn't said anything yet, or there is none."""
    costs = rates_now(history(pod("a", 2000)), {})
    assert costs.by_namespace() == {"shop": QUARTER, "__idle__": 3 * QUARTER}


def test_a_pod_that_has_ended_costs_nothing_now() -> None:
    """All of the node is idle."""
    costs = rates_now(history(pod("a", 2000, ended=550)), {"node": LAST})
    assert costs.by_pod() == {}
    assert costs.by_namespace()["__idle__"] == 1


def test_savings_are_the_discount_of_now() -> None:
    """Two dollars an hour: half of them the pod's that has half of the node."""
    assert rates_now(history(pod("a", 2000)), {"node": LAST}).savings_by_namespace() == {"shop": 1, "__idle__": 1}


def test_a_spot_node_that_is_dearer_saves_less_than_nothing() -> None:
    """A dollar an hour lost, a quarter of it the pod's."""
    one = history(pod("a", 0))
    one.nodes[0].prices.append(NodePrice(NOW_NS - 100, Fraction(1), Fraction(2)))
    savings = rates_now(one, {"node": LAST}).savings_by_namespace()
    assert savings == {"shop": -QUARTER, "__idle__": -3 * QUARTER}


@pytest.mark.parametrize("seconds", [333, 1234, 1500, 2500])
def test_rates_are_what_the_providers_bill_an_hour_of_now(seconds: int) -> None:
    """In a cluster with everything, to the last bit, whatever was used when; traffic is another matter."""
    now_ns = START_NS + seconds * SECOND_NS
    cluster = SimulatedCluster(scenario=everything_scenario(), seed=3, clock=ManualClock(start_ns=START_NS))
    cluster.start()
    cluster.advance_to(now_ns)
    happened = cluster.history
    there = [node for node in happened.nodes if node.deleted_ns is None and node.pod_sized is None]
    last = (now_ns - 70 * SECOND_NS, now_ns - 10 * SECOND_NS)
    costs = rates_now(happened, {node.uid: last for node in there if node.agent and node.name != BATCH})
    moment = (now_ns - 1, now_ns)
    billed = bills(happened, {node.uid: [Sample(*moment)] for node in there}, moment)
    components = costs.by_component()
    assert components.pop("network") > 0
    del billed["network"]
    assert components == {component: usd * NANOSECONDS_PER_HOUR for component, usd in billed.items()}


def test_what_is_unused_now_is_a_rate() -> None:
    """Half a vCPU of one asked for, at a quarter of a dollar, and half of it used; a late pod isn't known yet."""
    one = history(pod("a", 500), pod("late", 3000, from_second=590))
    found = uses_now(one, {"node": LAST})
    assert found.by_pod["a", "cpu"].efficiency == Fraction(1, 2)
    assert found.by_pod["a", "cpu"].unused_usd == QUARTER / 2
    assert {uid for uid, _ in found.by_pod} == {"a"}
