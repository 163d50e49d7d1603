"""Kubernetes' objects as the API server writes them, less all that no dollar depends on.

A field that isn't named here (env, command, probes, other annotations, …) is skipped without being decoded. Field
names are the API's, https://kubernetes.io/docs/reference/kubernetes-api/. What the API server leaves out when it is
empty has an empty default; what may be `null` says so.
"""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

StringMap = dict[str, str]


class Shape(msgspec.Struct, rename="camel", gc=False):
    """Base of what is decoded: short-lived, never part of a reference cycle."""


class ListMeta(Shape):
    """Where a list stands: its version, and how to get the next page, if there is one."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class Page(Shape, Generic[T]):
    """One page of a list."""

    metadata: ListMeta
    items: list[T] | None = None


class StatusCause(Shape):
    """One cause of a refusal."""

    reason: str = ""


class StatusDetails(Shape):
    """What a refusal is about, and when to come back."""

    group: str = ""
    kind: str = ""
    causes: tuple[StatusCause, ...] = ()
    retry_after_seconds: int = 0


class Status(Shape):
    """The API server's answer instead of an object: `metav1.Status`."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: StatusDetails | None = None


class Event(Shape):
    """One line of a watch. `object` is what `type` says: an object, a bookmark, or a `Status`."""

    type: str
    object: msgspec.Raw


class OwnerReference(Shape):
    """An object that another one belongs to."""

    kind: str
    name: str
    uid: str
    controller: bool | None = None


class Meta(Shape):
    """The metadata that all objects have."""

    name: str
    uid: str
    namespace: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    labels: StringMap = msgspec.field(default_factory=dict)
    owner_references: tuple[OwnerReference, ...] = ()


class Version(Shape):
    """The metadata of a bookmark: a version, and no name."""

    resource_version: str = ""
    uid: str = ""
    namespace: str = ""
    name: str = ""


class Versioned(Shape):
    """A bookmark, or any object of which only its identity is wanted."""

    metadata: Version


class PartialObjectMetadata(Shape):
    """An object of which only the metadata was asked for."""

    metadata: Meta


class NodeSpec(Shape):
    """What a node is."""

    provider_id: str = msgspec.field(default="", name="providerID")


class NodeStatus(Shape):
    """What a node has."""

    capacity: StringMap = msgspec.field(default_factory=dict)
    allocatable: StringMap = msgspec.field(default_factory=dict)


class Node(Shape):
    """A node."""

    metadata: Meta
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)


class NamespaceMeta(Meta):
    """A namespace's metadata; its annotations carry budgets."""

    annotations: StringMap = msgspec.field(default_factory=dict)


class Namespace(Shape):
    """A namespace."""

    metadata: NamespaceMeta


class ResourceRequirements(Shape):
    """What is requested; None and empty differ where it is a status."""

    requests: StringMap = msgspec.field(default_factory=dict)


class Container(Shape):
    """A container, or an init container: a sidecar where `restart_policy` is `Always`."""

    name: str
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None


class ClaimSource(Shape):
    """A volume that is a claim."""

    claim_name: str


class Present(Shape):
    """Something of which only its being there counts."""


class Volume(Shape):
    """A pod's volume; `ephemeral` has a claim made for the pod, named `<pod>-<volume>`."""

    name: str
    persistent_volume_claim: ClaimSource | None = None
    ephemeral: Present | None = None


class PodSpec(Shape):
    """What a pod asks for."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    resources: ResourceRequirements | None = None
    overhead: StringMap = msgspec.field(default_factory=dict)
    node_name: str = ""
    host_network: bool = False
    volumes: tuple[Volume, ...] = ()


class Terminated(Shape):
    """A container's end."""

    finished_at: str | None = None


class ContainerState(Shape):
    """A container's state, as far as it has ended."""

    terminated: Terminated | None = None


class ContainerStatus(Shape):
    """What a container has and whether it ended."""

    name: str
    resources: ResourceRequirements | None = None
    allocated_resources: StringMap = msgspec.field(default_factory=dict)
    state: ContainerState | None = None


class Condition(Shape):
    """One of a pod's conditions."""

    type: str
    status: str = ""
    reason: str = ""
    last_transition_time: str | None = None


class PodStatus(Shape):
    """Where a pod stands. `resources` and `allocated_resources` are the pod-level ones."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    resources: ResourceRequirements | None = None
    allocated_resources: StringMap = msgspec.field(default_factory=dict)


class PodAnnotations(Shape):
    """The two annotations by which the kubelet marks static pods."""

    mirror: str = msgspec.field(default="", name="kubernetes.io/config.mirror")
    hash: str = msgspec.field(default="", name="kubernetes.io/config.hash")


class PodMeta(Meta):
    """A pod's metadata."""

    annotations: PodAnnotations | None = None


class Pod(Shape):
    """A pod."""

    metadata: PodMeta
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)
