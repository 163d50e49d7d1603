"""How many GPUs an amount is, with MIG and time slicing: the truth's own rule."""

from collections.abc import Mapping
from fractions import Fraction

from kube_cost_simulator.scenario import Resources

REPLICAS_LABEL = "nvidia.com/gpu.replicas"
MIG_PREFIX = "nvidia.com/mig-"
MIG_SLICES = 7
"""Compute slices of an A100 or H100 (NVIDIA Multi-Instance GPU user guide): `3g.20gb` has three of them."""


def gpus_of(amount: Resources, node_labels: Mapping[str, str]) -> int | Fraction:
    """The GPUs in an amount of a node with those labels: a whole number where it is one."""
    gpus = Fraction(amount.gpus, int(node_labels.get(REPLICAS_LABEL, "1")))
    for name, units in amount.devices:
        if name.startswith(MIG_PREFIX):
            slices, _, _ = name.removeprefix(MIG_PREFIX).partition("g.")
            gpus += Fraction(int(slices) * units, MIG_SLICES)
    return gpus.numerator if gpus.denominator == 1 else gpus
