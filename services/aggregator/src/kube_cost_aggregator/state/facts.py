"""What the aggregator knows of the cluster's objects: the few facts that money depends on, and nothing else.

Made by `inputs/kubernetes/objects.py` from what the API server says. Times are Unix nanoseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kube_cost_common.domain.resources import Resources


class Owner(NamedTuple):
    """The controller that made an object."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """A node. `capacity` and `allocatable` hold vCPUs, GiB and GPUs as the kubelet reports them."""

    uid: str
    name: str
    created_ns: int
    provider_id: str
    labels: Mapping[str, str]
    capacity: Resources
    allocatable: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """A pod.

    `usage_uid` is the uid that the kubelet and the agent know it by: its own, but for a static pod the hash of its
    configuration. `bound_ns` is when PodScheduled became true, None while it isn't; `finished_ns` is its last
    container's end once it has Succeeded or Failed. Both have the API's whole seconds. `gpu_requests` are extended
    resources as requested; how many GPUs that is depends on the node.
    """

    uid: str
    usage_uid: str
    namespace: str
    name: str
    node_name: str
    created_ns: int
    bound_ns: int | None
    finished_ns: int | None
    vcpu_request: float
    memory_gib_request: float
    gpu_requests: Mapping[str, int] = field(default_factory=dict)
    owner: Owner | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    host_network: bool = False
    claims: tuple[str, ...] = ()
    """Names of the persistent volume claims it mounts, in its own namespace."""
    containers: tuple[tuple[float, float], ...] = ()
    """vCPUs and GiB that each container which stays asks for."""
    terminated: bool = False
    """It has Succeeded or Failed, and reserves nothing more, also where no container says when (one that the kubelet
    refused has none)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceFacts:
    """A namespace, with its labels and those annotations that are this project's (`kube-cost.io/…`)."""

    uid: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFacts:
    """A persistent volume. `claim` is namespace and name of what it is bound to, None where it is bound to nothing.

    `driver` is its CSI driver or in-tree plugin (`ebs.csi.aws.com`, `awsElasticBlockStore`, `hostPath`, …).
    """

    uid: str
    name: str
    created_ns: int
    capacity_bytes: int
    storage_class: str
    claim: tuple[str, str] | None
    driver: str
    attributes: Mapping[str, str]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFacts:
    """A persistent volume claim; `volume_name` is empty while it is bound to none."""

    uid: str
    namespace: str
    name: str
    created_ns: int
    volume_name: str
    storage_class: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageClassFacts:
    """A storage class."""

    uid: str
    name: str
    provisioner: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """A Service. `has_load_balancer`: it is of type LoadBalancer, without a class of another's, and has an address."""

    uid: str
    namespace: str
    name: str
    created_ns: int
    has_load_balancer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerFacts:
    """A ReplicaSet, Job or CronJob, of which only the metadata is read, to climb from a pod to its workload."""

    uid: str
    kind: str
    namespace: str
    name: str
    owner: Owner | None
