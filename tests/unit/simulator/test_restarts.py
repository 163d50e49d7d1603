from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kube_cost_simulator.cgroups import CgroupWriter, counters_by_cgroup
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.history import History
from kube_cost_simulator.kubelets import Summary
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.resources import PODS, STATEFUL_SETS
from kube_cost_simulator.scenario import (
    GIB,
    ContainerFact,
    NamespaceFact,
    NodeFact,
    ReplicaStep,
    Resources,
    Scenario,
    TemplateFact,
    WorkloadFact,
)
from kube_cost_simulator.usage import Rates, steady

SECOND_NS = 1_000_000_000
RATES = Rates(cpu_millicores=1000, memory_bytes=GIB)


def template(**changes: Any) -> TemplateFact:
    container = ContainerFact("main", "image:1", Resources(500, GIB))
    return replace(TemplateFact((container,), usage=steady(RATES)), **changes)


def started(clock: ManualClock, node: NodeFact, *workloads: WorkloadFact) -> SimulatedCluster:
    scenario = Scenario(name="t", nodes=(node,), namespaces=(NamespaceFact("default"),), workloads=workloads)
    cluster = SimulatedCluster(scenario=scenario, seed=1, clock=clock)
    cluster.start()
    return cluster


@pytest.fixture
def crashing(clock: ManualClock, node: NodeFact) -> SimulatedCluster:
    """One pod of which the container fails about each minute."""
    return started(clock, node, WorkloadFact("Pod", "default", "p", template(mean_restart_seconds=60)))


def until(cluster: SimulatedCluster, *, waiting: bool) -> PodState:
    """Go on to where the container waits for its restart, or is there again after one."""
    pod = cluster.pods.pods["default", "p"]
    while not pod.runs or (pod.runs["main"].started_ns is None) is not waiting:
        due_ns = cluster.agenda.next_ns
        assert due_ns is not None
        cluster.advance_to(due_ns)
    return pod


def status(cluster: SimulatedCluster) -> Any:
    return cluster.store.objects(PODS)[0].content["status"]


def test_a_failed_container_waits_in_a_pod_that_goes_on(crashing: SimulatedCluster) -> None:
    """The pod is Running and not Ready, its container in back-off with how it ended; uid and reservation stay."""
    pod = until(crashing, waiting=True)
    assert crashing.pods.pods["default", "p"] is pod
    assert status(crashing)["phase"] == "Running"
    ready = {each["type"]: each["status"] for each in status(crashing)["conditions"]}
    assert ready["Ready"] == "False"
    assert ready["PodScheduled"] == "True"
    (container,) = status(crashing)["containerStatuses"]
    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container["lastState"]["terminated"]["exitCode"] == 137
    assert container["restartCount"] == 1
    assert crashing.nodes["n1"].held == Resources(500, GIB)
    assert pod.history is not None
    assert pod.history.ended_ns is None


def test_a_restarted_container_is_another_one(crashing: SimulatedCluster) -> None:
    """It has another id and a start of its own, and the pod is Ready again."""
    before = status(until_started(crashing))["containerStatuses"][0]["containerID"]
    pod = until(crashing, waiting=False)
    (container,) = status(crashing)["containerStatuses"]
    assert container["containerID"] != before
    assert container["lastState"]["terminated"]["containerID"] == before
    assert container["state"]["running"]
    assert pod.runs["main"].started_ns == crashing.now_ns


def until_started(cluster: SimulatedCluster) -> SimulatedCluster:
    cluster.advance_to(cluster.history.started_ns + 2 * SECOND_NS)
    return cluster


def test_a_pod_uses_nothing_while_its_container_is_away(crashing: SimulatedCluster) -> None:
    """Its CPU stands still, its memory is gone, and both go on from there."""
    pod = until(crashing, waiting=True)
    failed_ns = crashing.now_ns
    at_failure = crashing.reading("n1").pods[pod.uid][1]
    until(crashing, waiting=False)
    again_ns = crashing.now_ns
    at_return = crashing.reading("n1", again_ns).pods[pod.uid][1]
    later = crashing.reading("n1", again_ns + SECOND_NS).pods[pod.uid][1]
    assert failed_ns < again_ns
    assert at_failure.working_set_bytes == 0
    assert at_return.cpu_nanoseconds == at_failure.cpu_nanoseconds
    assert later.cpu_nanoseconds - at_return.cpu_nanoseconds == pytest.approx(SECOND_NS, abs=1000)
    assert later.working_set_bytes == GIB


