from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.demo import demo_scenario
from kube_cost_simulator.history import History
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.resources import (
    CRON_JOBS,
    DEPLOYMENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUMES,
    PODS,
    REPLICA_SETS,
    SERVICES,
)
from kube_cost_simulator.scenario import (
    GIB,
    ContainerFact,
    NamespaceFact,
    NodeFact,
    PriceChange,
    ReplicaStep,
    Resize,
    Resources,
    Scenario,
    TemplateFact,
    WorkloadFact,
)
from kube_cost_simulator.truth import samples, settle
from kube_cost_simulator.usage import Rates, steady

SECOND_NS = 1_000_000_000


def after(cluster: SimulatedCluster, seconds: int) -> SimulatedCluster:
    cluster.advance_to(cluster.history.started_ns + seconds * SECOND_NS)
    return cluster


def started(clock: ManualClock, node: NodeFact, *workloads: WorkloadFact, **more: object) -> SimulatedCluster:
    scenario = Scenario(name="t", nodes=(node,), namespaces=(NamespaceFact("default"),), workloads=workloads)
    cluster = SimulatedCluster(scenario=replace(scenario, **more), seed=1, clock=clock)  # type: ignore[arg-type]
    cluster.start()
    return cluster


def template(cpu_millicores: int = 500, rates: Rates | None = None) -> TemplateFact:
    container = ContainerFact("main", "image:1", Resources(cpu_millicores, GIB))
    return TemplateFact((container,), usage=steady(rates or Rates(cpu_millicores=100)), labels={"app": "x"})


def test_the_same_seed_makes_the_same_cluster(clock: ManualClock) -> None:
    """Ten minutes of the demo from one seed are the same objects and history to the last byte; from another not."""

    def run(seed: int) -> tuple[list[bytes], str]:
        cluster = SimulatedCluster(scenario=demo_scenario(), seed=seed, clock=clock)
        events = cluster.start()
        events += cluster.advance_to(clock.now_ns() + 600 * SECOND_NS)
        return [event.stored.encoded for event in events], cluster.history.to_json()

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_how_often_it_is_advanced_changes_nothing(clock: ManualClock) -> None:
    """Second by second or at once: the same changes."""
    at_once = SimulatedCluster(scenario=demo_scenario(), seed=1, clock=clock)
    in_steps = SimulatedCluster(scenario=demo_scenario(), seed=1, clock=clock)
    at_once.start()
    in_steps.start()
    for second in range(1, 121):
        after(in_steps, second)
    assert after(at_once, 120).history.to_json() == in_steps.history.to_json()


def test_the_demo_is_what_it_says(demo: SimulatedCluster) -> None:
    """About 40 pods in 6 namespaces on 3 nodes, budgets in a label and an annotation, volumes, one load balancer."""
    after(demo, 60)
    pods = list(demo.pods.pods.values())
    assert 35 <= len(pods) <= 45
    assert {pod.namespace for pod in pods} == {
        "production",
        "staging",
        "ml-training",
        "dev",
        "monitoring",
        "kube-system",
    }
    assert {pod.node for pod in pods if pod.node} == set(demo.nodes)
    namespaces = {stored.key[1]: stored.content["metadata"] for stored in demo.store.objects(NAMESPACES)}
    assert namespaces["production"]["labels"]["budget"] == "5000"
    assert "kube-cost.io/monthly-budget-usd" in namespaces["ml-training"]["annotations"]
    phases = Counter(stored.content["status"]["phase"] for stored in demo.store.objects(PERSISTENT_VOLUMES))
    assert phases == {"Bound": 3, "Available": 1}
    balancers = [
        stored.content for stored in demo.store.objects(SERVICES) if stored.content["spec"]["type"] != "ClusterIP"
    ]
    assert balancers[0]["status"]["loadBalancer"]["ingress"][0]["hostname"].endswith("elb.amazonaws.com")
    assert {pod.quality_of_service for pod in pods} == {"Guaranteed", "Burstable", "BestEffort"}
    above = [
        pod
        for pod in pods
        if pod.usage and any(r.cpu_millicores > reserved(pod.requests[-1]).cpu_millicores for _, r in pod.usage.phases)
    ]
    assert len(above) >= 5


def test_no_node_ever_holds_more_than_it_has(demo: SimulatedCluster) -> None:
    """Over ten minutes of churn what pods reserve fits in allocatable, and equals what the room says is held."""
    for second in range(0, 600, 5):
        after(demo, second)
        for name, room in demo.nodes.items():
            held = sum((reserved(pod.requests[-1]) for pod in demo.pods.by_node[name].values()), Resources())
            assert held == room.held
            assert held.fits_in(room.fact.allocatable)


