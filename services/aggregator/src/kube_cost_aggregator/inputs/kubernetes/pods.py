"""A pod, as far as money depends on it."""

import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from kube_cost_aggregator.inputs.kubernetes.reading import FieldReader, amount
from kube_cost_aggregator.inputs.kubernetes.shapes import (
    Condition,
    Container,
    ContainerStatus,
    Pod,
    PodMeta,
    ResourceRequirements,
)
from kube_cost_aggregator.state.facts import PodFacts
from kube_cost_common.domain.privacy import PodNames
from kube_cost_common.domain.quantity import QuantityError
from kube_cost_common.domain.requests import PodReservations, Requests, Reservation, effective_requests
from kube_cost_common.domain.resources import BYTES_PER_GIB

_KIND = "Pod"
_SHAPES = 8192  # distinct sets of requests that are remembered: about one a workload

_SCHEDULED_FIELD = "status.conditions[PodScheduled].lastTransitionTime"
_NO_NAMES: frozenset[str] = frozenset()
_NOTHING: Mapping[str, str] = {}

Amounts = tuple[tuple[str, str], ...]


class _Ask(NamedTuple):
    """A container's `Reservation`, or the pod's own, before its quantities are read."""

    name: str
    spec: Amounts
    actual: Amounts | None
    allocated: Amounts


class _PodShape(NamedTuple):
    """All that a pod's reservation depends on. Pods of one workload have equal ones."""

    containers: tuple[_Ask, ...]
    init_containers: tuple[_Ask, ...]
    sidecars: frozenset[str]
    """Names of those init containers that are sidecars."""
    pod_level: _Ask | None
    overhead: Amounts
    resize_infeasible: bool


class _Reserved(NamedTuple):
    """What a pod reserves, and what of it couldn't be read: field and fault."""

    vcpu: float
    memory_gib: float
    gpus: Mapping[str, int]
    containers: tuple[tuple[float, float], ...]
    faults: tuple[tuple[str, str], ...]


class PodReader:
    """Makes facts of pods."""

    def __init__(self, *, fields: FieldReader, pod_names: PodNames) -> None:
        self._fields = fields
        self._pod_names = pod_names
        self._reserved = lru_cache(maxsize=_SHAPES)(self._reserve)

    def read(self, pod: Pod) -> PodFacts:
        """Return the facts of a pod; raise ObjectError where it has no time of creation."""
        meta, spec, status = pod.metadata, pod.spec, pod.status
        scheduled, infeasible = _conditions(status.conditions)
        reserved = self._reserved(_shape(pod, infeasible=infeasible))
        for field, fault in reserved.faults:
            self._fields.fault(_KIND, meta, field, fault)
        terminated = status.phase in {"Succeeded", "Failed"}
        return PodFacts(
            uid=meta.uid,
            usage_uid=_usage_uid(meta),
            namespace=sys.intern(meta.namespace),
            name=self._pod_names.shown(meta.name),
            node_name=sys.intern(spec.node_name),
            created_ns=self._fields.created_ns(_KIND, meta),
            bound_ns=self._fields.time_ns(_KIND, meta, _SCHEDULED_FIELD, scheduled.last_transition_time)
            if scheduled
            else None,
            finished_ns=self._finished_ns(pod) if terminated else None,
            terminated=terminated,
            vcpu_request=reserved.vcpu,
            memory_gib_request=reserved.memory_gib,
            gpu_requests=reserved.gpus,
            containers=reserved.containers,
            owner=self._fields.owner(meta.owner_references),
            labels=self._fields.kept_labels(meta.labels),
            host_network=spec.host_network,
            claims=_claims(pod),
        )

    def _finished_ns(self, pod: Pod) -> int | None:
        ends = [
            self._fields.time_ns(
                _KIND,
                pod.metadata,
                f"status.containerStatuses[{container.name}].state.terminated.finishedAt",
                container.state.terminated.finished_at,
            )
            for container in (*pod.status.container_statuses, *pod.status.init_container_statuses)
            if container.state and container.state.terminated
        ]
        return max((end for end in ends if end is not None), default=None)

    def _reserve(self, shape: _PodShape) -> _Reserved:
        faults: list[tuple[str, str]] = []

        def amounts(where: str, items: Amounts) -> Requests:
            read: dict[str, int] = {}
            for resource, text in items:
                if not self._fields.counts(resource):
                    continue
                try:
                    read[resource] = amount(resource, text)
                except QuantityError as error:
                    faults.append((f"{where}.{resource}", str(error)))
            return read

        def reservation(where: str, ask: _Ask) -> Reservation:
            return Reservation(
                spec=amounts(f"spec.{where}.requests", ask.spec),
                actual=None if ask.actual is None else amounts(f"status.{where}.requests", ask.actual),
                allocated=amounts(f"status.{where}, allocated", ask.allocated),
            )

        held = effective_requests(
            PodReservations(
                containers=[reservation(f"containers[{ask.name}].resources", ask) for ask in shape.containers],
                init_containers=[
                    (reservation(f"initContainers[{ask.name}].resources", ask), ask.name in shape.sidecars)
                    for ask in shape.init_containers
                ],
                pod_level=reservation("resources", shape.pod_level) if shape.pod_level else None,
                overhead=amounts("spec.overhead", shape.overhead),
                resize_infeasible=shape.resize_infeasible,
            )
        )
        staying = [(f"containers[{ask.name}].resources", ask) for ask in shape.containers] + [
            (f"initContainers[{ask.name}].resources", ask)
            for ask in shape.init_containers
            if ask.name in shape.sidecars
        ]
        alone = [amounts(f"spec.{where}.requests", ask.spec) for where, ask in staying]
        return _Reserved(
            containers=tuple((each.get("cpu", 0) / 1000, each.get("memory", 0) / BYTES_PER_GIB) for each in alone),
            vcpu=held.pop("cpu", 0) / 1000,
            memory_gib=held.pop("memory", 0) / BYTES_PER_GIB,
            gpus=held,
            faults=tuple(dict.fromkeys(faults)),
        )


