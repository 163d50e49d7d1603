"""Who is charged how much of a machine at one moment: pods, system, idle (docs/cost-model.md)."""

from collections.abc import Sequence
from typing import NamedTuple

from kube_cost_common.domain.resources import Resources


class Share(NamedTuple):
    """One resource of a machine, divided: `pods` in the order given; all in the resource's own unit."""

    pods: list[float]
    system: float
    idle: float


class Allocation(NamedTuple):
    """A machine divided: what each pod is charged for, in the order given, and the rest."""

    pods: list[Resources]
    system: Resources
    idle: Resources


def divide(*, capacity: float, reserved: float, requests: Sequence[float], usages: Sequence[float]) -> Share:
    """Divide `capacity` of one resource. Pods, system and idle add up to it, and none is negative.

    A pod is charged the greater of its request and its usage. Where that is more than there is, what is above the
    requests is scaled down together; where the requests alone are more, the requests are. `reserved` goes to the
    system as far as it is free.
    """
    charged = list(map(max, zip(requests, usages, strict=True)))
    total = sum(charged)
    if total > capacity:
        requested = sum(requests)
        if requested >= capacity:
            scale = capacity / requested if requested > 0 else 0.0
            charged = [request * scale for request in requests]
        else:
            scale = (capacity - requested) / (total - requested)
            charged = [request + (above - request) * scale for request, above in zip(requests, charged, strict=True)]
        return Share(charged, 0.0, 0.0)
    free = capacity - total
    system = min(reserved, free)
    return Share(charged, system, free - system)


def allocate(
    *, capacity: Resources, reserved: Resources, requests: Sequence[Resources], usages: Sequence[Resources]
) -> Allocation:
    """Divide a machine of that `capacity` over pods with those `requests` and `usages`, resource by resource."""
    shares = [
        divide(
            capacity=capacity[index],
            reserved=reserved[index],
            requests=[request[index] for request in requests],
            usages=[usage[index] for usage in usages],
        )
        for index in range(len(Resources._fields))
    ]
    cpu, memory, gpu = shares
    return Allocation(
        [Resources(*parts) for parts in zip(cpu.pods, memory.pods, gpu.pods, strict=True)],
        Resources(cpu.system, memory.system, gpu.system),
        Resources(cpu.idle, memory.idle, gpu.idle),
    )
