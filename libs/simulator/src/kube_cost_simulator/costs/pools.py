"""Which pool a node belongs to."""

from collections.abc import Mapping

POOL_LABELS = (
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "karpenter.sh/nodepool",
)
"""Set by EKS, GKE, AKS and Karpenter."""


def node_pool(labels: Mapping[str, str]) -> str:
    """The pool's name; empty for a node that is in none."""
    for label in POOL_LABELS:
        if label in labels:
            return labels[label]
    return ""