def _conditions(conditions: Iterable[Condition]) -> tuple[Condition | None, bool]:
    """Return the condition PodScheduled, where it is true, and whether a resize is infeasible."""
    scheduled, infeasible = None, False
    for condition in conditions:
        if condition.type == "PodScheduled" and condition.status == "True":
            scheduled = condition
        elif condition.type == "PodResizePending" and condition.status == "True":
            infeasible = condition.reason == "Infeasible"
    return scheduled, infeasible


def _shape(pod: Pod, *, infeasible: bool) -> _PodShape:
    spec, status = pod.spec, pod.status
    pod_level = None
    if spec.resources and spec.resources.requests:
        pod_level = _ask("", spec.resources, status.resources, status.allocated_resources)
    return _PodShape(
        containers=_asks(spec.containers, status.container_statuses),
        init_containers=_asks(spec.init_containers, status.init_container_statuses) if spec.init_containers else (),
        sidecars=frozenset(container.name for container in spec.init_containers if container.restart_policy == "Always")
        if spec.init_containers
        else _NO_NAMES,
        pod_level=pod_level,
        overhead=tuple(spec.overhead.items()),
        resize_infeasible=infeasible,
    )


def _asks(containers: Iterable[Container], statuses: Iterable[ContainerStatus]) -> tuple[_Ask, ...]:
    by_name = {status.name: status for status in statuses if status.resources is not None}
    asks = []
    for container in containers:
        status = by_name.get(container.name)
        if status:
            asks.append(_ask(container.name, container.resources, status.resources, status.allocated_resources))
        else:
            asks.append(_ask(container.name, container.resources, None, _NOTHING))
    return tuple(asks)


def _ask(
    name: str, spec: ResourceRequirements | None, actual: ResourceRequirements | None, allocated: Mapping[str, str]
) -> _Ask:
    return _Ask(
        name,
        tuple(spec.requests.items()) if spec else (),
        tuple(actual.requests.items()) if actual else None,
        tuple(allocated.items()) if allocated else (),
    )


def _usage_uid(meta: PodMeta) -> str:
    """Return the uid that the kubelet knows a pod by: a static pod's is the hash of its configuration."""
    marks = meta.annotations
    return (marks and (marks.mirror or marks.hash)) or meta.uid


def _claims(pod: Pod) -> tuple[str, ...]:
    names: list[str] = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim:
            names.append(volume.persistent_volume_claim.claim_name)
        elif volume.ephemeral:
            names.append(f"{pod.metadata.name}-{volume.name}")
    return tuple(dict.fromkeys(names)) if names else ()
