from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.hard import INTERRUPTED, SMALL, SPOT, hard_scenario, with_wrong_clocks
from kube_cost_simulator.history import PodHistory
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.resources import DEPLOYMENTS, NODES, PODS, STATEFUL_SETS
from kube_cost_simulator.scenario import Resources
from kube_cost_simulator.store import ADDED, DELETED, StoreEvent
from kube_cost_simulator.truth import samples, settle

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
START_NS = 1_800_000_000 * SECOND_NS


@dataclass
class Hour:
    """What happened in one hour: how often each kind, and the uids that were added under each name."""

    kinds: Counter[str] = field(default_factory=Counter)
    uids: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))


def restarts(content: Mapping[str, Any]) -> int:
    return sum(each["restartCount"] for each in content["status"].get("containerStatuses", []))


def kinds_of(event: StoreEvent) -> list[str]:
    resource, content = event.stored.resource, event.stored.content
    previous = event.previous.content if event.previous is not None else None
    kinds = [f"{resource.kind} {event.kind}"]
    if previous is not None and event.kind != DELETED:
        if resource is DEPLOYMENTS and content["spec"]["replicas"] != previous["spec"]["replicas"]:
            kinds.append("scaled")
        if resource is PODS and restarts(content) > restarts(previous):
            kinds.append("restarted")
        if resource is PODS and content["spec"]["containers"] != previous["spec"]["containers"]:
            kinds.append("resized")
    return kinds


@dataclass(frozen=True)
class Lived:
    """A cluster after a while, and its hours."""

    cluster: SimulatedCluster
    hours: list[Hour]

    def pods_of(self, hour: int) -> list[PodHistory]:
        begin_ns = START_NS + hour * HOUR_NS
        return [pod for pod in self.cluster.history.pods if begin_ns <= pod.bound_ns < begin_ns + HOUR_NS]


@pytest.fixture(scope="module")
def lived() -> Lived:
    """Three hours of the hard cluster."""
    cluster = SimulatedCluster(scenario=hard_scenario(), seed=5, clock=ManualClock(start_ns=START_NS))
    hours = []
    events = cluster.start()
    for number in range(3):
        hour = Hour()
        for event in events + cluster.advance_to(START_NS + (number + 1) * HOUR_NS):
            hour.kinds.update(kinds_of(event))
            if event.kind == ADDED:
                kind, (_, name) = event.stored.resource.kind, event.stored.key
                hour.uids[kind, name].add(event.stored.content["metadata"]["uid"])
        hours.append(hour)
        events = []
    return Lived(cluster, hours)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(
    ("kind", "at_least"),
    [
        ("scaled", 6),
        ("resized", 4),
        ("restarted", 5),
        ("Node ADDED", 2),
        ("Node DELETED", 2),
        ("StatefulSet ADDED", 2),
        ("StatefulSet DELETED", 2),
        ("Job ADDED", 100),
    ],
)
def test_each_kind_of_churn_is_in_every_hour(lived: Lived, number: int, kind: str, at_least: int) -> None:
    """Not one hour of the hard cluster lacks a kind."""
    assert lived.hours[number].kinds[kind] >= at_least


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("kind", "name", "at_least"),
    [("Pod", "queue-0", 2), ("Pod", "ledger-1", 2), ("StatefulSet", "ledger", 2), ("Node", INTERRUPTED, 1)],
)
def test_names_come_back_with_other_uids(lived: Lived, number: int, kind: str, name: str, at_least: int) -> None:
    """Each time another object has the name."""
    before = set().union(*(hour.uids[kind, name] for hour in lived.hours[:number]))
    assert len(lived.hours[number].uids[kind, name] - before) >= at_least


@pytest.mark.parametrize("number", range(3))
def test_jobs_of_five_to_ninety_seconds_run_in_every_hour(lived: Lived, number: int) -> None:
    """The short and the long, and nothing outside of that."""
    runs = [
        (pod.ended_ns - pod.usage.start_ns) / SECOND_NS
        for pod in lived.pods_of(number)
        if pod.namespace == "batch" and pod.ended_ns is not None and pod.usage is not None
    ]
    assert sum(run < 10 for run in runs) >= 20
    assert sum(run > 60 for run in runs) >= 10
    assert max(runs) <= 90


@pytest.mark.parametrize("number", range(3))
def test_prices_move_in_every_hour(lived: Lived, number: int) -> None:
    """Spot prices move several times an hour, and not on a full minute, an on-demand price too."""
    begin_ns = START_NS + number * HOUR_NS
    moved = [
        (node.name, price.from_ns)
        for node in lived.cluster.history.nodes
        for price in node.prices[1:]
        if begin_ns <= price.from_ns < begin_ns + HOUR_NS
    ]
    assert {name for name, _ in moved} == {SPOT, SMALL, INTERRUPTED}
    assert sum(from_ns % (60 * SECOND_NS) != 0 for _, from_ns in moved) >= 8


