from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.kubernetes_objects import CREATED_NS, ReadObjects, metadata, page
from kube_cost_aggregator.state.facts import ClaimFacts, NamespaceFacts, NodeFacts, Owner, OwnerFacts, StorageClassFacts
from kube_cost_common.domain.resources import Resources


def test_the_recorded_node_has_its_vcpus_and_gibs(recorded_data: Path) -> None:
    """A real node's capacity is 14 vCPUs and 8024304 KiB."""
    items = yaml.safe_load((recorded_data / "agent/nri-1_35/nodes.yaml").read_text())["items"]
    read = ReadObjects()
    (node,) = read.resources.nodes.read_page(page(*items)).facts
    assert node.capacity == Resources(14.0, 8024304 / 1024**2, 0.0)
    assert node.name == "datagen-1-35"
    assert not read.faults


def node_of(status: dict[str, Any], labels: dict[str, str] | None = None) -> tuple[NodeFacts, list[str]]:
    read = ReadObjects()
    content = {
        "metadata": metadata("node-1", labels=labels or {}),
        "spec": {"providerID": "aws:///eu-west-1a/i-0"},
        "status": status,
    }
    facts: NodeFacts = read.one(read.resources.nodes, content)
    return facts, read.sentences


def test_a_node_is_what_its_labels_and_provider_id_say() -> None:
    """All of a node's labels are kept: prices may depend on any."""
    facts, _ = node_of({"capacity": {"cpu": "2"}, "allocatable": {"cpu": "1930m"}}, {"pool": "blue"})
    assert (facts.uid, facts.provider_id, facts.created_ns) == ("uid-node-1", "aws:///eu-west-1a/i-0", CREATED_NS)
    assert facts.labels == {"pool": "blue"}
    assert (facts.capacity.vcpu, facts.allocatable.vcpu) == (2.0, 1.93)


@pytest.mark.parametrize(
    ("capacity", "labels", "gpus"),
    [
        ({"nvidia.com/gpu": "4"}, {}, 4.0),
        ({"nvidia.com/gpu": "4"}, {"nvidia.com/gpu.replicas": "4"}, 1.0),
        ({"nvidia.com/mig-1g.5gb": "7"}, {}, 1.0),
        ({"example.com/fpga": "4", "pods": "110", "ephemeral-storage": "x"}, {}, 0.0),
    ],
    ids=["whole", "time-sliced", "partitioned", "none"],
)
def test_a_nodes_gpus_are_counted(capacity: dict[str, str], labels: dict[str, str], gpus: float) -> None:
    """Extended resources become GPUs, with the labels that say how they are shared."""
    facts, sentences = node_of({"capacity": capacity}, labels)
    assert facts.capacity == Resources(0.0, 0.0, gpus)
    assert not sentences


def test_a_nodes_bad_quantity_is_named_and_left_out() -> None:
    """The other resources count."""
    facts, sentences = node_of({"capacity": {"cpu": "two", "memory": "8Gi"}})
    assert facts.capacity == Resources(0.0, 8.0, 0.0)
    assert sentences == ["Node node-1: status.capacity.cpu: not a Kubernetes quantity: 'two'"]


def test_a_namespace_keeps_this_projects_annotations() -> None:
    """Budgets are annotations; the others aren't kept."""
    read = ReadObjects()
    annotations = {"kube-cost.io/monthly-budget": "500", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    facts = read.one(
        read.resources.namespaces, {"metadata": metadata("shop", labels={"team": "a"}, annotations=annotations)}
    )
    assert facts == NamespaceFacts(
        uid="uid-shop", name="shop", labels={"team": "a"}, annotations={"kube-cost.io/monthly-budget": "500"}
    )


def volume_of(spec: dict[str, Any], **meta: Any) -> Any:
    read = ReadObjects()
    return read.one(read.resources.volumes, {"metadata": metadata("pv-1", **meta), "spec": spec})


def test_a_csi_volume_says_what_it_is() -> None:
    """Size in bytes, claim, class, driver, and what the driver says of it."""
    facts = volume_of(
        {
            "capacity": {"storage": "20Gi"},
            "claimRef": {"namespace": "shop", "name": "db", "uid": "x"},
            "storageClassName": "gp3",
            "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-0", "volumeAttributes": {"type": "gp3"}},
        }
    )
    assert (facts.capacity_bytes, facts.claim, facts.storage_class) == (20 * 1024**3, ("shop", "db"), "gp3")
    assert (facts.driver, facts.attributes) == ("ebs.csi.aws.com", {"type": "gp3"})


