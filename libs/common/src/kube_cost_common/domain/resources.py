"""Amounts of what a machine has and a pod takes."""

from typing import NamedTuple

BYTES_PER_GIB = 1024**3

CPU = "cpu"
MEMORY = "memory"
GPU = "gpu"
COMPUTE = (CPU, MEMORY, GPU)
"""The resources that a node's price is split over, in the order of the fields of `Resources`."""


class Resources(NamedTuple):
    """An amount of each compute resource: vCPUs, GiB of memory, GPUs."""

    vcpu: float
    memory_gib: float
    gpus: float = 0.0


NOTHING = Resources(0.0, 0.0, 0.0)