def above_its_request(pod: PodHistory) -> bool:
    assert pod.usage is not None
    asked = reserved(pod.requests[0])
    return asked != Resources() and any(
        rates.cpu_millicores > asked.cpu_millicores or rates.memory_bytes > asked.memory_bytes
        for _, rates in pod.usage.phases
    )


@pytest.mark.parametrize("number", range(3))
def test_a_third_of_the_pods_is_above_its_request(lived: Lived, number: int) -> None:
    """Between 28 and 40 % of those that ask for something and begin in an hour."""
    started = [pod for pod in lived.pods_of(number) if pod.usage is not None]
    assert 0.28 <= sum(map(above_its_request, started)) / len(started) <= 0.4


@pytest.mark.parametrize("number", range(3))
def test_some_pods_ask_for_nothing(lived: Lived, number: int) -> None:
    """BestEffort pods are replaced all the time."""
    assert sum(reserved(pod.requests[0]) == Resources() for pod in lived.pods_of(number)) >= 5


def test_one_pod_is_bursty(lived: Lived) -> None:
    """It uses ten times its mean for some seconds of each minute and a half."""
    bursty = {
        pod.name.rpartition("-")[0].rpartition("-")[0]
        for pod in lived.cluster.history.pods
        if pod.usage is not None
        and max(rates.cpu_millicores for _, rates in pod.usage.phases)
        >= 10
        * sum(length * rates.cpu_millicores for length, rates in pod.usage.phases)
        / sum(length for length, _ in pod.usage.phases)
    }
    assert bursty == {"bursty"}


def test_a_static_pod_is_back_with_its_node(lived: Lived) -> None:
    """One mirror for each life of the interrupted node."""
    lives = [node.uid for node in lived.cluster.history.nodes if node.name == INTERRUPTED]
    mirrors = [pod.node_uid for pod in lived.cluster.history.pods if pod.name == f"mirror-b-{INTERRUPTED}"]
    assert mirrors == lives
    assert len(lives) >= 4


def test_the_truth_gives_out_each_nodes_price(lived: Lived) -> None:
    """Three hours in minutes: pods, idle and system are the whole bill, node by node, to the last bit."""
    history = lived.cluster.history
    edges = list(range(history.started_ns, history.through_ns + 1, 60 * SECOND_NS))
    truth = settle(history, {node.uid: samples(edges) for node in history.nodes})
    given = sum(row.total for rows in (truth.pods, truth.idle, truth.system) for row in rows.values())
    assert given == sum(truth.nodes.values())
    assert {uid for uid, _ in truth.nodes} == {node.uid for node in history.nodes}


def test_another_seed_is_another_churn_of_the_same_cluster() -> None:
    """The nodes that stay and the workloads are the same, the pods and moments others."""
    names = []
    for seed in (1, 2):
        cluster = SimulatedCluster(scenario=hard_scenario(), seed=seed, clock=ManualClock(start_ns=START_NS))
        cluster.start()
        cluster.advance_to(START_NS + 600 * SECOND_NS)
        names.append(
            (
                {
                    stored.key
                    for resource in (DEPLOYMENTS, STATEFUL_SETS, NODES)
                    for stored in cluster.store.objects(resource)
                },
                {stored.key for stored in cluster.store.objects(PODS)},
            )
        )
    assert names[0][0] == names[1][0]
    assert names[0][1] != names[1][1]


def test_a_wrong_clock_stamps_what_its_kubelet_writes() -> None:
    """On the node that is 90 s ahead a container ends 90 s after it did; what the scheduler wrote is right."""
    cluster = SimulatedCluster(
        scenario=with_wrong_clocks(hard_scenario(), {SPOT: 90}), seed=1, clock=ManualClock(start_ns=START_NS)
    )
    ends = {}
    for event in cluster.start() + cluster.advance_to(START_NS + 300 * SECOND_NS):
        content = event.stored.content
        if event.stored.resource is PODS and content["status"]["phase"] == "Succeeded":
            state = content["status"]["containerStatuses"][0]["state"]
            bound = next(each for each in content["status"]["conditions"] if each["type"] == "PodScheduled")
            ends[content["metadata"]["uid"]] = (state["terminated"]["finishedAt"], bound["lastTransitionTime"])
    rooms = {room.uid: name for name, room in cluster.nodes.items()}
    offsets = defaultdict(set)
    for pod in cluster.history.pods:
        if pod.uid in ends and pod.ended_ns is not None and pod.node_uid in rooms:
            finished, bound_at = (stamp_ns(text) for text in ends[pod.uid])
            offsets[rooms[pod.node_uid] == SPOT].add((finished - pod.ended_ns // SECOND_NS * SECOND_NS) // SECOND_NS)
            assert bound_at == pod.bound_ns // SECOND_NS * SECOND_NS
    assert offsets == {True: {90}, False: {0}}


def stamp_ns(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * SECOND_NS
