"""What a node and its pods cost at this moment, in USD per hour: the same arithmetic as settled money."""

from collections.abc import Sequence
from typing import NamedTuple

from kube_cost_common.domain.allocation import allocate
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import Usd
from kube_cost_common.domain.unit_prices import NodePrice, UnitPrices, reserved_for_system


class NodeRates(NamedTuple):
    """USD per hour: each pod's in the order given, by resource, and the rest of the node's price."""

    pods: list[Usd]
    system: Usd
    idle: Usd


def node_rates(
    *, price: NodePrice, allocatable: Resources, requests: Sequence[Resources], usages: Sequence[Resources]
) -> NodeRates:
    """Return the rates of a node whose pods have those requests and last usages. They add up to its price."""
    allocation = allocate(
        capacity=price.shape,
        reserved=reserved_for_system(price.shape, allocatable),
        requests=requests,
        usages=usages,
    )
    units = price.unit_prices
    idle = _per_hour(allocation.idle, units)
    if units == (0.0, 0.0, 0.0):
        idle = Usd(price.usd_per_hour, 0.0, 0.0)
    usd_vcpu, usd_gib, usd_gpu = units
    pods = [
        Usd(cpu * usd_vcpu, memory * usd_gib, gpus * usd_gpu)
        for cpu, memory, gpus in zip(*allocation.pods, strict=True)
    ]
    return NodeRates(pods, _per_hour(allocation.system, units), idle)


def _per_hour(amount: Resources, units: UnitPrices) -> Usd:
    return Usd(amount.vcpu * units.vcpu, amount.memory_gib * units.memory_gib, amount.gpus * units.gpu)
