"""How a machine's price divides over its resources (docs/cost-model.md)."""

from typing import NamedTuple

from kube_cost_common.domain.resources import NOTHING, Resources


class Weights(NamedTuple):
    """Relative prices of a vCPU, a GiB and a GPU."""

    vcpu: float
    memory_gib: float
    gpu: float


DEFAULT_WEIGHTS = Weights(0.031611, 0.004237, 0.95)
"""USD per hour of a vCPU and a GiB of GCP's N1 family in us-central1, and of a GPU of a similar age.

Used where a provider sells machines whole, so that only their ratio counts.
"""


class UnitPrices(NamedTuple):
    """USD per hour of one vCPU, one GiB, one GPU."""

    vcpu: float
    memory_gib: float
    gpu: float


def split(usd_per_hour: float, shape: Resources, weights: Weights = DEFAULT_WEIGHTS) -> UnitPrices:
    """Return the unit prices of a machine of that price and shape: what it has at these prices is its price.

    A machine with nothing to weigh (no capacity at all) has unit prices of 0: its price is all idle.
    """
    weight = shape.vcpu * weights.vcpu + shape.memory_gib * weights.memory_gib + shape.gpus * weights.gpu
    if weight <= 0:
        return UnitPrices(0.0, 0.0, 0.0)
    scale = usd_per_hour / weight
    return UnitPrices(weights.vcpu * scale, weights.memory_gib * scale, weights.gpu * scale)


Quarters = tuple[float, ...]
"""Which part of a price is paid in each quarter of a month that a machine runs (`sustained_use`)."""


class NodePrice(NamedTuple):
    """What a node costs, and what its price is split over.

    `usd_per_hour` is what is paid; `on_demand_usd_per_hour` is None where it isn't known. `shape` is the machine's
    nominal one where known, else the node's capacity. `estimated` says that the price isn't this machine's own. With
    `quarters` it is a list price of which less is paid the longer the machine runs.
    """

    usd_per_hour: float
    on_demand_usd_per_hour: float | None
    shape: Resources
    unit_prices: UnitPrices
    source: str
    estimated: bool = False
    quarters: Quarters = ()


def reserved_for_system(shape: Resources, allocatable: Resources) -> Resources:
    """Return what of `shape` no pod can have: the kernel's, the kubelet's, eviction thresholds. Never negative."""
    if shape == NOTHING:
        return NOTHING
    return Resources(*(max(0.0, total - free) for total, free in zip(shape, allocatable, strict=True)))
