"""Where a cluster runs, as far as prices of what isn't a node depend on it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kube_cost_common.domain.nodes import NodeIdentity

_CONTROL_PLANES: Mapping[str, tuple[str, ...]] = {
    "aws": ("eks.amazonaws.com/", "alpha.eksctl.io/"),
    "gcp": ("cloud.google.com/gke-",),
    "azure": ("kubernetes.azure.com/",),
}
"""How the labels begin that nodes of a provider's own Kubernetes have: EKS, GKE, AKS."""


class Place(NamedTuple):
    """A provider and a region, and whether the provider runs the control plane."""

    provider: str
    region: str
    managed: bool


NOWHERE = Place("", "", managed=False)


def place_of(nodes: Iterable[tuple[NodeIdentity, Mapping[str, str]]]) -> Place:
    """Return the place that most nodes, given with their labels, are in; `NOWHERE` without any."""
    places = Counter(
        Place(identity.provider, identity.region, managed=is_managed(identity.provider, labels))
        for identity, labels in nodes
    )
    return max(places, key=lambda place: (places[place], place), default=NOWHERE)


def is_managed(provider: str, labels: Mapping[str, str]) -> bool:
    """Whether a node with those labels is one of its provider's own Kubernetes."""
    beginnings = _CONTROL_PLANES.get(provider, ())
    return any(label.startswith(beginnings) for label in labels)
