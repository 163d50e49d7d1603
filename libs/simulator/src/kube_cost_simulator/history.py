"""What happened in a simulated cluster, as far as money depends on it, to the nanosecond."""

import json
from dataclasses import dataclass, field

from kube_cost_simulator import history_json
from kube_cost_simulator.prices import NO_PRICES, Prices
from kube_cost_simulator.records import (
    NamespaceHistory,
    NodeHistory,
    NodePrice,
    PodHistory,
    ServiceHistory,
    VolumeHistory,
)

__all__ = ["History", "NodeHistory", "NodePrice", "PodHistory"]


@dataclass
class History:
    """Everything that the truth needs, in the order in which it happened, and what things besides machines cost."""

    started_ns: int = 0
    through_ns: int = 0
    nodes: list[NodeHistory] = field(default_factory=list)
    pods: list[PodHistory] = field(default_factory=list)
    volumes: list[VolumeHistory] = field(default_factory=list)
    services: list[ServiceHistory] = field(default_factory=list)
    namespaces: list[NamespaceHistory] = field(default_factory=list)
    prices: Prices = NO_PRICES

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
            "nodes": [history_json.node_to_json(node) for node in self.nodes],
            "pods": [history_json.pod_to_json(pod) for pod in self.pods],
            "volumes": [history_json.volume_to_json(volume) for volume in self.volumes],
            "services": [history_json.service_to_json(service) for service in self.services],
            "namespaces": [history_json.namespace_to_json(namespace) for namespace in self.namespaces],
            "prices": history_json.prices_to_json(self.prices),
        }
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "History":
        """The history that `to_json` wrote; KeyError or ValueError if it isn't one."""
        document = json.loads(text)
        return cls(
            started_ns=document["started_ns"],
            through_ns=document["through_ns"],
            nodes=[history_json.node_from_json(node) for node in document["nodes"]],
            pods=[history_json.pod_from_json(pod) for pod in document["pods"]],
            volumes=[history_json.volume_from_json(volume) for volume in document["volumes"]],
            services=[history_json.service_from_json(service) for service in document["services"]],
            namespaces=[history_json.namespace_from_json(namespace) for namespace in document["namespaces"]],
            prices=history_json.prices_from_json(document["prices"]),
        )
