from typing import Any

import pytest

from kube_cost_simulator.billed import StorageClassFact, VolumeFact
from kube_cost_simulator.building import asked, container, template
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.operations import Operations
from kube_cost_simulator.records import VolumeHistory
from kube_cost_simulator.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from kube_cost_simulator.scenario import ClaimMount, NamespaceFact, NodeFact, Scenario, TemplateFact, WorkloadFact
from kube_cost_simulator.usage import ALWAYS_IDLE

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
CLAIM = ("default", "files")
CLASSES = (
    StorageClassFact("gone", "ebs.csi.aws.com", {"type": "gp3", "iops": "6000", "throughput": "250"}),
    StorageClassFact("kept", "ebs.csi.aws.com", {"type": "io1", "iopsPerGB": "50"}, reclaim_policy="Retain"),
)


def volume(storage_class: str = "gone", **changes: Any) -> VolumeFact:
    return VolumeFact("pv", "vol-1", storage_class, 100, "us-east-1", "us-east-1a", **{"claim": CLAIM, **changes})


def mounting() -> TemplateFact:
    made = template("app", ALWAYS_IDLE, container("main", "image", asked(100, 64)))
    return TemplateFact(made.containers, mounts=(ClaimMount("files", "/files"),))


def cluster_of(node: NodeFact, fact: VolumeFact, *workloads: WorkloadFact) -> SimulatedCluster:
    scenario = Scenario(
        name="volumes",
        nodes=(node,),
        namespaces=(NamespaceFact("default"),),
        workloads=workloads,
        storage_classes=CLASSES,
        volumes=(fact,),
    )
    cluster = SimulatedCluster(scenario=scenario, seed=1, clock=ManualClock(start_ns=START_NS))
    cluster.start()
    return cluster


def after(cluster: SimulatedCluster, seconds: float) -> None:
    cluster.advance_to(START_NS + round(seconds * SECOND_NS))


def the_volume(cluster: SimulatedCluster) -> dict[str, Any] | None:
    stored = cluster.store.get(PERSISTENT_VOLUMES, "", "pv")
    return None if stored is None else stored.content


def the_claim(cluster: SimulatedCluster) -> dict[str, Any] | None:
    stored = cluster.store.get(PERSISTENT_VOLUME_CLAIMS, *CLAIM)
    return None if stored is None else stored.content


def states(cluster: SimulatedCluster) -> list[tuple[float, float, tuple[str, str] | None]]:
    (history,) = cluster.history.volumes
    return [((state.from_ns - START_NS) / SECOND_NS, float(state.gib), state.claim) for state in history.states]


def test_a_released_volume_stays_where_its_class_retains_it(node: NodeFact) -> None:
    """Its claim is gone, its reference to it isn't, and the history has it as nobody's."""
    cluster = cluster_of(node, volume("kept", claim_deleted_after_seconds=60))
    after(cluster, 600)
    left = the_volume(cluster)
    assert left is not None
    assert left["status"]["phase"] == "Released"
    assert left["spec"]["claimRef"]["name"] == "files"
    assert the_claim(cluster) is None
    assert states(cluster) == [(0, 100, CLAIM), (60, 100, None)]


def test_a_volume_goes_with_its_claim_where_its_class_deletes_it(node: NodeFact) -> None:
    """Two seconds after the claim."""
    cluster = cluster_of(node, volume(claim_deleted_after_seconds=60))
    after(cluster, 600)
    assert the_volume(cluster) is None
    assert cluster.history.volumes[0].deleted_ns == START_NS + 62 * SECOND_NS


def test_a_claim_that_is_mounted_stays_until_its_pod_has_gone(node: NodeFact) -> None:
    """Deleted at 60 s it is marked, and goes within a second or two of the pod, which ends by itself."""
    pod = WorkloadFact("Pod", "default", "reader", mounting(), run_seconds=(100, 100))
    cluster = cluster_of(node, volume("kept", claim_deleted_after_seconds=60), pod)
    after(cluster, 90)
    marked = the_claim(cluster)
    assert marked is not None
    assert "deletionTimestamp" in marked["metadata"]
    after(cluster, 600)
    assert the_claim(cluster) is None
    (_, (released, _, claim)) = states(cluster)
    (reader,) = cluster.history.pods
    assert reader.ended_ns is not None
    assert claim is None
    assert 0 <= released - (reader.ended_ns - START_NS) / SECOND_NS <= 1


