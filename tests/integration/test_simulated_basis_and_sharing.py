from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest

from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.costs.bills import bills
from kube_cost_simulator.costs.rows import CLUSTER, SYSTEM, Costs, Row
from kube_cost_simulator.costs.sharing import Sharing, moved
from kube_cost_simulator.costs.stretches import regular_samples
from kube_cost_simulator.costs.whole import whole_truth
from kube_cost_simulator.everything.scenarios import everything_scenario
from kube_cost_simulator.history import History, NodeHistory, NodePrice, PodHistory
from kube_cost_simulator.reservation import ContainerRequests, PodRequests
from kube_cost_simulator.scenario import GIB, Resources, Shape, Weights
from kube_cost_simulator.truth import IDLE, Basis, Sample, Truth
from kube_cost_simulator.usage import Rates, UsageTimeline

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
START_NS = 500_000 * HOUR_NS
QUARTER = Fraction(1, 4)


def history(*pods: tuple[str, int, int]) -> History:
    """An hour of a node of 4 vCPUs at a dollar, and pods: uid, millicores asked for, millicores used."""
    node = NodeHistory(
        name="n",
        uid="node",
        capacity_type="on_demand",
        shape=Shape(Fraction(4), Fraction(0)),
        allocatable=Resources(4000, GIB),
        weights=Weights(),
        created_ns=START_NS,
        deleted_ns=None,
        prices=[NodePrice(START_NS, Fraction(1), None)],
    )
    there = [
        PodHistory(
            uid,
            "shop",
            uid,
            "node",
            START_NS,
            [PodRequests(START_NS, (ContainerRequests("main", Resources(asked)),))],
            usage=UsageTimeline(START_NS, ((HOUR_NS, Rates(cpu_millicores=used)),)),
        )
        for uid, asked, used in pods
    ]
    return History(START_NS, START_NS + HOUR_NS, nodes=[node], pods=there)


@pytest.mark.parametrize(
    ("basis", "busy", "lazy"),
    [("max", 2 * QUARTER, QUARTER), ("request", QUARTER, QUARTER), ("usage", 2 * QUARTER, QUARTER / 2)],
)
def test_a_pod_owes_by_the_basis(basis: Basis, busy: Fraction, lazy: Fraction) -> None:
    """One that asks for a vCPU and uses two, one that uses half of the one that it asks for."""
    costs = whole_truth(history(("busy", 1000, 2000), ("lazy", 1000, 500)), basis=basis)
    assert costs.by_pod() == {"busy": busy, "lazy": lazy}
    assert costs.total == 1


def test_by_usage_everything_is_scaled_where_more_is_used_than_there_is() -> None:
    """Three and six vCPUs of four: a third and two thirds, whatever was asked for."""
    costs = whole_truth(history(("a", 3000, 3000), ("b", 0, 6000)), basis="usage")
    assert costs.by_pod() == {"a": Fraction(1, 3), "b": Fraction(2, 3)}


def test_by_usage_requests_count_where_nobody_looked() -> None:
    """There is nothing else to go by."""
    by_request = {"node": [Sample(START_NS, START_NS + HOUR_NS, by_request=True)]}
    assert whole_truth(history(("a", 1000, 3000)), by_request, basis="usage").by_pod() == {"a": QUARTER}


@pytest.fixture(scope="module")
def lived() -> History:
    """70 minutes of everything."""
    cluster = SimulatedCluster(scenario=everything_scenario(), seed=4, clock=ManualClock(start_ns=START_NS))
    cluster.start()
    cluster.advance_to(START_NS + 4200 * SECOND_NS)
    return cluster.history


@pytest.mark.parametrize("basis", ["request", "usage"])
def test_by_any_basis_all_rows_are_what_the_providers_bill(lived: History, basis: Basis) -> None:
    """Only who owes what is another."""
    billed = bills(lived, regular_samples(lived), (lived.started_ns, lived.through_ns))
    costs = whole_truth(lived, basis=basis)
    assert costs.by_component() == billed
    assert costs.by_pod() != whole_truth(lived).by_pod()


