"""What a simulated cluster consists of and what will happen in it: facts, said before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from kube_cost_simulator.usage import ALWAYS_IDLE, NO_USE, Rates, UsageProfile

MIB = 1024**2
GIB = 1024**3

CapacityType = Literal["on_demand", "spot"]
WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"]


@dataclass(frozen=True)
class Resources:
    """An amount of what a pod can reserve."""

    cpu_millicores: int = 0
    memory_bytes: int = 0
    gpus: int = 0

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(
            self.cpu_millicores + other.cpu_millicores,
            self.memory_bytes + other.memory_bytes,
            self.gpus + other.gpus,
        )

    def __sub__(self, other: "Resources") -> "Resources":
        return Resources(
            self.cpu_millicores - other.cpu_millicores,
            self.memory_bytes - other.memory_bytes,
            self.gpus - other.gpus,
        )

    def larger(self, other: "Resources") -> "Resources":
        """The greater of both, each resource by itself."""
        return Resources(
            max(self.cpu_millicores, other.cpu_millicores),
            max(self.memory_bytes, other.memory_bytes),
            max(self.gpus, other.gpus),
        )

    def fits_in(self, room: "Resources") -> bool:
        """Whether each resource is at most what `room` has."""
        return (
            self.cpu_millicores <= room.cpu_millicores
            and self.memory_bytes <= room.memory_bytes
            and self.gpus <= room.gpus
        )


NONE_RESERVED = Resources()


@dataclass(frozen=True)
class Weights:
    """How a node's price is split, per vCPU, GiB and GPU (cost-model.md §1; only their ratio counts)."""

    cpu: Fraction = Fraction("0.031611")
    memory: Fraction = Fraction("0.004237")
    gpu: Fraction = Fraction("0.95")


@dataclass(frozen=True)
class Shape:
    """The nominal size that an instance type is sold by."""

    vcpu: Fraction
    memory_gib: Fraction
    gpus: Fraction = Fraction(0)


@dataclass(frozen=True)
class NodeFact:
    """A node: `capacity` as its kernel reports it, `allocatable` what the kubelet leaves to pods.

    `system_rates` is what the node uses outside of all pods. `leaves_after_seconds` counts from the cluster's start,
    like `joins_after_seconds`, and is drawn up to `jitter_seconds` later; both repeat every `cycle_seconds` if that is
    set: the node comes back under its name, with another uid. `clock_offset_seconds` is how far its clock is ahead of
    the cluster's: what its kubelet writes is stamped by it.
    """

    name: str
    provider_id: str
    labels: Mapping[str, str]
    capacity_type: CapacityType
    shape: Shape
    capacity: Resources
    allocatable: Resources
    on_demand_usd_per_hour: Fraction
    spot_usd_per_hour: Fraction | None = None
    weights: Weights = Weights()
    system_rates: Rates = NO_USE
    max_pods: int = 110
    joins_after_seconds: int = 0
    leaves_after_seconds: int | None = None
    cycle_seconds: int | None = None
    jitter_seconds: int = 0
    clock_offset_seconds: int = 0


@dataclass(frozen=True)
class ContainerFact:
    """A container of a template. `sidecar` means an init container with restartPolicy Always."""

    name: str
    image: str
    requests: Resources = NONE_RESERVED
    limits: Resources | None = None
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    usage_share: int = 1
    init: bool = False
    sidecar: bool = False


@dataclass(frozen=True)
class ClaimMount:
    """A claim that a pod mounts. In a StatefulSet's `claim_mounts` it is a template, one claim a replica."""

    claim: str
    path: str


@dataclass(frozen=True)
class TemplateFact:
    """The pods of a workload. `pod_requests` are the pod-level requests of Kubernetes 1.34 and later.

    `mean_restart_seconds` makes the first container of a pod fail at random and be started again.
    """

    containers: tuple[ContainerFact, ...]
    usage: UsageProfile = ALWAYS_IDLE
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    pod_requests: Resources | None = None
    overhead: Resources = NONE_RESERVED
    host_network: bool = False
    node_selector: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[ClaimMount, ...] = ()
    service_account: str = "default"
    static: bool = False
    mean_restart_seconds: int | None = None


