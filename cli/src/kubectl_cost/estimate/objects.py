"""What each kind of object reserves: pure, from manifests to amounts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from kube_cost_common.domain.requests import PodReservations, Reservation, effective_requests
from kube_cost_common.domain.resources import BYTES_PER_GIB, NOTHING, Resources
from kubectl_cost.estimate.part import Part

ASSUMED: Mapping[str, int] = {"cpu": 100, "memory": 128 * 1024**2}
"""Millicores and bytes of a container that says none: it will use some, and the scheduler holds none for it."""

GPUS = frozenset({"nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915"})

FREE = frozenset(
    {
        "ConfigMap",
        "Secret",
        "ServiceAccount",
        "Namespace",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "Endpoints",
        "EndpointSlice",
        "Ingress",
        "IngressClass",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PriorityClass",
        "StorageClass",
        "ResourceQuota",
        "LimitRange",
        "CustomResourceDefinition",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "APIService",
        "RuntimeClass",
        "Lease",
    }
)
"""Kinds that cost nothing by being there."""

State = Literal["estimated", "free", "unsupported"]


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What an object needs. `pod` is of one of `pods`; `storage_gib` of all. `hours` is None for all of the month."""

    kind: str
    namespace: str
    name: str
    state: State
    pods: int = 0
    pod: Resources = NOTHING
    storage_gib: float = 0.0
    hours: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What manifests don't say: how many nodes a DaemonSet runs on, and how long a Job runs."""

    nodes: int
    job_hours: float


def needs_of(manifest: Part, assumed: Assumptions) -> Needs:
    """Return what an object needs; raise BadInputError where a field of it isn't what it should be."""
    kind = manifest.at("kind").text()
    metadata, spec = manifest.at("metadata"), manifest.at("spec")
    named = Needs(
        kind=kind,
        namespace=metadata.at("namespace").text(),
        name=metadata.at("name").text() or metadata.at("generateName").text(),
        state="estimated",
    )
    if kind == "PersistentVolumeClaim":
        return replace(named, storage_gib=_claim_gib(spec))
    running = _running(kind, spec, assumed)
    if running is None:
        free = kind in FREE or (kind == "Service" and spec.at("type").text() != "LoadBalancer")
        return replace(named, state="free" if free else "unsupported")
    pod, missing = _pod(spec if kind == "Pod" else spec.at("template", "spec"))
    claims = [_claim_gib(claim.at("spec")) for claim in spec.at("volumeClaimTemplates").items()]
    return replace(
        named,
        pods=running.pods,
        pod=pod,
        storage_gib=running.pods * sum(claims) if kind == "StatefulSet" else 0.0,
        hours=running.hours,
        notes=(*running.notes, *(["requests are assumed"] if missing else [])),
    )


class _Running(NamedTuple):
    """How many pods run, and for how long, None for always."""

    pods: int
    hours: float | None = None
    notes: tuple[str, ...] = ()


def _running(kind: str, spec: Part, assumed: Assumptions) -> _Running | None:
    """Return how many pods an object of a kind runs, None for one that isn't known to run any."""
    match kind:
        case "Pod":
            return _Running(1)
        case "Deployment" | "ReplicaSet" | "StatefulSet":
            return _Running(spec.at("replicas").whole(1))
        case "DaemonSet":
            return _Running(assumed.nodes, notes=(f"on {assumed.nodes} node{'' if assumed.nodes == 1 else 's'}",))
        case "Job":
            together = spec.at("parallelism").whole(1)
            pods = spec.at("completions").whole(together)
            return _Running(pods if together else 0, assumed.job_hours, (f"one run, {assumed.job_hours:g} h a pod",))
    return None


def _claim_gib(spec: Part) -> float:
    return spec.at("resources", "requests", "storage").quantity("storage") / BYTES_PER_GIB


def _pod(spec: Part) -> tuple[Resources, bool]:
    """Return what a pod holds, and whether any of it is assumed."""
    containers = list(spec.at("containers").items())
    if not containers:
        raise spec.at("containers").wrong("is missing")
    read = [_requests(container) for container in containers]
    starting = list(spec.at("initContainers").items())
    held = effective_requests(
        PodReservations(
            containers=[Reservation(spec={**ASSUMED, **requests}) for requests in read],
            init_containers=[
                (Reservation(spec=_requests(one)), one.at("restartPolicy").text() == "Always") for one in starting
            ],
            pod_level=Reservation(spec=_requests(spec)) if spec.at("resources").value else None,
            overhead={resource: part.quantity(resource) for resource, part in spec.at("overhead").fields()},
        )
    )
    gpus = sum(amount for resource, amount in held.items() if resource in GPUS)
    pod = Resources(held.get("cpu", 0) / 1000, held.get("memory", 0) / BYTES_PER_GIB, float(gpus))
    return pod, any(resource not in requests for requests in read for resource in ASSUMED)


def _requests(container: Part) -> dict[str, int]:
    """Return what a container requests; what it only limits it requests too, as the API server has it."""
    resources = container.at("resources")
    limits = {name: part.quantity(name) for name, part in resources.at("limits").fields()}
    return limits | {name: part.quantity(name) for name, part in resources.at("requests").fields()}
