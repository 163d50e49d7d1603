import pytest

from kube_cost_common.domain.nodes import identify
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cloud_nodes import virtual_node
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.costs.pools import node_pool
from kube_cost_simulator.everything.nodes import amazon_nodes, azure_nodes, google_nodes
from kube_cost_simulator.everything.scenarios import mixed_clouds_scenario
from kube_cost_simulator.resources import NODES
from kube_cost_simulator.scenario import NodeFact

MACHINES = [fact for fact in (*amazon_nodes(), *google_nodes(), *azure_nodes()) if fact.pod_sized is None]


@pytest.mark.parametrize(
    ("fact", "provider", "region", "zone", "instance_type", "pool"),
    [
        (MACHINES[0], "aws", "us-east-1", "us-east-1a", "m5.xlarge", "general"),
        (MACHINES[1], "aws", "us-east-1", "us-east-1b", "c5.2xlarge", "batch"),
        (MACHINES[2], "aws", "us-east-1", "us-east-1c", "c6i.xlarge", "flexible"),
        (MACHINES[3], "gcp", "us-central1", "us-central1-a", "e2-standard-2", "default-pool"),
        (MACHINES[4], "gcp", "us-central1", "us-central1-b", "n2-standard-4", "spot-pool"),
        (MACHINES[5], "azure", "eastus", "eastus-1", "Standard_D4s_v5", "nodepool1"),
        (MACHINES[6], "azure", "eastus", "eastus-2", "Standard_D4s_v5", "spotpool"),
    ],
    ids=[fact.name for fact in MACHINES],
)
def test_every_clouds_nodes_are_what_they_say(
    fact: NodeFact, provider: str, region: str, zone: str, instance_type: str, pool: str
) -> None:
    """The model reads from their labels and provider id what the truth knows of them."""
    read = identify(provider_id=fact.provider_id, labels=fact.labels)
    assert (read.provider, read.region, read.zone) == (provider, region, zone)
    assert (read.instance_type, read.node_pool, read.capacity_type) == (instance_type, pool, fact.capacity_type)
    assert node_pool(fact.labels) == pool


def test_azures_spot_nodes_keep_pods_away() -> None:
    """AKS puts a taint on them, the others do not."""
    tainted = [fact.name for fact in MACHINES if fact.taints]
    assert tainted == [MACHINES[6].name]


def test_the_virtual_node_is_no_machine() -> None:
    """It has neither a provider id nor a type nor a pool, and says what it is."""
    fact = virtual_node()
    assert fact.labels["type"] == "virtual-kubelet"
    assert node_pool(fact.labels) == ""
    assert "node.kubernetes.io/instance-type" not in fact.labels


def test_the_mixed_cluster_has_three_clouds() -> None:
    """By the provider ids of its nodes; the virtual one has none at all."""
    cluster = SimulatedCluster(
        scenario=mixed_clouds_scenario(), seed=1, clock=ManualClock(start_ns=1_800_000_000 * 10**9)
    )
    cluster.start()
    ids = [stored.content["spec"].get("providerID") for stored in cluster.store.objects(NODES)]
    schemes = [None if provider_id is None else provider_id.partition("://")[0] for provider_id in ids]
    assert schemes == ["aws", "aws", "aws", "gce", "gce", "azure", "azure", None]
    assert all(provider_id is None or "://" in provider_id for provider_id in ids)
