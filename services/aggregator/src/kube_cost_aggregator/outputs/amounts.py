"""Rates in whole nano-USD per hour, and their running sums by namespace and workload: integers, so exact."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from kube_cost_aggregator.state.ledger import IDLE, SYSTEM
from kube_cost_aggregator.state.rates import NodeRate
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

    `touched` collects the workloads that changed, by namespace; who renders them empties it.
    """

    namespaces: dict[str, Sum] = field(default_factory=dict)
    workloads: dict[str, dict[Workload, Sum]] = field(default_factory=dict)
    touched: dict[str, set[Workload]] = field(default_factory=dict)
    idle: int = 0
    system: int = 0
    unallocated_savings: int = 0
    paid: int = 0

    def replace(self, old: NodeRate | None, new: NodeRate | None) -> None:
        """Take `old` away and add `new`."""
        changes = [(rate, node_amounts(rate), sign) for rate, sign in ((new, 1), (old, -1)) if rate is not None]
        for rate, amounts, sign in changes:  # integers from here on: nothing can fail half-way
            self._add(rate, amounts, sign)

    def by_namespace(self, names: Iterable[str]) -> Iterator[tuple[str, int, int]]:
        """Yield name, rate and savings of the named namespaces and of what isn't any's; they add up to `paid`."""
        for name in names:
            known = self.namespaces.get(name)
            yield (name, known.nano, known.savings) if known is not None else (name, 0, 0)
        yield IDLE, self.idle, self.unallocated_savings
        yield SYSTEM, self.system, 0

    def _add(self, rate: NodeRate, amounts: NodeAmounts, sign: int) -> None:
        self.paid += sign * amounts.paid
        self.idle += sign * amounts.idle
        self.system += sign * amounts.system
        self.unallocated_savings += sign * amounts.unallocated_savings
        for pod, nano, saved in zip(rate.pods, amounts.pods, amounts.savings, strict=True):
            _change(self.namespaces, pod.namespace, sign, nano, saved)
            workload = (pod.workload_kind, pod.workload)
            workloads = self.workloads.setdefault(pod.namespace, {})
            _change(workloads, workload, sign, nano, saved)
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


def _change(sums: dict[K, Sum], key: K, sign: int, nano: int, savings: int) -> None:
    known = sums.get(key)
    if known is None:
        known = sums[key] = Sum()
    known.nano += sign * nano
    known.savings += sign * savings
    known.pods += sign
    if known.pods == 0:
        del sums[key]
