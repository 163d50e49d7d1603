"""What a simulated cluster consists of and what will happen in it: facts, said before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from kube_cost_simulator.amounts import DEFAULT_WEIGHTS, GIB, MIB, NONE_RESERVED, Resources, Shape, Weights
from kube_cost_simulator.billed import ServiceFact, StorageClassFact, VolumeFact
from kube_cost_simulator.prices import NO_PRICES, PodSizing, Prices
from kube_cost_simulator.usage import ALWAYS_IDLE, NO_USE, Rates, UsageProfile

__all__ = [
    "GIB",
    "MIB",
    "NONE_RESERVED",
    "CapacityType",
    "ClaimMount",
    "ContainerFact",
    "Delays",
    "GpuHardware",
    "NamespaceChange",
    "NamespaceFact",
    "NodeFact",
    "PriceChange",
    "PriceWalk",
    "ReplicaStep",
    "Resize",
    "Resources",
    "Scenario",
    "ServiceFact",
    "Shape",
    "StorageClassFact",
    "Taint",
    "TemplateFact",
    "VolumeFact",
    "Weights",
    "WorkloadFact",
    "WorkloadKind",
]

CapacityType = Literal["on_demand", "spot"]
WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "Rollout", "CloneSet"]


@dataclass(frozen=True)
class Taint:
    """A taint of a node, which keeps pods away that don't tolerate its key."""

    key: str
    value: str = ""
    effect: str = "NoSchedule"


@dataclass(frozen=True)
class GpuHardware:
    """The GPUs in a node, all of one model; `mig` are the profiles that each is cut into, such as `1g.5gb`.

    With time slicing the device plugin offers each GPU as `replicas` units of `nvidia.com/gpu`.
    """

    model: str
    count: int
    memory_mib: int
    replicas: int = 1
    mig: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeFact:
    """A node: `capacity` as its kernel reports it, `allocatable` what the kubelet leaves to pods.

    `system_rates` is what the node uses outside of all pods. `leaves_after_seconds` counts from the cluster's start,
    like `joins_after_seconds`, and is drawn up to `jitter_seconds` later; both repeat every `cycle_seconds` if that is
    set: the node comes back under its name, with another uid. `clock_offset_seconds` is how far its clock is ahead of
    the cluster's: what its kubelet writes is stamped by it. On a node without an `agent` nobody may look at usage. One
    that is `pod_sized` is no machine of its own: its pods are sold by their size.
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
    weights: Weights = DEFAULT_WEIGHTS
    system_rates: Rates = NO_USE
    max_pods: int = 110
    joins_after_seconds: int = 0
    leaves_after_seconds: int | None = None
    cycle_seconds: int | None = None
    jitter_seconds: int = 0
    clock_offset_seconds: int = 0
    agent: bool = True
    pod_sized: PodSizing | None = None
    taints: tuple[Taint, ...] = ()
    gpu_hardware: GpuHardware | None = None
    internal_ip: str | None = None
    os_image: str = "Amazon Linux 2023.9.20251110"
    kernel_version: str = "6.12.40-64.114.amzn2023.x86_64"


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

    `mean_restart_seconds` makes the first container of a pod fail at random and be started again. `tolerates` are the
    keys of taints that don't matter, `secrets` the names of Secrets that are mounted. Pods of a `fargate_profile` get a
    node each from AWS Fargate.
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
    tolerates: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    fargate_profile: str | None = None


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
class NamespaceChange:
    """What somebody writes on a namespace `after_seconds` from the start; None takes a label or annotation away."""

    after_seconds: int
    namespace: str
    labels: Mapping[str, str | None] = field(default_factory=dict)
    annotations: Mapping[str, str | None] = field(default_factory=dict)


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
    namespace_changes: tuple[NamespaceChange, ...] = ()
    prices: Prices = NO_PRICES
    delays: Delays = Delays()
