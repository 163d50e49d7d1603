"""The sizes that pods are sold by where they have no machine of their own: AWS Fargate, Azure Container Instances."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Literal

from kube_cost_common.domain.resources import BYTES_PER_GIB, Resources

Sizing = Literal["fargate", "aci"]

FARGATE_OVERHEAD_GIB = 0.25
"""Added to each pod's memory for what Kubernetes itself needs
(https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html)."""

_FARGATE: tuple[tuple[float, tuple[float, ...]], ...] = (
    (0.25, (0.5, 1.0, 2.0)),
    (0.5, (1.0, 2.0, 3.0, 4.0)),
    (1.0, tuple(float(gib) for gib in range(2, 9))),
    (2.0, tuple(float(gib) for gib in range(4, 17))),
    (4.0, tuple(float(gib) for gib in range(8, 31))),
    (8.0, tuple(float(gib) for gib in range(16, 61, 4))),
    (16.0, tuple(float(gib) for gib in range(32, 121, 8))),
)
"""vCPUs, and the GiB that they come with (the same guide)."""

_ACI_DEFAULT = (1.0, 1.5)
"""vCPUs and GB of a container that asks for nothing (https://github.com/virtual-kubelet/azure-aci)."""
_ACI_STEPS = (0.01, 0.1)
GIB_PER_GB = 1e9 / BYTES_PER_GIB


def sizing_of(labels: Mapping[str, str]) -> Sizing | None:
    """Return how the pods of a node with those labels are sold; None for a machine."""
    if labels.get("eks.amazonaws.com/compute-type") == "fargate":
        return "fargate"
    if labels.get("type") == "virtual-kubelet":
        return "aci"
    return None


def fargate_size(requests: Resources) -> Resources:
    """Return the smallest size that holds what a pod requests and the overhead; of more than there is the largest."""
    gib = requests.memory_gib + FARGATE_OVERHEAD_GIB
    for vcpu, sizes in _FARGATE:
        if vcpu >= requests.vcpu:
            for size in sizes:
                if size >= gib:
                    return Resources(vcpu, size)
    vcpu, sizes = _FARGATE[-1]
    return Resources(vcpu, sizes[-1])


def aci_size(containers: Sequence[tuple[float, float]]) -> Resources:
    """Return the size of a container group: of each container's vCPUs and GiB, rounded up to ACI's steps."""
    vcpu = gb = 0.0
    for cpus, gib in containers:
        vcpu += _up(cpus, _ACI_STEPS[0]) if cpus else _ACI_DEFAULT[0]
        gb += _up(gib / GIB_PER_GB, _ACI_STEPS[1]) if gib else _ACI_DEFAULT[1]
    return Resources(vcpu, gb * GIB_PER_GB)


def _up(amount: float, step: float) -> float:
    """Return the next whole number of steps; an amount that is one by all but rounding is that one."""
    return ceil(round(amount / step, 6)) * step