@dataclass(frozen=True)
class ReplicaStep:
    """The replicas from `after_seconds` on, counted from the start of the workload's cycle."""

    after_seconds: int
    replicas: int


@dataclass(frozen=True)
class WorkloadFact:
    """A workload and its own churn.

    `replica_steps` repeat every `cycle_seconds` if that is set. `mean_lifetime_seconds` makes pods of a Deployment or
    StatefulSet end at random and be replaced. `run_seconds` is the range in which a Job's or a bare pod's running time
    lies, `failure_percent` how many of those fail, `every_seconds` a CronJob's period, `keep_seconds` how long a
    finished Job and its pods stay. `on_node` binds a bare pod to a node without asking the scheduler. A workload that
    is `remade_after_seconds` is deleted then, and made again `away_seconds` later, for ever.
    """

    kind: WorkloadKind
    namespace: str
    name: str
    template: TemplateFact
    replicas: int = 1
    starts_after_seconds: int = 0
    replica_steps: tuple[ReplicaStep, ...] = ()
    cycle_seconds: int | None = None
    mean_lifetime_seconds: int | None = None
    run_seconds: tuple[int, int] | None = None
    every_seconds: int = 60
    failure_percent: int = 0
    keep_seconds: int = 120
    on_node: str | None = None
    remade_after_seconds: int | None = None
    away_seconds: int = 3


@dataclass(frozen=True)
class NamespaceFact:
    """A namespace with what people wrote on it."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StorageClassFact:
    """A StorageClass."""

    name: str
    provisioner: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    default: bool = False


@dataclass(frozen=True)
class VolumeFact:
    """A PersistentVolume and, if `claim` is set, the claim (namespace, name) that it is bound to."""

    name: str
    handle: str
    storage_class: str
    size_gib: int
    region: str
    zone: str
    claim: tuple[str, str] | None = None


@dataclass(frozen=True)
class ServiceFact:
    """A Service; one of type LoadBalancer has an address from `address_after_seconds` on."""

    namespace: str
    name: str
    selector: Mapping[str, str]
    type: Literal["ClusterIP", "LoadBalancer"] = "ClusterIP"
    port: int = 80
    hostname: str | None = None
    address_after_seconds: int = 2


@dataclass(frozen=True)
class PriceChange:
    """New prices of a node from `after_seconds` on."""

    after_seconds: int
    node: str
    on_demand_usd_per_hour: Fraction
    spot_usd_per_hour: Fraction | None = None


@dataclass(frozen=True)
class PriceWalk:
    """The price that a node costs, drawn anew every `every_seconds` within ± `percent` of its first."""

    node: str
    every_seconds: int
    percent: int


@dataclass(frozen=True)
class Resize:
    """An in-place change of a container's requests in all pods of a workload, repeated every `cycle_seconds`."""

    after_seconds: int
    namespace: str
    workload: str
    container: str
    requests: Resources
    cycle_seconds: int | None = None


@dataclass(frozen=True)
class Delays:
    """How long steps take, milliseconds, each drawn from its range; `remove` is from a pod's end to its deletion."""

    bind_milliseconds: tuple[int, int] = (20, 300)
    start_milliseconds: tuple[int, int] = (300, 1500)
    stop_milliseconds: tuple[int, int] = (100, 1000)
    remove_milliseconds: tuple[int, int] = (20, 200)
    resize_milliseconds: tuple[int, int] = (200, 1000)


@dataclass(frozen=True)
class Scenario:
    """A cluster and what will happen in it."""

    name: str
    nodes: tuple[NodeFact, ...]
    namespaces: tuple[NamespaceFact, ...]
    workloads: tuple[WorkloadFact, ...] = ()
    storage_classes: tuple[StorageClassFact, ...] = ()
    volumes: tuple[VolumeFact, ...] = ()
    services: tuple[ServiceFact, ...] = ()
    price_changes: tuple[PriceChange, ...] = ()
    price_walks: tuple[PriceWalk, ...] = ()
    resizes: tuple[Resize, ...] = ()
    delays: Delays = Delays()
