"""Who is charged how much of a machine at one moment: pods, system, idle (docs/cost-model.md)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kube_cost_common.domain.resources import Resources


class Share(NamedTuple):
    """One resource of a machine, divided: `pods` in the order given; all in the resource's own unit."""

    pods: list[float]
    system: float
    idle: float


class Allocation(NamedTuple):
    """A machine divided: what pods are charged for, in the order given, of vCPUs, GiB and GPUs each; and the rest."""

    pods: tuple[list[float], list[float], list[float]]
    system: Resources
    idle: Resources


class Scale(NamedTuple):
    """How much of the requests, and of the usage above them, is charged of one resource; and what is left of it."""

    requests: float
    above: float
    system: float
    idle: float


def scale(*, capacity: float, reserved: float, requested: float, charged: float) -> Scale:
    """Return how a resource is divided of which pods request `requested` in all.

    `charged` is what they'd be charged if there was enough: the greater of request and usage of each. See `divide`.
    """
    if charged > capacity:
        if requested >= capacity:
            return Scale(capacity / requested if requested > 0 else 0.0, 0.0, 0.0, 0.0)
        return Scale(1.0, (capacity - requested) / (charged - requested), 0.0, 0.0)
    free = capacity - charged
    system = min(reserved, free)
    return Scale(1.0, 1.0, system, free - system)


def divide(*, capacity: float, reserved: float, requests: Sequence[float], usages: Sequence[float]) -> Share:
    """Divide `capacity` of one resource. Pods, system and idle add up to it, and none is negative.

    A pod is charged the greater of its request and its usage. Where that is more than there is, what is above the
    requests is scaled down together; where the requests alone are more, the requests are. `reserved` goes to the
    system as far as it is free.
    """
    charged = list(map(max, requests, usages))
    by = scale(capacity=capacity, reserved=reserved, requested=sum(requests), charged=sum(charged))
    if by.above < 1.0:
        charged = [
            request * by.requests + (above - request) * by.above
            for request, above in zip(requests, charged, strict=True)
        ]
    return Share(charged, by.system, by.idle)


def allocate(
    *, capacity: Resources, reserved: Resources, requests: Sequence[Resources], usages: Sequence[Resources]
) -> Allocation:
    """Divide a machine of that `capacity` over pods with those `requests` and `usages`, resource by resource."""
    cpu, memory, gpu = (
        divide(capacity=whole, reserved=kept, requests=requested, usages=used)
        for whole, kept, requested, used in zip(capacity, reserved, _columns(requests), _columns(usages), strict=True)
    )
    return Allocation(
        (cpu.pods, memory.pods, gpu.pods),
        Resources(cpu.system, memory.system, gpu.system),
        Resources(cpu.idle, memory.idle, gpu.idle),
    )


def _columns(amounts: Sequence[Resources]) -> Iterable[Sequence[float]]:
    """Return vCPUs, GiB and GPUs each by themselves."""
    return zip(*amounts, strict=True) if amounts else ((), (), ())
