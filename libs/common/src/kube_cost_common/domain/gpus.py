"""How many GPUs a pod holds, from the extended resources it requests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

TIME_SLICING_LABEL = "nvidia.com/gpu.replicas"
"""NVIDIA's device plugin says here into how many shares it slices each GPU."""

GKE_SHARING_LABEL = "cloud.google.com/gke-max-shared-clients-per-gpu"
"""GKE's says it here, where a node pool shares its GPUs by time or by MPS."""

_MIG = re.compile(r"nvidia\.com/mig-(\d+)g\..+")
_MIG_SLICES_PER_GPU = 7  # of an A100, H100 or H200: NVIDIA Multi-Instance GPU User Guide


@dataclass(frozen=True, kw_only=True)
class GpuResources:
    """Which extended resources are GPUs, and how many of one unit of each there are to a GPU."""

    gpus_per_unit: Mapping[str, float]

    def count(self, amounts: Mapping[str, int], node_labels: Mapping[str, str]) -> float:
        """Return the GPUs in `amounts` (extended resource → units) on a node with those labels."""
        total = 0.0
        for resource, amount in amounts.items():
            if not amount:
                continue
            if resource in self.gpus_per_unit:
                total += amount * self.gpus_per_unit[resource] / _shares(resource, node_labels)
            elif match := _MIG.fullmatch(resource):
                total += float(Fraction(int(match[1]) * amount, _MIG_SLICES_PER_GPU))
        return total


DEFAULT_GPU_RESOURCES = GpuResources(gpus_per_unit={"nvidia.com/gpu": 1.0, "amd.com/gpu": 1.0})


def _shares(resource: str, node_labels: Mapping[str, str]) -> int:
    label = node_labels.get(TIME_SLICING_LABEL) or node_labels.get(GKE_SHARING_LABEL, "")
    return int(label) if resource == "nvidia.com/gpu" and label.isdigit() and int(label) > 0 else 1
