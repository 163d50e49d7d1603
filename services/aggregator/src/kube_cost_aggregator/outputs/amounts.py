"""Rates in whole nano-USD per hour, and their running sums by namespace and workload: integers, so exact."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from kube_cost_aggregator.state.ledger import IDLE, SYSTEM
from kube_cost_aggregator.state.rates import NodeRate, PodRate
from kube_cost_common.domain.money import to_nano

K = TypeVar("K", bound=Hashable)

Workload = tuple[str, str]
"""Kind and name."""


class PodAmounts(NamedTuple):
    """A pod's rate in nano-USD per hour, and what spot saves on it; negative where spot is dearer."""

    pod: PodRate
    nano: int
    savings: int


class NodeAmounts(NamedTuple):
    """A node's rates in nano-USD per hour: its price, what it keeps, and what no pod has, rounding's rest included.

    `pods` are by uid. `unallocated_savings` is what spot saves on the rest.
    """

    paid: int
    system: int
    idle: int
    pods: Mapping[str, PodAmounts]
    unallocated_savings: int


NOTHING_PAID = NodeAmounts(0, 0, 0, MappingProxyType({}), 0)


def node_amounts(rate: NodeRate, before: NodeAmounts = NOTHING_PAID) -> NodeAmounts:
    """Return a node's amounts: pods + system + idle = paid. A node without a price has none.

    Those of a pod whose snapshot is that of `before` are the very same object.
    """
    if rate.price is None:
        return NOTHING_PAID
    paid, system = to_nano(rate.price.usd_per_hour), to_nano(rate.system.total)
    known = before.pods
    pods: dict[str, PodAmounts] = {}
    allocated = allocated_savings = 0
    for pod in rate.pods:
        amounts = known.get(pod.uid)
        if amounts is None or amounts.pod is not pod:
            cpu, memory, gpu = pod.usd
            amounts = PodAmounts(pod, to_nano(cpu + memory + gpu), to_nano(pod.savings) if pod.savings else 0)
        pods[pod.uid] = amounts
        allocated += amounts.nano
        allocated_savings += amounts.savings
    on_demand = rate.price.on_demand_usd_per_hour
    saved = 0 if on_demand is None else to_nano(on_demand) - paid
    return NodeAmounts(paid, system, paid - system - allocated, pods, saved - allocated_savings)


class Differences(NamedTuple):
    """Of a node's pods: those that are new or have other amounts or another workload, and those that are gone."""

    changed: list[PodAmounts]
    gone: list[PodAmounts]


@dataclass(slots=True)
class Sum:
    """What some pods cost and what spot saves on them, in nano-USD per hour, and how many they are."""

    nano: int = 0
    savings: int = 0
    pods: int = 0


@dataclass(slots=True)
class RateSums:
    """Sums over all nodes, kept by taking a node's old rates away and adding its new ones.

    `touched` collects the workloads that changed, by namespace; who renders them empties it. `amounts` are those of
    the nodes that are in the sums, by name.
    """

    namespaces: dict[str, Sum] = field(default_factory=dict)
    workloads: dict[str, dict[Workload, Sum]] = field(default_factory=dict)
    touched: dict[str, set[Workload]] = field(default_factory=dict)
    amounts: dict[str, NodeAmounts] = field(default_factory=dict)
    idle: int = 0
    system: int = 0
    unallocated_savings: int = 0
    paid: int = 0

    def replace(self, name: str, new: NodeRate | None) -> Differences:
        """Take what a node of that name has away, and add `new` in its place."""
        before = self.amounts.get(name, NOTHING_PAID)
        amounts = NOTHING_PAID if new is None else node_amounts(new, before)
        # Integers from here on: nothing can fail half-way.
        if new is not None:
            self.amounts[name] = amounts
        else:
            self.amounts.pop(name, None)
        self.paid += amounts.paid - before.paid
        self.idle += amounts.idle - before.idle
        self.system += amounts.system - before.system
        self.unallocated_savings += amounts.unallocated_savings - before.unallocated_savings
        changed: list[PodAmounts] = []
        for uid, now in amounts.pods.items():
            was = before.pods.get(uid)
            if was is now:
                continue
            if was is None:
                self._change(now.pod, now.nano, now.savings, 1)
            elif was.pod[1:5] != now.pod[1:5]:
                self._change(was.pod, -was.nano, -was.savings, -1)
                self._change(now.pod, now.nano, now.savings, 1)
            elif was.nano != now.nano or was.savings != now.savings:
                self._change(now.pod, now.nano - was.nano, now.savings - was.savings, 0)
            else:
                continue
            changed.append(now)
        gone = [was for uid, was in before.pods.items() if uid not in amounts.pods]
        for was in gone:
            self._change(was.pod, -was.nano, -was.savings, -1)
        return Differences(changed, gone)

    def by_namespace(self, names: Iterable[str]) -> Iterator[tuple[str, int, int]]:
        """Yield name, rate and savings of the named namespaces and of what isn't any's; they add up to `paid`."""
        for name in names:
            known = self.namespaces.get(name)
            yield (name, known.nano, known.savings) if known is not None else (name, 0, 0)
        yield IDLE, self.idle, self.unallocated_savings
        yield SYSTEM, self.system, 0

    def _change(self, pod: PodRate, nano: int, savings: int, pods: int) -> None:
        """Add what a pod's rate and savings have grown by, and how many pods more that is."""
        namespace, workload = pod.namespace, (pod.workload_kind, pod.workload)
        workloads = self.workloads.setdefault(namespace, {})
        _change(self.namespaces, namespace, nano, savings, pods)
        _change(workloads, workload, nano, savings, pods)
        if not workloads:
            del self.workloads[namespace]
        self.touched.setdefault(namespace, set()).add(workload)


def current_nodes(nodes: Iterable[NodeRate]) -> dict[str, NodeRate]:
    """Return nodes by name. Of two that have one name, the younger has it: no series may stand twice."""
    by_name: dict[str, NodeRate] = {}
    for rate in nodes:
        other = by_name.get(rate.facts.name)
        if other is None or (other.facts.created_ns, other.facts.uid) < (rate.facts.created_ns, rate.facts.uid):
            by_name[rate.facts.name] = rate
    return by_name


def _change(sums: dict[K, Sum], key: K, nano: int, savings: int, pods: int) -> None:
    known = sums.get(key)
    if known is None:
        known = sums[key] = Sum()
    known.nano += nano
    known.savings += savings
    known.pods += pods
    if known.pods == 0:
        del sums[key]