def test_owners_lead_from_a_pod_to_what_a_person_wrote(demo: SimulatedCluster) -> None:
    """Pods are controlled by a ReplicaSet of a Deployment, or by a Job of a CronJob, by uid."""
    after(demo, 30)
    kinds = {resource.kind: resource for resource in (REPLICA_SETS, DEPLOYMENTS, JOBS, CRON_JOBS, NODES)}

    def owner(content: dict[str, object]) -> tuple[str, dict[str, object]] | None:
        references = content["metadata"].get("ownerReferences")  # type: ignore[attr-defined]
        if not references or references[0]["kind"] not in kinds:
            return None
        assert references[0]["controller"] is True
        resource = kinds[references[0]["kind"]]
        namespace = content["metadata"]["namespace"] if resource.namespaced else ""  # type: ignore[index]
        stored = demo.store.get(resource, namespace, references[0]["name"])
        assert stored is not None
        assert stored.content["metadata"]["uid"] == references[0]["uid"]
        return resource.kind, stored.content

    chains = set()
    for stored in demo.store.objects(PODS):
        chain, content = [], stored.content
        while found := owner(content):
            chain.append(found[0])
            content = found[1]
        chains.add(tuple(chain))
    assert {("ReplicaSet", "Deployment"), ("Job", "CronJob"), ("Node",), ()} <= chains


def test_a_static_pod_has_a_mirror_with_another_uid(demo: SimulatedCluster) -> None:
    """The API's pod and the kubelet's are joined by config.mirror alone."""
    after(demo, 5)
    static = next(pod for pod in demo.pods.pods.values() if pod.template.static)
    stored = demo.store.get(PODS, static.namespace, static.name)
    assert stored is not None
    assert stored.content["metadata"]["annotations"]["kubernetes.io/config.mirror"] == static.kubelet_uid
    assert static.kubelet_uid != static.uid
    assert len(static.kubelet_uid) == 32


def test_a_pod_without_room_waits_and_is_told_so(clock: ManualClock, node: NodeFact) -> None:
    """The second pod of 3 cores is Unschedulable on 4 until the first is gone."""
    cluster = started(clock, node, WorkloadFact("Deployment", "default", "big", template(3000), replicas=2))
    after(cluster, 10)
    waiting = next(pod for pod in cluster.pods.pods.values() if pod.node is None)
    stored = cluster.store.get(PODS, "default", waiting.name)
    assert stored is not None
    assert stored.content["status"]["conditions"][0]["reason"] == "Unschedulable"
    bound = next(pod for pod in cluster.pods.pods.values() if pod.node is not None)
    cluster.pods.delete(bound, cluster.now_ns)
    after(cluster, 20)
    assert waiting.running


def test_a_deployment_follows_its_steps(clock: ManualClock, node: NodeFact) -> None:
    """Scaled from 1 to 4 and back, its pods and the counts in its status follow."""
    steps = (ReplicaStep(10, 4), ReplicaStep(20, 1))
    workload = WorkloadFact("Deployment", "default", "web", template(), replicas=1, replica_steps=steps)
    cluster = started(clock, node, workload)
    counts = []
    for seconds in (9, 19, 29):
        after(cluster, seconds)
        stored = cluster.store.get(DEPLOYMENTS, "default", "web")
        assert stored is not None
        counts.append((len(cluster.pods.pods), stored.content["status"]["readyReplicas"]))
    assert counts == [(1, 1), (4, 4), (1, 1)]


def test_jobs_come_and_go(clock: ManualClock, node: NodeFact) -> None:
    """A CronJob's pods succeed after their time, stay a while, and are gone; each gave back its room."""
    workload = WorkloadFact(
        "CronJob", "default", "tick", template(), every_seconds=20, run_seconds=(5, 5), keep_seconds=10
    )
    cluster = after(started(clock, node, workload), 110)
    ended = [pod for pod in cluster.history.pods if pod.ended_ns is not None]
    assert len(ended) == 6
    for pod in ended:
        assert pod.usage is not None
        assert pod.ended_ns == pod.usage.end_ns == pod.usage.start_ns + 5 * SECOND_NS
        assert pod.bound_ns < pod.usage.start_ns
    assert len(cluster.store.objects(JOBS)) == 1
    assert cluster.nodes[node.name].held == Resources()


def test_a_failing_job_tries_once_more(clock: ManualClock, node: NodeFact) -> None:
    """With backoffLimit 1 a Job that always fails has two Failed pods and the condition Failed."""
    workload = WorkloadFact(
        "Job", "default", "bad", template(), run_seconds=(2, 2), failure_percent=100, keep_seconds=600
    )
    cluster = after(started(clock, node, workload), 60)
    assert [stored.content["status"]["phase"] for stored in cluster.store.objects(PODS)] == ["Failed", "Failed"]
    job = cluster.store.objects(JOBS)[0].content
    assert [each["type"] for each in job["status"]["conditions"]] == ["FailureTarget", "Failed"]