def test_the_cgroups_of_a_restart_are_a_kernels(crashing: SimulatedCluster) -> None:
    """The container's is gone while it waits and begins at nothing; the pod's stays, and counts on."""
    pod = until(crashing, waiting=True)
    paths = list(counters_by_cgroup(crashing.reading("n1")))
    assert not [path for path in paths if path.endswith(".scope")]
    until(crashing, waiting=False)
    cgroups = counters_by_cgroup(crashing.reading("n1", crashing.now_ns + SECOND_NS))
    (scope,) = [path for path in cgroups if path.endswith(".scope")]
    assert scope.endswith(f"cri-containerd-{pod.container_ids['main']}.scope")
    assert cgroups[scope].cpu_nanoseconds == pytest.approx(SECOND_NS, abs=1000)
    assert cgroups[scope.rpartition("/")[0]].cpu_nanoseconds > 2 * SECOND_NS


def test_the_kubelet_lists_the_containers_that_are_there(crashing: SimulatedCluster) -> None:
    """None while the only one waits; its start is the restart's afterwards."""
    until(crashing, waiting=True)
    summary = Summary(cluster=crashing, node="n1")
    assert summary.at(crashing.now_ns)["pods"][0]["containers"] == []
    until(crashing, waiting=False)
    (container,) = summary.at(crashing.now_ns)["pods"][0]["containers"]
    assert container["startTime"] > summary.at(crashing.now_ns)["pods"][0]["startTime"]


def test_pauses_survive_json(crashing: SimulatedCluster) -> None:
    """What a file of the history says of use is what was used."""
    until(crashing, waiting=False)
    history = History.from_json(crashing.history.to_json())
    assert history == crashing.history
    assert history.pods[0].usage is not None
    assert history.pods[0].usage.pauses


def test_a_stateful_set_goes_down_from_its_highest_ordinal(clock: ManualClock, node: NodeFact) -> None:
    """Also where a lower one was replaced since: scaled to 1, the first remains."""
    workload = WorkloadFact("StatefulSet", "default", "db", template(), replicas=2, replica_steps=(ReplicaStep(60, 1),))
    cluster = started(clock, node, workload)
    cluster.advance_to(clock.now_ns() + 30 * SECOND_NS)
    first = cluster.pods.pods["default", "db-0"]
    cluster.pods.delete(first, cluster.now_ns)
    cluster.advance_to(clock.now_ns() + 90 * SECOND_NS)
    assert [name for _, name in cluster.pods.pods] == ["db-0"]
    assert cluster.pods.pods["default", "db-0"] is not first


def test_a_stateful_set_made_again_has_its_old_names(clock: ManualClock, node: NodeFact) -> None:
    """Deleted and made again before its pods were gone, it waits for their names, and all its uids are others."""
    workload = WorkloadFact(
        "StatefulSet", "default", "db", template(), replicas=2, remade_after_seconds=30, away_seconds=0
    )
    cluster = started(clock, node, workload)
    cluster.advance_to(clock.now_ns() + 29 * SECOND_NS)
    before = {pod.name: pod.uid for pod in cluster.pods.pods.values()}
    owner = cluster.store.objects(STATEFUL_SETS)[0].content["metadata"]["uid"]
    cluster.advance_to(clock.now_ns() + 50 * SECOND_NS)
    after = {pod.name: pod.uid for pod in cluster.pods.pods.values() if pod.running}
    assert set(after) == set(before) == {"db-0", "db-1"}
    assert not set(after.values()) & set(before.values())
    (made,) = cluster.store.objects(STATEFUL_SETS)
    assert made.content["metadata"]["uid"] != owner
    owners = {stored.content["metadata"]["ownerReferences"][0]["uid"] for stored in cluster.store.objects(PODS)}
    assert owners == {made.content["metadata"]["uid"]}


def test_the_writer_follows_a_restart(crashing: SimulatedCluster, tmp_path: Path) -> None:
    """The files of the failed container go when it does, those of the new one come with it."""
    writer = CgroupWriter(directory=tmp_path, cluster=crashing)
    writer.write(crashing.now_ns)
    writer.follow()
    until(crashing, waiting=True)
    assert not list(tmp_path.rglob("cri-containerd-*.scope"))
    pod = until(crashing, waiting=False)
    (scope,) = tmp_path.rglob("cri-containerd-*.scope")
    assert pod.container_ids["main"] in scope.name