def test_a_claim_grows_before_its_volume_does(node: NodeFact) -> None:
    """Somebody asks for 200 GiB at 60 s; the volume has them three seconds later, and costs more from then on."""
    cluster = cluster_of(node, volume(grown=((60, 200),)))
    after(cluster, 61)
    asking, volume_before = the_claim(cluster), the_volume(cluster)
    assert asking is not None
    assert volume_before is not None
    assert asking["spec"]["resources"]["requests"]["storage"] == "200Gi"
    assert volume_before["spec"]["capacity"]["storage"] == asking["status"]["capacity"]["storage"] == "100Gi"
    after(cluster, 70)
    grown = the_claim(cluster)
    assert grown is not None
    assert grown["status"]["capacity"]["storage"] == "200Gi"
    assert states(cluster) == [(0, 100, CLAIM), (63, 200, CLAIM)]


def test_a_volume_can_be_claimed_late_and_deleted_by_hand(node: NodeFact) -> None:
    """Nobody's for a minute, somebody's for another."""
    cluster = cluster_of(node, volume(made_after_seconds=10, claimed_after_seconds=70, deleted_after_seconds=130))
    after(cluster, 600)
    assert states(cluster) == [(10, 100, None), (70, 100, CLAIM)]
    assert cluster.history.volumes[0].deleted_ns == START_NS + 130 * SECOND_NS


@pytest.mark.parametrize(("storage_class", "iops", "speed"), [("gone", 6000, 250), ("kept", 5000, 0)])
def test_what_a_class_provisions_is_in_the_history(node: NodeFact, storage_class: str, iops: int, speed: int) -> None:
    """IOPS as a number or per GiB, and throughput."""
    (history,) = cluster_of(node, volume(storage_class)).history.volumes
    assert (history.iops, history.mib_per_second) == (iops, speed)


def made_by_a_client(small: SimulatedCluster) -> VolumeHistory:
    operations = Operations(cluster=small)
    claim = operations.create(
        PERSISTENT_VOLUME_CLAIMS, "default", {"metadata": {"name": "files"}, "spec": {"volumeName": "pv"}}
    )
    uid = claim.content["metadata"]["uid"]
    spec = {"capacity": {"storage": "1500M"}, "claimRef": {"namespace": "default", "name": "files", "uid": uid}}
    operations.create(PERSISTENT_VOLUMES, "", {"metadata": {"name": "pv"}, "spec": spec})
    return small.history.volumes[0]


def test_a_clients_volumes_are_in_the_history_too(small: SimulatedCluster) -> None:
    """Whoever makes claim and volume, and deletes the claim."""
    history = made_by_a_client(small)
    Operations(cluster=small).delete(PERSISTENT_VOLUME_CLAIMS, "default", "files")
    assert [state.claim for state in history.states] == [CLAIM, None]
    assert float(history.states[0].gib) == pytest.approx(1.5e9 / 2**30)


def test_another_claim_of_the_same_name_isnt_the_volumes(small: SimulatedCluster) -> None:
    """A released volume refers to the uid of the claim that is gone."""
    history = made_by_a_client(small)
    operations = Operations(cluster=small)
    operations.delete(PERSISTENT_VOLUME_CLAIMS, "default", "files")
    operations.create(
        PERSISTENT_VOLUME_CLAIMS, "default", {"metadata": {"name": "files"}, "spec": {"volumeName": "pv"}}
    )
    assert history.states[-1].claim is None


def test_a_volume_whose_size_cant_be_read_has_none(small: SimulatedCluster) -> None:
    """A client may write anything."""
    operations = Operations(cluster=small)
    operations.create(PERSISTENT_VOLUMES, "", {"metadata": {"name": "odd"}, "spec": {"capacity": {"storage": "big"}}})
    assert small.history.volumes[0].states[0].gib == 0


def test_a_clients_pod_mounts_its_claims(small: SimulatedCluster) -> None:
    """The claims of its spec's volumes are in the history."""
    volumes = [{"name": "files", "persistentVolumeClaim": {"claimName": "files"}}, {"name": "tmp", "emptyDir": {}}]
    spec = {"containers": [{"name": "main"}], "volumes": volumes}
    Operations(cluster=small).create(PODS, "default", {"metadata": {"name": "reader"}, "spec": spec})
    small.advance_to(small.now_ns + 5 * SECOND_NS)
    assert small.history.pods[0].claims == ("files",)
