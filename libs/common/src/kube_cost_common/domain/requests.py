"""What a pod reserves, by the scheduler's rule.

Sources: KEP-753 (sidecar containers), KEP-1287 (in-place resize), KEP-2837 (pod-level resources) of
kubernetes/enhancements, and `PodRequests` of k8s.io/component-helpers/resource.
Requests are whole numbers in the scheduler's units: millicores for `cpu`, bytes or counts for the others.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Requests = Mapping[str, int]

_NONE: Requests = {}


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """What one container, or the pod-level entry, asks for, and where a resize stands.

    `actual` is the status's `resources.requests` and `allocated` its `allocatedResources`; None where the status has
    no `resources`.
    """

    spec: Requests = field(default_factory=dict)
    actual: Requests | None = None
    allocated: Requests | None = None


@dataclass(frozen=True, kw_only=True)
class PodReservations:
    """All that a pod's reservation is made of. A sidecar is an init container with `restartPolicy: Always`."""

    containers: Sequence[Reservation]
    init_containers: Sequence[tuple[Reservation, bool]] = ()
    """Each with whether it is a sidecar, in the order of the spec."""
    pod_level: Reservation | None = None
    overhead: Requests = field(default_factory=dict)
    resize_infeasible: bool = False
    """Whether the condition PodResizePending has the reason Infeasible."""


def effective_requests(pod: PodReservations) -> dict[str, int]:
    """Return what the scheduler holds for `pod` on its node, by resource name."""
    running: Counter[str] = Counter()
    for container in pod.containers:
        running.update(_held(container, infeasible=pod.resize_infeasible))
    sidecars: Counter[str] = Counter()
    starting: dict[str, int] = {}
    for container, is_sidecar in pod.init_containers:
        held = _held(container, infeasible=pod.resize_infeasible)
        if is_sidecar:
            sidecars.update(held)
            starting = _greatest([starting, sidecars])
        else:
            starting = _greatest([starting, _sum(held, sidecars)])
    total = _greatest([_sum(running, sidecars), starting])
    if pod.pod_level is not None:
        total |= {
            resource: amount
            for resource, amount in _held(pod.pod_level, infeasible=pod.resize_infeasible).items()
            if resource in {"cpu", "memory"} or resource.startswith("hugepages-")
        }
    return _sum(total, pod.overhead)


def _held(reservation: Reservation, *, infeasible: bool) -> Requests:
    if reservation.actual is None:
        return reservation.spec
    desired = _NONE if infeasible else reservation.spec
    return _greatest([desired, reservation.actual, reservation.allocated or _NONE])


def _greatest(amounts: Iterable[Requests]) -> dict[str, int]:
    result: dict[str, int] = {}
    for requests in amounts:
        for resource, amount in requests.items():
            result[resource] = max(result.get(resource, 0), amount)
    return result


def _sum(first: Requests, second: Requests) -> dict[str, int]:
    return {resource: first.get(resource, 0) + second.get(resource, 0) for resource in {**first, **second}}