@pytest.mark.parametrize(
    ("source", "driver"),
    [
        ({"awsElasticBlockStore": {"volumeID": "v"}}, "awsElasticBlockStore"),
        ({"gcePersistentDisk": {"pdName": "d"}}, "gcePersistentDisk"),
        ({"azureDisk": {"diskName": "d"}}, "azureDisk"),
        ({"hostPath": {"path": "/data"}}, "hostPath"),
        ({"nfs": {"server": "s", "path": "/"}}, "nfs"),
        ({"flexVolume": {"driver": "example/disk"}}, "example/disk"),
        ({}, ""),
    ],
)
def test_an_in_tree_volumes_driver_is_its_plugin(source: dict[str, Any], driver: str) -> None:
    """The plugin is named as in the API; a volume without a claim has none."""
    facts = volume_of({"capacity": {"storage": "1Gi"}, **source})
    assert (facts.driver, facts.claim) == (driver, None)


def affinity(operator: str, *values: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": operator, "values": values}]}
    return {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}


@pytest.mark.parametrize(
    ("spec", "labels", "expected"),
    [
        (affinity("In", "eu-west-1a"), {}, "eu-west-1a"),
        (affinity("In", "eu-west-1a"), {"topology.kubernetes.io/zone": "eu-west-1b"}, "eu-west-1b"),
        (affinity("In", "eu-west-1a", "eu-west-1b"), {}, None),
        (affinity("NotIn", "eu-west-1a"), {}, None),
        ({}, {}, None),
    ],
    ids=["affinity", "label first", "several zones", "another operator", "nothing"],
)
def test_a_volumes_zone_is_its_label_or_its_affinity(
    spec: dict[str, Any], labels: dict[str, str], expected: str | None
) -> None:
    """CSI drivers say the zone in the node affinity, in-tree plugins in a label."""
    assert volume_of(spec, labels=labels).labels.get("topology.kubernetes.io/zone") == expected


def test_a_claim_says_what_it_is_bound_to() -> None:
    """A claim without class or volume has empty ones."""
    read = ReadObjects("team")
    contents = [
        {
            "metadata": metadata("db", namespace="shop", labels={"team": "a", "app": "db"}),
            "spec": {"volumeName": "pv-1", "storageClassName": "gp3"},
        },
        {"metadata": metadata("new", namespace="shop"), "spec": {"storageClassName": None}},
    ]
    bound, unbound = read.resources.claims.read_page(page(*contents)).facts
    assert bound == ClaimFacts(
        uid="uid-db",
        namespace="shop",
        name="db",
        created_ns=CREATED_NS,
        volume_name="pv-1",
        storage_class="gp3",
        labels={"team": "a"},
    )
    assert (unbound.volume_name, unbound.storage_class) == ("", "")


def test_a_storage_class_has_its_parameters() -> None:
    """They say which kind of disk it is."""
    read = ReadObjects()
    content = {"metadata": metadata("gp3"), "provisioner": "ebs.csi.aws.com", "parameters": {"type": "gp3"}}
    assert read.one(read.resources.storage_classes, content) == StorageClassFacts(
        uid="uid-gp3", name="gp3", provisioner="ebs.csi.aws.com", parameters={"type": "gp3"}
    )


ADDRESS = {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"type": "LoadBalancer"}, ADDRESS, True),
        ({"type": "LoadBalancer", "loadBalancerClass": "service.k8s.aws/nlb"}, ADDRESS, True),
        ({"type": "LoadBalancer", "loadBalancerClass": "metallb.io/speaker"}, ADDRESS, False),
        ({"type": "LoadBalancer"}, {"loadBalancer": {}}, False),
        ({"type": "ClusterIP"}, ADDRESS, False),
        ({}, {}, False),
    ],
    ids=["cloud", "cloud's own class", "another's class", "no address yet", "no load balancer", "empty"],
)
def test_a_service_has_a_load_balancer_once_the_cloud_gave_it_one(
    spec: dict[str, Any], status: dict[str, Any], expected: bool
) -> None:
    """Of type LoadBalancer, not made by software of another's, and with an address."""
    read = ReadObjects()
    content = {"metadata": metadata("web", namespace="shop"), "spec": spec, "status": status}
    assert read.one(read.resources.services, content).has_load_balancer is expected


@pytest.mark.parametrize("kind", ["ReplicaSet", "Job", "CronJob"])
def test_owners_are_read_from_their_metadata(kind: str) -> None:
    """The kind is the resource's: the object itself says only PartialObjectMetadata."""
    read = ReadObjects()
    (resource,) = (one for one in read.resources.all() if one.kind == kind)
    reference = {"kind": "Deployment", "name": "web", "uid": "d", "controller": True}
    content = {
        "kind": "PartialObjectMetadata",
        "metadata": metadata("web-1", namespace="shop", ownerReferences=[reference]),
    }
    assert read.one(resource, content) == OwnerFacts(
        uid="uid-web-1", kind=kind, namespace="shop", name="web-1", owner=Owner("Deployment", "web", "d")
    )
    assert "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" in resource.accept(is_list=True)