def test_gpus_are_owed_as_allocated_by_any_basis(lived: History) -> None:
    """Whoever holds one keeps it from all others."""
    gpus = {
        basis: {
            key: usd for key, usd in whole_truth(lived, basis=basis).by_namespace_and_kind().items() if "gpu" in key
        }
        for basis in ("max", "request", "usage")
    }
    assert gpus["max"] == gpus["request"] == gpus["usage"]


def test_bytes_of_pods_that_stopped_before_the_kubelet_was_asked_are_the_nodes(lived: History) -> None:
    """Those of a CronJob's brief pods, for the most part; all together are the same."""
    at_end = {
        uid: [replace(sample, bytes_at_end=True) for sample in samples]
        for uid, samples in regular_samples(lived).items()
    }
    known, sent = whole_truth(lived, at_end), whole_truth(lived)
    assert known.total == sent.total
    assert 0 < known.by_namespace_and_kind()["batch", "network"] < sent.by_namespace_and_kind()["batch", "network"]
    assert known.by_namespace_and_kind()[CLUSTER, "network"] > sent.by_namespace_and_kind()[CLUSTER, "network"]


def costs(*rows: tuple[int, str, int]) -> Costs:
    """Of rows of hour, namespace and USD."""
    made = [Row(hour, namespace, "cpu", Fraction(usd)) for hour, namespace, usd in rows]
    return Costs(History(), made, Truth(), {}, {}, {})


MONEY = costs((0, IDLE, 12), (0, SYSTEM, 6), (0, CLUSTER, 3), (0, "shop", 8), (0, "ml", 1), (0, "kube-system", 3))


@pytest.mark.parametrize(
    ("sharing", "expected"),
    [
        (Sharing(), {}),
        (Sharing(idle="even"), {IDLE: -12, "shop": 4, "ml": 4, "kube-system": 4}),
        (Sharing(idle="weighted"), {IDLE: -12, "shop": 8, "ml": 1, "kube-system": 3}),
        (Sharing(system="even"), {SYSTEM: -6, "shop": 2, "ml": 2, "kube-system": 2}),
        (Sharing(control_plane="even"), {CLUSTER: -3, "shop": 1, "ml": 1, "kube-system": 1}),
        (
            Sharing(namespaces="weighted", shared_namespaces=frozenset({"kube-system", "nowhere"})),
            {"kube-system": -3, "shop": Fraction(8, 3), "ml": Fraction(1, 3)},
        ),
        (
            Sharing(idle="even", namespaces="even", shared_namespaces=frozenset({"kube-system"})),
            {IDLE: -12, "kube-system": -3, "shop": Fraction(15, 2), "ml": Fraction(15, 2)},
        ),
    ],
)
def test_what_is_shared_moves_to_those_that_use_the_cluster(sharing: Sharing, expected: dict[str, Fraction]) -> None:
    """Each line by its own way; what is shared itself gets nothing."""
    assert {namespace: usd for (_, namespace), usd in moved(MONEY, sharing).items()} == expected


def test_each_hour_is_shared_by_itself() -> None:
    """Who wasn't there has no part of it, and where nobody was it stays."""
    one = costs((0, IDLE, 12), (0, "shop", 1), (3600, IDLE, 6), (3600, "ml", 1), (7200, IDLE, 5))
    assert moved(one, Sharing(idle="even")) == {(0, IDLE): -12, (0, "shop"): 12, (3600, IDLE): -6, (3600, "ml"): 6}


def test_sharing_moves_money_and_makes_none(lived: History) -> None:
    """In a cluster with everything, in each of its hours, to the last bit."""
    sharing = Sharing("weighted", "even", "weighted", "weighted", frozenset({"kube-system", "data"}))
    whole = whole_truth(lived)
    by_hour: dict[int, Fraction] = defaultdict(Fraction)
    for (hour, _), usd in moved(whole, sharing).items():
        by_hour[hour] += usd
    assert len(by_hour) == 2
    assert not any(by_hour.values())
    assert sum(usd for (_, namespace), usd in moved(whole, sharing).items() if namespace == IDLE) == -sum(
        row.usd for row in whole.rows if row.namespace == IDLE
    )
