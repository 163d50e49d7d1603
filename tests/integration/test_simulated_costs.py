import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.costs.bills import bills
from kube_cost_simulator.costs.rows import LINES, Costs
from kube_cost_simulator.costs.stretches import regular_samples
from kube_cost_simulator.costs.whole import whole_truth
from kube_cost_simulator.everything.namespaces import (
    ANNOTATED_BUDGETS,
    BUDGET_ANNOTATION,
    RIGHT_BUDGETS,
    WRONG_BUDGETS,
)
from kube_cost_simulator.everything.nodes import RESTRICTED
from kube_cost_simulator.everything.scenarios import (
    everything_demo_scenario,
    everything_scenario,
    mixed_clouds_scenario,
)
from kube_cost_simulator.history import History
from kube_cost_simulator.plants import ALL_PLANTED, PLANTED_POD_NAME
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.resources import NAMESPACES, PODS
from kube_cost_simulator.scenario import Scenario
from kube_cost_simulator.store import StoreEvent
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR, Sample, unit_prices

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS


@dataclass(frozen=True)
class Lived:
    cluster: SimulatedCluster
    events: Sequence[StoreEvent]
    costs: Costs


def live(scenario: Scenario, *, seed: int, seconds: int = 3600) -> Lived:
    cluster = SimulatedCluster(scenario=scenario, seed=seed, clock=ManualClock(start_ns=START_NS))
    events = cluster.start() + cluster.advance_to(START_NS + seconds * SECOND_NS)
    return Lived(cluster, events, whole_truth(cluster.history))


@pytest.fixture(scope="module")
def lived() -> Lived:
    """An hour of everything."""
    return live(everything_scenario(), seed=5)


@pytest.mark.parametrize(
    ("scenario", "seed", "seconds"),
    [
        (everything_scenario, 1, 3600),
        (everything_scenario, 2, 3600),
        (everything_scenario, 3, 4500),
        (everything_demo_scenario, 1, 3600),
        (mixed_clouds_scenario, 1, 3600),
    ],
)
def test_all_rows_together_are_what_the_providers_bill(
    scenario: Callable[[], Scenario], seed: int, seconds: int
) -> None:
    """To the last bit, for each component, over whatever churn the seed makes."""
    one = live(scenario(), seed=seed, seconds=seconds)
    history = one.cluster.history
    billed = bills(history, regular_samples(history), (history.started_ns, history.through_ns))
    assert one.costs.by_component() == {component: usd for component, usd in billed.items() if usd}
    assert one.costs.total == sum(billed.values())


def test_a_part_of_the_time_is_billed_as_a_part(lived: Lived) -> None:
    """Samples of other lengths with gaps between them, some by request, and a window of 17 minutes."""
    history = lived.cluster.history
    edges = [START_NS + second * SECOND_NS for second in (601, 673, 701, 1000)]
    samples = {
        node.uid: [
            Sample(edges[0], edges[1]),
            Sample(edges[1], edges[2], by_request=True),
            Sample(edges[2], edges[3], unseen=frozenset(pod.uid for pod in history.pods if pod.namespace == "batch")),
        ]
        for node in history.nodes
        if node.pod_sized is None
    }
    window = (START_NS + 300 * SECOND_NS, START_NS + 1320 * SECOND_NS)
    costs = whole_truth(history, samples, window)
    assert costs.by_component() == bills(history, samples, window)


@pytest.mark.parametrize(
    "answer",
    [
        lambda costs: costs.by_namespace(),
        lambda costs: costs.by_namespace_and_kind(),
        lambda costs: costs.by_label("team"),
        lambda costs: costs.by_hour(),
    ],
    ids=["namespace", "namespace and kind", "label", "hour"],
)
def test_every_roll_up_has_all_of_it(lived: Lived, answer: Callable[[Costs], dict[Any, Fraction]]) -> None:
    """Nothing is lost between one question and another."""
    assert sum(answer(lived.costs).values()) == lived.costs.total


def test_pools_nodes_and_workloads_have_their_share_of_it(lived: Lived) -> None:
    """Pools and nodes all of compute, workloads all that pods owe, volumes and load balancers theirs."""
    costs = lived.costs
    components = costs.by_component()
    assert sum(costs.by_node_pool().values()) == sum(costs.by_node().values()) == components["compute"]
    assert sum(costs.by_workload().values()) == sum(costs.by_pod().values())
    assert sum(costs.by_volume().values()) == components["storage"]
    assert sum(costs.by_load_balancer().values()) == components["load_balancer"]


def test_there_is_everything_in_it(lived: Lived) -> None:
    """Every kind of cost where it belongs, every kind of owner, every cloud's pools, every line."""
    costs = lived.costs
    assert {
        ("shop", "cpu"),
        ("shop", "memory"),
        ("ml", "gpu"),
        ("__idle__", "gpu"),
        ("data", "storage"),
        ("shop", "storage"),
        ("__unclaimed__", "storage"),
        ("shop", "network"),
        ("__cluster__", "network"),
        ("__cluster__", "control_plane"),
        ("shop", "load_balancer"),
        ("payments", "load_balancer"),
        ("play", "load_balancer"),
        ("__system__", "cpu"),
        ("edge", "cpu"),
        ("burst", "memory"),
        ("restricted", "cpu"),
    } <= set(costs.by_namespace_and_kind())
    assert set(LINES) <= set(costs.by_namespace())
    kinds = {kind for _, kind, _ in costs.by_workload()}
    assert kinds == {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "Rollout", "CloneSet"}
    assert set(costs.by_node_pool()) == {
        *("general", "batch", "flexible", "restricted", "gpu", "gpu-shared", "gpu-mig"),
        *("default-pool", "spot-pool", "nodepool1", "spotpool", ""),
    }
    assert costs.savings_by_namespace()["__idle__"] > 0
    assert costs.savings_by_namespace()["shop"] > 0


