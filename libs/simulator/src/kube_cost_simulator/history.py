"""What happened in a simulated cluster, as far as money depends on it, to the nanosecond."""

import json
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from kube_cost_simulator.reservation import ContainerRequests, PodRequests
from kube_cost_simulator.scenario import CapacityType, Resources, Shape, Weights
from kube_cost_simulator.usage import Rates, UsageTimeline

Json = dict[str, Any]


@dataclass(frozen=True)
class NodePrice:
    """A node's prices from `from_ns` on, USD per hour; a spot price that isn't known is None."""

    from_ns: int
    on_demand_usd_per_hour: Fraction
    spot_usd_per_hour: Fraction | None


@dataclass
class NodeHistory:
    """A node from its creation to its deletion (None while it exists), Unix nanoseconds."""

    name: str
    uid: str
    capacity_type: CapacityType
    shape: Shape
    allocatable: Resources
    weights: Weights
    created_ns: int
    deleted_ns: int | None
    prices: list[NodePrice]


@dataclass
class PodHistory:
    """A pod that was bound to a node.

    It is charged from `bound_ns` to `ended_ns` (None while it goes on); `requests` are its changes in order, and
    `usage` begins when its containers do (None while they haven't).
    """

    uid: str
    namespace: str
    name: str
    node_uid: str
    bound_ns: int
    requests: list[PodRequests]
    ended_ns: int | None = None
    usage: UsageTimeline | None = None


@dataclass
class History:
    """Everything that the truth needs, in the order in which it happened."""

    started_ns: int = 0
    through_ns: int = 0
    nodes: list[NodeHistory] = field(default_factory=list)
    pods: list[PodHistory] = field(default_factory=list)

    def node(self, name: str) -> NodeHistory:
        """The newest node of that name; KeyError if there was none."""
        for node in reversed(self.nodes):
            if node.name == name:
                return node
        raise KeyError(name)

    def to_json(self) -> str:
        """The history as a JSON document; fractions are strings."""
        document = {
            "started_ns": self.started_ns,
            "through_ns": self.through_ns,
            "nodes": [_node_to_json(node) for node in self.nodes],
            "pods": [_pod_to_json(pod) for pod in self.pods],
        }
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "History":
        """The history that `to_json` wrote; KeyError or ValueError if it isn't one."""
        document = json.loads(text)
        return cls(
            started_ns=document["started_ns"],
            through_ns=document["through_ns"],
            nodes=[_node_from_json(node) for node in document["nodes"]],
            pods=[_pod_from_json(pod) for pod in document["pods"]],
        )


def _amounts(resources: Resources | None) -> list[int] | None:
    return None if resources is None else [resources.cpu_millicores, resources.memory_bytes, resources.gpus]


def _resources(amounts: list[int] | None) -> Resources | None:
    return None if amounts is None else Resources(*amounts)


def _node_to_json(node: NodeHistory) -> Json:
    return {
        "name": node.name,
        "uid": node.uid,
        "capacity_type": node.capacity_type,
        "shape": [str(part) for part in (node.shape.vcpu, node.shape.memory_gib, node.shape.gpus)],
        "allocatable": _amounts(node.allocatable),
        "weights": [str(part) for part in (node.weights.cpu, node.weights.memory, node.weights.gpu)],
        "created_ns": node.created_ns,
        "deleted_ns": node.deleted_ns,
        "prices": [
            [
                price.from_ns,
                str(price.on_demand_usd_per_hour),
                None if price.spot_usd_per_hour is None else str(price.spot_usd_per_hour),
            ]
            for price in node.prices
        ],
    }


def _node_from_json(node: Json) -> NodeHistory:
    return NodeHistory(
        name=node["name"],
        uid=node["uid"],
        capacity_type=node["capacity_type"],
        shape=Shape(*map(Fraction, node["shape"])),
        allocatable=Resources(*node["allocatable"]),
        weights=Weights(*map(Fraction, node["weights"])),
        created_ns=node["created_ns"],
        deleted_ns=node["deleted_ns"],
        prices=[
            NodePrice(from_ns, Fraction(on_demand), None if spot is None else Fraction(spot))
            for from_ns, on_demand, spot in node["prices"]
        ],
    )


def _pod_to_json(pod: PodHistory) -> Json:
    usage = pod.usage
    return {
        "uid": pod.uid,
        "namespace": pod.namespace,
        "name": pod.name,
        "node_uid": pod.node_uid,
        "bound_ns": pod.bound_ns,
        "ended_ns": pod.ended_ns,
        "requests": [_requests_to_json(requests) for requests in pod.requests],
        "usage": None if usage is None else [usage.start_ns, usage.end_ns, usage.phases, usage.pauses],
    }


def _pod_from_json(pod: Json) -> PodHistory:
    usage = None
    if pod["usage"] is not None:
        start_ns, end_ns, phases, pauses = pod["usage"]
        usage = UsageTimeline(
            start_ns,
            tuple((length, Rates(*rates)) for length, rates in phases),
            end_ns,
            tuple((from_ns, to_ns) for from_ns, to_ns in pauses),
        )
    return PodHistory(
        uid=pod["uid"],
        namespace=pod["namespace"],
        name=pod["name"],
        node_uid=pod["node_uid"],
        bound_ns=pod["bound_ns"],
        requests=[_requests_from_json(requests) for requests in pod["requests"]],
        ended_ns=pod["ended_ns"],
        usage=usage,
    )


def _requests_to_json(requests: PodRequests) -> Json:
    return {
        "from_ns": requests.from_ns,
        "containers": [
            [container.name, _amounts(container.spec), _amounts(container.status), container.init, container.sidecar]
            for container in requests.containers
        ],
        "pod_level": _amounts(requests.pod_level),
        "overhead": _amounts(requests.overhead),
    }


def _requests_from_json(requests: Json) -> PodRequests:
    return PodRequests(
        from_ns=requests["from_ns"],
        containers=tuple(
            ContainerRequests(name, Resources(*spec), _resources(status), init, sidecar)
            for name, spec, status, init, sidecar in requests["containers"]
        ),
        pod_level=_resources(requests["pod_level"]),
        overhead=Resources(*requests["overhead"]),
    )
