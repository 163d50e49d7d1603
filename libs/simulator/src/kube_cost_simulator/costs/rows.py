"""Rows of the truth: who owes how much for what in which hour."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple, TypeVar

from kube_cost_simulator.costs.pools import node_pool
from kube_cost_simulator.history import History, NodeHistory, PodHistory
from kube_cost_simulator.truth import IDLE, Truth

SYSTEM = "__system__"
UNCLAIMED = "__unclaimed__"
CLUSTER = "__cluster__"
NO_VALUE = "__none__"
LINES = (IDLE, SYSTEM, UNCLAIMED, CLUSTER)
"""The pseudo-namespaces, for what no namespace owes."""

Kind = Literal["cpu", "memory", "gpu", "storage", "network", "load_balancer", "control_plane"]
COMPUTE: tuple[Kind, ...] = ("cpu", "memory", "gpu")

Key = TypeVar("Key")


class Row(NamedTuple):
    """USD that a namespace, or one of `LINES`, owes for an hour (its start in Unix seconds).

    `pod` and `node` are uids; `thing` is the volume, the Service or the node whose price it is. Empty where none is.
    """

    hour: int
    namespace: str
    kind: Kind
    usd: Fraction
    pod: str = ""
    node: str = ""
    thing: str = ""


@dataclass(frozen=True)
class Costs:
    """All rows of a stretch of time, and the sums that people ask for; every answer is exact.

    `compute` is the truth of the nodes that are machines. `sent_bytes` is by pod uid and hour what pods sent that have
    a network of their own, as far as anybody looked.
    """

    history: History
    rows: Sequence[Row]
    compute: Truth
    sent_bytes: Mapping[tuple[str, int], Fraction]
    pods: Mapping[str, PodHistory] = field(repr=False)
    nodes: Mapping[str, NodeHistory] = field(repr=False)

    def by(self, key: Callable[[Row], Key], rows: Iterable[Row] | None = None) -> dict[Key, Fraction]:
        """USD by whatever `key` says of a row, of all rows or of those given."""
        usd: dict[Key, Fraction] = defaultdict(Fraction)
        for row in self.rows if rows is None else rows:
            usd[key(row)] += row.usd
        return dict(usd)

    @property
    def total(self) -> Fraction:
        """USD of everything."""
        return sum((row.usd for row in self.rows), Fraction(0))

    def by_namespace(self) -> dict[str, Fraction]:
        """USD by namespace and pseudo-namespace: together the cluster's."""
        return self.by(lambda row: row.namespace)

    def by_namespace_and_kind(self) -> dict[tuple[str, Kind], Fraction]:
        """USD by namespace or pseudo-namespace and what it is for."""
        return self.by(lambda row: (row.namespace, row.kind))

    def by_component(self) -> dict[str, Fraction]:
        """USD by the cluster's component: compute, storage, network, load_balancer, control_plane."""
        return self.by(lambda row: "compute" if row.kind in COMPUTE else row.kind)

    def by_pod(self) -> dict[str, Fraction]:
        """USD by pod uid, with its parts of volumes and network."""
        return self.by(lambda row: row.pod, (row for row in self.rows if row.pod))

    def by_workload(self) -> dict[tuple[str, str, str], Fraction]:
        """USD by namespace, kind and name of what a person wrote, over its pods."""
        return self.by(lambda row: (row.namespace, *self.pods[row.pod].workload), (row for row in self.rows if row.pod))

    def by_label(self, label: str) -> dict[str, Fraction]:
        """USD by a label's value on the pod, or else on the namespace as it is at the end, or else `__none__`."""
        return self.by(lambda row: self._value(label, row))

    def _value(self, label: str, row: Row) -> str:
        if row.pod and label in self.pods[row.pod].labels:
            return self.pods[row.pod].labels[label]
        for namespace in reversed(self.history.namespaces):
            if namespace.name == row.namespace:
                return namespace.states[-1].labels.get(label, NO_VALUE)
        return NO_VALUE

    def by_node_pool(self) -> dict[str, Fraction]:
        """USD of nodes, idle and system parts with them, by pool; empty for nodes that are in none."""
        rows = (row for row in self.rows if row.kind in COMPUTE)
        return self.by(lambda row: node_pool(self.nodes[row.node].labels), rows)

    def by_node(self) -> dict[str, Fraction]:
        """USD by node uid: what the node costs, or the pod on it where pods are sold by size."""
        return self.by(lambda row: row.node, (row for row in self.rows if row.kind in COMPUTE))

    def by_volume(self) -> dict[str, Fraction]:
        """USD by volume name, whoever owes it."""
        return self.by(lambda row: row.thing, (row for row in self.rows if row.kind == "storage"))

    def by_load_balancer(self) -> dict[tuple[str, str], Fraction]:
        """USD by namespace and Service."""
        rows = (row for row in self.rows if row.kind == "load_balancer")
        return self.by(lambda row: (row.namespace, row.thing), rows)

    def by_hour(self) -> dict[int, Fraction]:
        """USD by hour, as its start in Unix seconds."""
        return self.by(lambda row: row.hour)

    def savings_by_namespace(self) -> dict[str, Fraction]:
        """What spot nodes saved, by namespace; the idle and system part under `__idle__`."""
        usd: dict[str, Fraction] = defaultdict(Fraction)
        for (_, namespace), saved in self.compute.savings.items():
            usd[namespace] += saved
        return dict(usd)