def test_a_deleted_pod_is_seen_to_stop_before_it_is_gone(clock: ManualClock, node: NodeFact) -> None:
    """Deletion is announced, then the containers end, then the object goes; the charge ends with the containers."""
    cluster = after(started(clock, node, WorkloadFact("Pod", "default", "p", template())), 5)
    pod = cluster.pods.pods["default", "p"]
    version = cluster.store.version
    cluster.pods.delete(pod, cluster.now_ns)
    after(cluster, 10)
    events = cluster.store.events_since(PODS, version)
    assert [event.kind for event in events] == ["MODIFIED", "MODIFIED", "DELETED"]
    assert "deletionTimestamp" in events[0].stored.content["metadata"]
    assert events[1].stored.content["status"]["phase"] == "Succeeded"
    assert cluster.history.pods[0].ended_ns == pod.ended_ns
    assert pod.ended_ns is not None
    assert 0 < pod.ended_ns - 5 * SECOND_NS - cluster.history.started_ns <= SECOND_NS


def test_a_node_that_leaves_takes_its_pods_along(clock: ManualClock, node: NodeFact) -> None:
    """When a node goes its pods end with it, and a Deployment makes new ones elsewhere."""
    second = replace(node, name="n2", joins_after_seconds=10)
    first = replace(node, leaves_after_seconds=20)
    cluster = started(
        clock, node, WorkloadFact("Deployment", "default", "web", template(), replicas=2), nodes=(first, second)
    )
    after(cluster, 40)
    gone = cluster.history.nodes[0]
    assert gone.deleted_ns == cluster.history.started_ns + 20 * SECOND_NS
    assert {pod.ended_ns for pod in cluster.history.pods if pod.node_uid == gone.uid} == {gone.deleted_ns}
    assert [pod.node for pod in cluster.pods.pods.values() if pod.running] == ["n2", "n2"]


def test_a_resize_is_in_spec_at_once_and_in_status_a_moment_later(clock: ManualClock, node: NodeFact) -> None:
    """Shrinking from 500 to 200 m holds 500 until the kubelet has done it."""
    cluster = started(
        clock,
        node,
        WorkloadFact("Deployment", "default", "web", template(), replicas=1),
        resizes=(Resize(10, "default", "web", "main", Resources(200, GIB)),),
    )
    after(cluster, 10)
    pod = next(iter(cluster.pods.pods.values()))
    spec = cluster.store.objects(PODS)[0].content["spec"]["containers"][0]["resources"]["requests"]
    assert (spec["cpu"], reserved(pod.requests[-1]).cpu_millicores) == ("200m", 500)
    after(cluster, 15)
    status = cluster.store.objects(PODS)[0].content["status"]["containerStatuses"][0]["resources"]["requests"]
    assert (status["cpu"], reserved(pod.requests[-1]).cpu_millicores) == ("200m", 200)
    assert cluster.nodes[node.name].held.cpu_millicores == 200


def test_an_old_resource_version_is_forgotten(clock: ManualClock) -> None:
    """A log of 50 changes has the last 50 and refuses what is before."""
    cluster = SimulatedCluster(scenario=demo_scenario(), seed=1, clock=clock, log_capacity=50)
    cluster.start()
    after(cluster, 60)
    with pytest.raises(Exception, match="too old resource version"):
        cluster.store.events_since(PODS, 1)


def test_the_history_survives_json_and_its_truth_adds_up(demo: SimulatedCluster, node: NodeFact) -> None:
    """The truth of ten minutes, from the file, gives out each node's price to the last bit, spot savings included."""
    after(demo, 600)
    history = History.from_json(demo.history.to_json())
    assert history == demo.history
    edges = list(range(history.started_ns, history.through_ns + 1, 60 * SECOND_NS))
    truth = settle(history, {node.uid: samples(edges) for node in history.nodes})
    for known in history.nodes:
        price = known.prices[0]
        usd = price.spot_usd_per_hour if known.capacity_type == "spot" else price.on_demand_usd_per_hour
        assert usd is not None
        total = sum(value for (uid, _), value in truth.nodes.items() if uid == known.uid)
        assert total == usd / 6
    spot = next(known for known in history.nodes if known.capacity_type == "spot")
    saved = sum(value for (uid, _), value in truth.savings.items() if uid == spot.uid)
    price = spot.prices[0]
    assert price.spot_usd_per_hour is not None
    assert saved == (price.on_demand_usd_per_hour - price.spot_usd_per_hour) / 6


def test_a_price_change_is_recorded(clock: ManualClock, node: NodeFact) -> None:
    """The history has both prices with their moments."""
    changes = (PriceChange(30, node.name, node.on_demand_usd_per_hour * 2),)
    cluster = after(started(clock, node, price_changes=changes), 60)
    (first, second) = cluster.history.node(node.name).prices
    assert second.from_ns - first.from_ns == 30 * SECOND_NS
    assert second.on_demand_usd_per_hour == 2 * first.on_demand_usd_per_hour


def test_versions_only_go_up(demo: SimulatedCluster) -> None:
    """Every change of anything has a greater resourceVersion than the one before."""
    events = demo.advance_to(demo.history.started_ns + 120 * SECOND_NS)
    assert len(events) > 100
    assert all(earlier.version < later.version for earlier, later in pairwise(events))
