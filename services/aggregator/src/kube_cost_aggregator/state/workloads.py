"""Which workload a pod belongs to: what a person wrote, not what a controller made of it."""

from collections.abc import Mapping

from kube_cost_aggregator.state.facts import Owner, OwnerFacts

_MAXIMUM_DEPTH = 8
"""Longer chains of owners are a loop."""


def workload_of(owner: Owner | None, pod_name: str, owners: Mapping[str, OwnerFacts]) -> tuple[str, str]:
    """Return kind and name of a pod's workload: the last known of its owners, or the pod itself.

    A Deployment, not its ReplicaSet; a CronJob, not its Job. A static pod is owned by its node: it stands for itself.
    """
    if owner is None or owner.kind == "Node":
        return "Pod", pod_name
    for _ in range(_MAXIMUM_DEPTH):
        known = owners.get(owner.uid)
        if known is None or known.owner is None:
            break
        owner = known.owner
    return owner.kind, owner.name
