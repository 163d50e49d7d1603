"""What a node is, read from its labels and provider id."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

ON_DEMAND = "on_demand"
SPOT = "spot"
CUSTOM = "custom"

_PROVIDERS = {"aws": "aws", "gce": "gcp", "azure": "azure"}

_SPOT_LABELS: Mapping[str, frozenset[str]] = {
    "karpenter.sh/capacity-type": frozenset({"spot"}),
    "eks.amazonaws.com/capacityType": frozenset({"spot"}),
    "cloud.google.com/gke-spot": frozenset({"true"}),
    "cloud.google.com/gke-preemptible": frozenset({"true"}),
    "cloud.google.com/gke-provisioning": frozenset({"spot", "preemptible"}),
    "kubernetes.azure.com/scalesetpriority": frozenset({"spot"}),
    "node.kubernetes.io/lifecycle": frozenset({"spot", "ec2spot"}),
    "lifecycle": frozenset({"spot", "ec2spot"}),
}
"""The labels by which the clouds, Karpenter and older node groups say that a node is spot, and their values."""

_POOL_LABELS = (
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
)


class NodeIdentity(NamedTuple):
    """What a node's price depends on, and what it is grouped by. Empty where nothing says."""

    provider: str
    region: str
    zone: str
    instance_type: str
    instance_family: str
    node_pool: str
    capacity_type: str
    os: str
    arch: str


def identify(
    *,
    provider_id: str,
    labels: Mapping[str, str],
    spot_label: str = "",
    pool_label: str = "",
    default_provider: str = CUSTOM,
) -> NodeIdentity:
    """Return what a node's `spec.providerID` and labels say of it.

    `spot_label` names a label of the user's own, or a `label=value`, that marks spot nodes; `pool_label` one whose
    value is a node's pool, before those of the clouds and Karpenter. `default_provider` is that of a node without a
    provider id.
    """
    scheme, separator, _ = provider_id.partition("://")
    provider = default_provider
    if provider_id:
        provider = _PROVIDERS.get(scheme, CUSTOM) if separator else CUSTOM
    instance_type = _first(labels, ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"))
    return NodeIdentity(
        provider=provider,
        region=_first(labels, ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")),
        zone=_first(labels, ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")),
        instance_type=instance_type,
        instance_family=instance_family(provider, instance_type),
        node_pool=_first(labels, (pool_label, *_POOL_LABELS)),
        capacity_type=SPOT if _is_spot(labels, spot_label) else ON_DEMAND,
        os=_first(labels, ("kubernetes.io/os", "beta.kubernetes.io/os")) or "linux",
        arch=_first(labels, ("kubernetes.io/arch", "beta.kubernetes.io/arch")),
    )


def price_zone(*, provider: str, region: str, zone: str, capacity_type: str) -> str:
    """Return the zone that a machine's price is bound to, empty where its whole region has the price.

    Spot prices go by zone. On demand only AWS's Local and Wavelength Zones have prices of their own; they are those
    that aren't their region's name and a letter (`us-west-2-lax-1a` of us-west-2).
    """
    if capacity_type == SPOT:
        return zone
    of_the_region = zone[:-1] == region and zone[-1:].isalpha()
    return zone if provider == "aws" and zone and not of_the_region else ""


def _first(labels: Mapping[str, str], names: Sequence[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _is_spot(labels: Mapping[str, str], spot_label: str) -> bool:
    if spot_label:
        name, _, value = spot_label.partition("=")
        if labels.get(name, "").lower() in ({value.lower()} if value else {"true", "spot"}):
            return True
    return any(labels.get(name, "").lower() in values for name, values in _SPOT_LABELS.items())


def instance_family(provider: str, instance_type: str) -> str:
    """Return `m5` of m5.large, `n2` of n2-standard-4, `Standard_D` … `Dsv5` of Standard_D4s_v5."""
    if provider == "aws":
        return instance_type.partition(".")[0]
    if provider == "gcp":
        return instance_type.partition("-")[0]
    if provider == "azure":
        name = instance_type.removeprefix("Standard_").removeprefix("Basic_")
        return "".join(character for character in name.replace("_", "") if not character.isdigit()) + _azure_version(
            name
        )
    return ""


def _azure_version(name: str) -> str:
    last = name.rpartition("_")[2]
    return last[1:] if last[:1] == "v" and last[1:].isdigit() else ""