def test_pods_on_their_nodes_network_carry_no_bytes(lived: Lived) -> None:
    """DaemonSets and static pods send, and owe nothing for it."""
    senders = {lived.costs.pods[uid].namespace for uid, _ in lived.costs.sent_bytes}
    assert "kube-system" not in senders
    assert ("kube-system", "network") not in lived.costs.by_namespace_and_kind()


def test_where_no_agent_may_run_pods_owe_what_they_reserve(lived: Lived) -> None:
    """CPU and memory reserved × unit price × time, though they use more, and nothing for their bytes."""
    history = lived.cluster.history
    node = history.node(RESTRICTED)
    units = unit_prices(node.prices[0].on_demand_usd_per_hour, node.shape, node.weights)
    there = [pod for pod in history.pods if pod.node_uid == node.uid and pod.namespace == "restricted"]
    assert len(there) >= 3
    for pod in there:
        ended_ns = history.through_ns if pod.ended_ns is None else pod.ended_ns
        held = reserved(pod.requests[-1])
        per_hour = units.cpu * held.cpu_millicores / 1000 + units.memory * Fraction(held.memory_bytes, 2**30)
        assert lived.costs.by_pod()[pod.uid] == per_hour * (ended_ns - pod.bound_ns) / NANOSECONDS_PER_HOUR


def test_a_label_that_only_the_namespace_has_counts_for_its_pods(lived: Lived) -> None:
    """A Rollout's pods have no team, their namespace has; a CloneSet's beside them have another."""
    costs = lived.costs
    own = costs.by(lambda row: row.namespace == "payments" and not (row.pod and "team" in costs.pods[row.pod].labels))
    assert costs.by_label("team")["payments"] == own[True]
    gateway = costs.by_workload()["payments", "CloneSet", "gateway"]
    assert costs.by_label("team")["edge"] == gateway + costs.by_namespace()["edge"]


def test_what_no_label_says_is_none(lived: Lived) -> None:
    """The lines of the cluster, and namespaces without."""
    lines = sum(usd for namespace, usd in lived.costs.by_namespace().items() if namespace in LINES)
    assert lived.costs.by_label("env")["__none__"] > lines
    assert lived.costs.by_label("nobody-has-it") == {"__none__": lived.costs.total}


def test_a_history_survives_its_file(lived: Lived) -> None:
    """Volumes, Services, namespaces, prices and all."""
    assert History.from_json(lived.cluster.history.to_json()) == lived.cluster.history


def test_the_same_seed_makes_the_same_costs_and_another_doesnt(lived: Lived) -> None:
    """To the last bit."""
    assert live(everything_scenario(), seed=5).costs.rows == lived.costs.rows
    assert live(everything_scenario(), seed=6).costs.total != lived.costs.total


def written_on(lived: Lived, namespace: str, part: str, key: str) -> list[str | None]:
    """What stood there, one after another."""
    return [
        event.stored.content["metadata"].get(part, {}).get(key)
        for event in lived.events
        if event.stored.resource is NAMESPACES and event.stored.key == ("", namespace)
    ]


@pytest.mark.parametrize(("namespace", "text"), ANNOTATED_BUDGETS.items())
def test_budgets_are_written_in_every_way(lived: Lived, namespace: str, text: str) -> None:
    """As a person may type them."""
    assert written_on(lived, namespace, "annotations", BUDGET_ANNOTATION) == [text]


def test_right_and_wrong_budgets_are_among_those_that_are_written() -> None:
    """What is in neither is for the configuration's documentation to say."""
    assert not WRONG_BUDGETS & RIGHT_BUDGETS.keys()
    assert set(ANNOTATED_BUDGETS) > WRONG_BUDGETS | RIGHT_BUDGETS.keys()
    assert all(Fraction(ANNOTATED_BUDGETS[namespace]) == usd for namespace, usd in RIGHT_BUDGETS.items())


def test_budgets_change_within_the_hour(lived: Lived) -> None:
    """One is raised, one taken away, and one stands in a label and an annotation at once."""
    assert written_on(lived, "ml", "annotations", BUDGET_ANNOTATION) == ["60", "90"]
    assert written_on(lived, "shop", "labels", "budget") == ["5000", None]
    assert written_on(lived, "data", "labels", "budget") == ["100"]
    assert written_on(lived, "data", "annotations", BUDGET_ANNOTATION) == ["250"]


def test_strings_are_planted_in_one_pod(lived: Lived) -> None:
    """All of them in its object, and in no other object but by its name."""
    stored = lived.cluster.store.get(PODS, "play", PLANTED_POD_NAME)
    assert stored is not None
    text = json.dumps(stored.content)
    assert all(planted in text for planted in ALL_PLANTED)
    others = [event.stored for event in lived.events if event.stored.key[1] != PLANTED_POD_NAME]
    assert not any(planted.encode() in other.encoded for other in others for planted in ALL_PLANTED)
