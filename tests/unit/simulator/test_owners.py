from typing import Any

import aiohttp
import pytest

from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.building import asked, container, template
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.resources import PODS, REPLICA_SETS
from kube_cost_simulator.scenario import NamespaceFact, NodeFact, ReplicaStep, Scenario, WorkloadFact, WorkloadKind
from kube_cost_simulator.usage import ALWAYS_IDLE

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
TOKEN = "a-token"


def lived(node: NodeFact, kind: WorkloadKind, seconds: int = 30, **changes: Any) -> SimulatedCluster:
    fact = WorkloadFact(
        kind,
        "default",
        "shop",
        template("shop", ALWAYS_IDLE, container("main", "image", asked(10, 10))),
        replicas=2,
        **changes,
    )
    scenario = Scenario(name="owners", nodes=(node,), namespaces=(NamespaceFact("default"),), workloads=(fact,))
    cluster = SimulatedCluster(scenario=scenario, seed=1, clock=ManualClock(start_ns=START_NS))
    cluster.start()
    cluster.advance_to(START_NS + seconds * SECOND_NS)
    return cluster


def owners(cluster: SimulatedCluster) -> list[tuple[str, str, str]]:
    """API version, kind and name of the owners of all pods."""
    found = []
    for stored in cluster.store.objects(PODS):
        (owner,) = stored.content["metadata"]["ownerReferences"]
        found.append((owner["apiVersion"], owner["kind"], owner["name"]))
    return found


def test_a_rollouts_pods_belong_to_its_replica_set(node: NodeFact) -> None:
    """Whose owner is the Rollout, and which finds them by Argo's own label."""
    cluster = lived(node, "Rollout")
    (replica_set,) = cluster.store.objects(REPLICA_SETS)
    name = replica_set.content["metadata"]["name"]
    assert owners(cluster) == [("apps/v1", "ReplicaSet", name)] * 2
    (owner,) = replica_set.content["metadata"]["ownerReferences"]
    assert (owner["apiVersion"], owner["kind"], owner["name"]) == ("argoproj.io/v1alpha1", "Rollout", "shop")
    for stored in cluster.store.objects(PODS):
        labels = stored.content["metadata"]["labels"]
        assert labels["rollouts-pod-template-hash"] == name.rpartition("-")[2]
        assert "pod-template-hash" not in labels


def test_a_clone_sets_pods_are_its_own(node: NodeFact) -> None:
    """There is no ReplicaSet between them."""
    cluster = lived(node, "CloneSet")
    assert owners(cluster) == [("apps.kruise.io/v1alpha1", "CloneSet", "shop")] * 2
    assert not cluster.store.objects(REPLICA_SETS)


@pytest.mark.parametrize("kind", ["Rollout", "CloneSet"])
def test_they_scale_and_replace_their_pods(node: NodeFact, kind: WorkloadKind) -> None:
    """As a Deployment does."""
    cluster = lived(node, kind, 900, replica_steps=(ReplicaStep(300, 5),), mean_lifetime_seconds=120)
    assert len(cluster.history.pods) > 10
    assert sum(pod.running for pod in cluster.pods.pods.values()) >= 4


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Rollout", "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/shop"),
        ("CloneSet", "/apis/apps.kruise.io/v1alpha1/namespaces/default/clonesets/shop"),
    ],
)
async def test_the_api_server_serves_them(node: NodeFact, kind: WorkloadKind, path: str) -> None:
    """Under their groups and versions."""
    server = ApiServer(cluster=lived(node, kind), tokens=[TOKEN])
    url = await server.start()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(url, headers=headers) as session, session.get(path) as answer:
        served = await answer.json()
    await server.stop()
    assert (served["kind"], served["spec"]["replicas"]) == (kind, 2)


@pytest.mark.parametrize(
    ("kind", "workload"),
    [
        ("Deployment", "shop"),
        ("StatefulSet", "shop"),
        ("DaemonSet", "shop"),
        ("Job", "shop"),
        ("CronJob", "shop"),
        ("Rollout", "shop"),
        ("CloneSet", "shop"),
        ("Pod", "shop"),
    ],
)
def test_the_history_has_what_a_person_wrote(node: NodeFact, kind: WorkloadKind, workload: str) -> None:
    """Not the ReplicaSet, nor a CronJob's Job."""
    changes = {"run_seconds": (5, 9)} if kind in {"Job", "CronJob"} else {}
    assert {pod.workload for pod in lived(node, kind, 100, **changes).history.pods} == {(kind, workload)}
