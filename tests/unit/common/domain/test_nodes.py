import pytest

from kube_cost_common.domain.nodes import identify, price_zone


@pytest.mark.parametrize(
    ("provider_id", "provider"),
    [
        ("aws:///us-east-1a/i-0abc", "aws"),
        ("gce://project/us-central1-a/node", "gcp"),
        ("azure:///subscriptions/x", "azure"),
        ("kind://docker/kind/kind-control-plane", "custom"),
        ("", "custom"),
        ("aws", "custom"),
    ],
)
def test_the_provider_is_the_provider_ids_scheme(provider_id: str, provider: str) -> None:
    """Anything else than the three clouds is priced by the user."""
    assert identify(provider_id=provider_id, labels={}).provider == provider


@pytest.mark.parametrize(
    "labels",
    [
        {"karpenter.sh/capacity-type": "spot"},
        {"eks.amazonaws.com/capacityType": "SPOT"},
        {"cloud.google.com/gke-spot": "true"},
        {"cloud.google.com/gke-preemptible": "true"},
        {"cloud.google.com/gke-provisioning": "spot"},
        {"kubernetes.azure.com/scalesetpriority": "spot"},
        {"node.kubernetes.io/lifecycle": "spot"},
        {"lifecycle": "Ec2Spot"},
        {"mine": "cheap"},
    ],
)
def test_spot_nodes_are_known_by_their_labels(labels: dict[str, str]) -> None:
    """Each cloud, Karpenter and a label of the user's own say so in their way."""
    assert identify(provider_id="", labels=labels, spot_label="mine=cheap").capacity_type == "spot"


@pytest.mark.parametrize(
    "labels",
    [{}, {"karpenter.sh/capacity-type": "on-demand"}, {"cloud.google.com/gke-spot": "false"}, {"mine": "dear"}],
)
def test_all_other_nodes_are_on_demand(labels: dict[str, str]) -> None:
    """A spot label with another value says nothing."""
    assert identify(provider_id="", labels=labels, spot_label="mine=cheap").capacity_type == "on_demand"


def test_older_labels_stand_in_for_the_newer_ones() -> None:
    """Clusters that were never relabelled are read too."""
    identity = identify(
        provider_id="",
        labels={
            "beta.kubernetes.io/instance-type": "m5.large",
            "failure-domain.beta.kubernetes.io/region": "us-east-1",
            "failure-domain.beta.kubernetes.io/zone": "us-east-1a",
            "beta.kubernetes.io/arch": "arm64",
        },
    )
    assert (identity.instance_type, identity.region, identity.zone) == ("m5.large", "us-east-1", "us-east-1a")
    assert (identity.arch, identity.os) == ("arm64", "linux")


@pytest.mark.parametrize(
    ("provider_id", "instance_type", "family"),
    [
        ("aws://", "m5.large", "m5"),
        ("gce://", "n2-standard-4", "n2"),
        ("azure://", "Standard_D4s_v5", "Dsv5"),
        ("azure://", "Standard_B2ms", "Bms"),
        ("kind://", "big", ""),
    ],
)
def test_families_are_each_clouds_own(provider_id: str, instance_type: str, family: str) -> None:
    """What a person calls the series of machines."""
    labels = {"node.kubernetes.io/instance-type": instance_type}
    assert identify(provider_id=provider_id, labels=labels).instance_family == family


@pytest.mark.parametrize(
    ("provider_id", "provider"), [("", "gcp"), ("openstack:///x", "custom"), ("aws:///a/i", "aws")]
)
def test_the_default_provider_is_for_nodes_without_an_id(provider_id: str, provider: str) -> None:
    """One that has an id is whose the id says, or nobody's."""
    assert identify(provider_id=provider_id, labels={}, default_provider="gcp").provider == provider


@pytest.mark.parametrize(
    ("provider", "region", "zone", "capacity_type", "bound"),
    [
        ("aws", "us-east-1", "us-east-1a", "spot", "us-east-1a"),
        ("aws", "us-east-1", "us-east-1a", "on_demand", ""),
        ("aws", "us-west-2", "us-west-2-lax-1a", "on_demand", "us-west-2-lax-1a"),
        ("aws", "us-east-1", "us-east-1-wl1-bos-wlz-1", "on_demand", "us-east-1-wl1-bos-wlz-1"),
        ("aws", "us-east-1", "", "on_demand", ""),
        ("gcp", "us-central1", "us-central1-a", "on_demand", ""),
        ("azure", "eastus", "eastus-1", "on_demand", ""),
        ("custom", "lab", "rack-7", "on_demand", ""),
    ],
)
def test_a_price_is_bound_to_a_zone_only_where_the_zone_has_its_own(
    provider: str, region: str, zone: str, capacity_type: str, bound: str
) -> None:
    """Else a region's nodes would ask for the same price once a zone."""
    assert price_zone(provider=provider, region=region, zone=zone, capacity_type=capacity_type) == bound


@pytest.mark.parametrize(
    ("labels", "pool"),
    [
        ({"eks.amazonaws.com/nodegroup": "general"}, "general"),
        ({"cloud.google.com/gke-nodepool": "pool-1"}, "pool-1"),
        ({"kubernetes.azure.com/agentpool": "system", "agentpool": "old"}, "system"),
        ({"agentpool": "old"}, "old"),
        ({"karpenter.sh/nodepool": "spot"}, "spot"),
        ({"karpenter.sh/provisioner-name": "default"}, "default"),
        ({}, ""),
        ({"eks.amazonaws.com/nodegroup": "general", "mine": "batch"}, "batch"),
    ],
)
def test_a_nodes_pool_is_what_its_labels_say(labels: dict[str, str], pool: str) -> None:
    """The configured label goes before those of the clouds."""
    assert identify(provider_id="", labels=labels, pool_label="mine").node_pool == pool
