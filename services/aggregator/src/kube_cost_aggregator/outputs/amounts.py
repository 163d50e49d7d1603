"""Rates in whole nano-USD per hour, and their running sums by namespace and workload: integers, so exact."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from kube_cost_aggregator.state.ledger import IDLE, SYSTEM
from kube_cost_aggregator.state.rates import NodeRate, PodRate
from kube_cost_common.domain.money import to_nano

K = TypeVar("K", bound=Hashable)

Workload = tuple[str, str]
"""Kind and name."""


class NodeAmounts(NamedTuple):
    """A node's rates in nano-USD per hour: its price, what it keeps, and what no pod has, rounding's rest included.

    `savings` is what spot saves on each pod, `unallocated_savings` on the rest; negative where spot is dearer.
    """

    paid: int
    system: int
    idle: int
    pods: tuple[int, ...]
    savings: tuple[int, ...]
    unallocated_savings: int


NOTHING_PAID = NodeAmounts(0, 0, 0, (), (), 0)


def node_amounts(rate: NodeRate) -> NodeAmounts:
    """Return a node's amounts: pods + system + idle = paid. A node without a price has none."""
    if rate.price is None:
        return NOTHING_PAID
    paid, system = to_nano(rate.price.usd_per_hour), to_nano(rate.system.total)
    pods = tuple(to_nano(pod.usd.total) for pod in rate.pods)
    savings = tuple(to_nano(pod.savings) for pod in rate.pods)
    on_demand = rate.price.on_demand_usd_per_hour
    saved = 0 if on_demand is None else to_nano(on_demand) - paid
    return NodeAmounts(paid, system, paid - system - sum(pods), pods, savings, saved - sum(savings))


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

    def replace(self, old: NodeRate | None, new: NodeRate | None) -> None:
        """Take `old` away and add `new`, each under its node's name."""
        amounts = NOTHING_PAID if new is None else node_amounts(new)
        # Integers from here on: nothing can fail half-way.
        before = NOTHING_PAID if old is None else self.amounts.pop(old.facts.name)
        if new is not None:
            self.amounts[new.facts.name] = amounts
        self.paid += amounts.paid - before.paid
        self.idle += amounts.idle - before.idle
        self.system += amounts.system - before.system
        self.unallocated_savings += amounts.unallocated_savings - before.unallocated_savings
        gone = {} if old is None else _by_uid(old, before)
        for pod, nano, saved in () if new is None else zip(new.pods, amounts.pods, amounts.savings, strict=True):
            was = gone.pop(pod.uid, None)
            if was is None:
                self._change(pod, nano, saved, 1)
            elif was.pod[1:5] != pod[1:5]:
                self._change(was.pod, -was.nano, -was.savings, -1)
                self._change(pod, nano, saved, 1)
            elif was.nano != nano or was.savings != saved:
                self._change(pod, nano - was.nano, saved - was.savings, 0)
        for was in gone.values():
            self._change(was.pod, -was.nano, -was.savings, -1)

    def by_namespace(self, names: Iterable[str]) -> Iterator[tuple[str, int, int]]:
        """Yield name, rate and savings of the named namespaces and of what isn't any's; they add up to `paid`."""
        for name in names:
            known = self.namespaces.get(name)
            yield (name, known.nano, known.savings) if known is not None else (name, 0, 0)
        yield IDLE, self.idle, self.unallocated_savings
        yield SYSTEM, self.system, 0

    def _change(self, pod: PodRate, nano: int, savings: int, pods: int) -> None:
        """Add what a pod's rate and savings have grown by, and how many pods more that is."""
        workload = (pod.workload_kind, pod.workload)
        workloads = self.workloads.setdefault(pod.namespace, {})
        _change(self.namespaces, pod.namespace, nano, savings, pods)
        _change(workloads, workload, nano, savings, pods)
        if not workloads:
            del self.workloads[pod.namespace]
        self.touched.setdefault(pod.namespace, set()).add(workload)


def current_nodes(nodes: Iterable[NodeRate]) -> dict[str, NodeRate]:
    """Return nodes by name. Of two that have one name, the younger has it: no series may stand twice."""
    by_name: dict[str, NodeRate] = {}
    for rate in nodes:
        other = by_name.get(rate.facts.name)
        if other is None or (other.facts.created_ns, other.facts.uid) < (rate.facts.created_ns, rate.facts.uid):
            by_name[rate.facts.name] = rate
    return by_name


class _Known(NamedTuple):
    pod: PodRate
    nano: int
    savings: int


def _by_uid(rate: NodeRate, amounts: NodeAmounts) -> dict[str, _Known]:
    rows = zip(rate.pods, amounts.pods, amounts.savings, strict=True)
    return {pod.uid: _Known(pod, nano, savings) for pod, nano, savings in rows}


def _change(sums: dict[K, Sum], key: K, nano: int, savings: int, pods: int) -> None:
    known = sums.get(key)
    if known is None:
        known = sums[key] = Sum()
    known.nano += nano
    known.savings += savings
    known.pods += pods
    if known.pods == 0:
        del sums[key]
