"""What happened to one node, pod, volume, Service or namespace, as far as money depends on it, to the nanosecond.

Times are Unix nanoseconds; an end that hasn't come is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from kube_cost_simulator.prices import PodSizing
from kube_cost_simulator.reservation import PodRequests
from kube_cost_simulator.scenario import CapacityType, Resources, Shape, Weights
from kube_cost_simulator.usage import NO_USE, Rates, UsageTimeline


@dataclass(frozen=True)
class NodePrice:
    """A node's prices from `from_ns` on, USD per hour; a spot price that isn't known is None."""

    from_ns: int
    on_demand_usd_per_hour: Fraction
    spot_usd_per_hour: Fraction | None


@dataclass
class NodeHistory:
    """A node from its creation to its deletion (None while it exists), Unix nanoseconds.

    `system_rates` is what it uses outside of pods, `pod_sized` who sells its pods by their size, if anybody does.
    """

    name: str
    uid: str
    capacity_type: CapacityType
    shape: Shape
    allocatable: Resources
    weights: Weights
    created_ns: int
    deleted_ns: int | None
    prices: list[NodePrice]
    labels: Mapping[str, str] = field(default_factory=dict)
    agent: bool = True
    pod_sized: PodSizing | None = None
    system_rates: Rates = NO_USE


@dataclass
class PodHistory:
    """A pod that was bound to a node.

    It is charged from `bound_ns` to `ended_ns` (None while it goes on); `requests` are its changes in order, and
    `usage` begins when its containers do (None while they haven't). `workload` is kind and name of what a person wrote,
    `claims` are the names of those that it mounts.
    """

    uid: str
    namespace: str
    name: str
    node_uid: str
    bound_ns: int
    requests: list[PodRequests]
    ended_ns: int | None = None
    usage: UsageTimeline | None = None
    workload: tuple[str, str] = ("", "")
    labels: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[str, ...] = ()
    host_network: bool = False


@dataclass(frozen=True)
class VolumeState:
    """How a volume is from `from_ns` on: its size, and the claim (namespace, name) that exists and is bound to it."""

    from_ns: int
    gib: Fraction
    claim: tuple[str, str] | None


@dataclass
class VolumeHistory:
    """A volume from its first state to its deletion; `iops` and `mib_per_second` are what its class asks for."""

    name: str
    uid: str
    storage_class: str
    iops: int
    mib_per_second: int
    states: list[VolumeState]
    deleted_ns: int | None = None


@dataclass(frozen=True)
class ServiceState:
    """Whether the cloud keeps a load balancer for a Service from `from_ns` on."""

    from_ns: int
    has_load_balancer: bool


@dataclass
class ServiceHistory:
    """A Service from its first state to its deletion."""

    namespace: str
    name: str
    uid: str
    states: list[ServiceState]
    deleted_ns: int | None = None


@dataclass(frozen=True)
class NamespaceState:
    """What is written on a namespace from `from_ns` on."""

    from_ns: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass
class NamespaceHistory:
    """A namespace from its first state to its deletion."""

    name: str
    uid: str
    states: list[NamespaceState]
    deleted_ns: int | None = None
