"""Rates in whole nano-USD per hour, and their running sums by namespace and workload: integers, so exact."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import add, sub
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from kube_cost_aggregator.history.store import NO_MONEY, Money
from kube_cost_aggregator.state.rates import NodeRate, PodRate, Rates
from kube_cost_aggregator.state.totals import CLUSTER, IDLE, SYSTEM, UNCLAIMED
from kube_cost_common.domain.money import NANO_PER_USD, to_nano
from kube_cost_common.domain.settlement import NO_USD

K = TypeVar("K", bound=Hashable)

Workload = tuple[str, str]
"""Kind and name."""

ByResource = tuple[int, int, int, int, int]
"""Nano-USD per hour for cpu, memory, gpu, storage, network."""

_NONE: ByResource = (0, 0, 0, 0, 0)
NO_OTHERS: Mapping[str, Money] = MappingProxyType({})


class PodAmounts(NamedTuple):
    """A pod's rate in nano-USD per hour, and what spot saves on it; negative where spot is dearer.

    `by_resource` is cpu, memory, gpu, storage, network: together the rate.
    """

    pod: PodRate
    nano: int
    savings: int
    by_resource: ByResource = (0, 0, 0, 0, 0)


class NodeAmounts(NamedTuple):
    """A node's rates in nano-USD per hour: its price, what it keeps, and what no pod has, rounding's rest included.

    `system_by` and `idle_by` are these by compute resource. `pods` are by uid. `unallocated_savings` is what spot saves
    on the rest. `network` is for what the node sends beside its pods, `pods_network` for what they send: neither is in
    `paid`.
    """

    paid: int
    system: int
    idle: int
    pods: Mapping[str, PodAmounts]
    unallocated_savings: int
    system_by: tuple[int, int, int] = (0, 0, 0)
    idle_by: tuple[int, int, int] = (0, 0, 0)
    network: int = 0
    pods_network: int = 0


NOTHING_PAID = NodeAmounts(0, 0, 0, MappingProxyType({}), 0)


def node_amounts(rate: NodeRate, before: NodeAmounts = NOTHING_PAID) -> NodeAmounts:
    """Return a node's amounts: what pods have of the node + system + idle = paid. A node without a price has none.

    Those of a pod whose snapshot is that of `before` are the very same object.
    """
    if rate.price is None:
        return NOTHING_PAID
    paid = to_nano(rate.price.usd_per_hour)
    known = before.pods
    pods: dict[str, PodAmounts] = {}
    allocated = allocated_savings = sent = 0
    for pod in rate.pods:
        uid, _, _, _, _, (cpu, memory, gpu), saved_by_pod, storage, network, _ = pod
        amounts = known.get(uid)
        if amounts is None or amounts.pod is not pod:
            by = (
                round(cpu * NANO_PER_USD),  # as `to_nano`, of which this is most of all calls
                round(memory * NANO_PER_USD),
                to_nano(gpu) if gpu else 0,
                to_nano(storage) if storage else 0,
                to_nano(network) if network else 0,
            )
            amounts = PodAmounts(pod, sum(by), to_nano(saved_by_pod) if saved_by_pod else 0, by)
        pods[uid] = amounts
        by = amounts.by_resource
        allocated += by[0] + by[1] + by[2]
        sent += by[4]
        allocated_savings += amounts.savings
    on_demand = rate.price.on_demand_usd_per_hour
    saved = 0 if on_demand is None else to_nano(on_demand) - paid
    system_by = (to_nano(rate.system.cpu), to_nano(rate.system.memory), to_nano(rate.system.gpu))
    system = sum(system_by)
    idle = paid - system - allocated
    idle_memory, idle_gpu = to_nano(rate.idle.memory), to_nano(rate.idle.gpu)
    return NodeAmounts(
        paid,
        system,
        idle,
        pods,
        saved - allocated_savings,
        system_by,
        (idle - idle_memory - idle_gpu, idle_memory, idle_gpu),
        to_nano(rate.network) if rate.network else 0,
        sent,
    )


_NOBODY = PodAmounts(PodRate("", "", "", "", "", NO_USD, 0.0), 0, 0)


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
    by_resource: ByResource = _NONE


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
    system_by: tuple[int, ...] = (0, 0, 0)
    idle_by: tuple[int, ...] = (0, 0, 0)
    network: int = 0
    """Of nodes, beside their pods."""
    pods_network: int = 0

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
        self.system_by = tuple(map(sub, map(add, self.system_by, amounts.system_by), before.system_by))
        self.idle_by = tuple(map(sub, map(add, self.idle_by, amounts.idle_by), before.idle_by))
        self.network += amounts.network - before.network
        self.pods_network += amounts.pods_network - before.pods_network
        changed: list[PodAmounts] = []
        for uid, now in amounts.pods.items():
            was = before.pods.get(uid)
            if was is now:
                continue
            if was is None:
                self._change(now, _NOBODY, 1)
            elif was.pod[1:5] != now.pod[1:5]:
                self._change(_NOBODY, was, -1)
                self._change(now, _NOBODY, 1)
            elif was[1:] != now[1:] or was.pod.labels != now.pod.labels:
                self._change(now, was, 0)
            else:
                continue
            changed.append(now)
        gone = [was for uid, was in before.pods.items() if uid not in amounts.pods]
        for was in gone:
            self._change(_NOBODY, was, -1)
        return Differences(changed, gone)

    def by_namespace(
        self, names: Iterable[str], others: Mapping[str, Money] = NO_OTHERS
    ) -> Iterator[tuple[str, Money]]:
        """Yield name and rates of the named namespaces, and of what isn't any's.

        `others` is what namespaces cost beside their pods on nodes; that of volumes is all of theirs. Without any, all
        of it together is what nodes cost, and what their pods send and mount.
        """
        for name in names:
            known = self.namespaces.get(name)
            cpu, memory, gpu, storage, network = known.by_resource if known is not None else _NONE
            other = others.get(name, NO_MONEY)
            yield (
                name,
                Money(
                    cpu,
                    memory,
                    gpu,
                    known.savings if known is not None else 0,
                    other.storage if others else storage,
                    network + other.network,
                    other.load_balancer,
                ),
            )
        yield IDLE, Money._make((*self.idle_by, self.unallocated_savings, 0, 0, 0, 0, 0))
        yield SYSTEM, Money._make((*self.system_by, 0, 0, 0, 0, 0, 0))
        unclaimed, cluster = others.get(UNCLAIMED, NO_MONEY), others.get(CLUSTER, NO_MONEY)
        yield UNCLAIMED, unclaimed
        yield CLUSTER, cluster._replace(network=self.network)

    def _change(self, now: PodAmounts, was: PodAmounts, pods: int) -> None:
        """Add what a pod's rate and savings have grown by, and how many pods more that is."""
        pod = was.pod if now is _NOBODY else now.pod
        namespace, workload = pod.namespace, (pod.workload_kind, pod.workload)
        workloads = self.workloads.setdefault(namespace, {})
        _change(self.namespaces, namespace, now, was, pods)
        _change(workloads, workload, now, was, pods)
        if not workloads:
            del self.workloads[namespace]
        touched = self.touched.get(namespace)
        if touched is None:
            touched = self.touched[namespace] = set()
        touched.add(workload)


def current_nodes(nodes: Iterable[NodeRate]) -> dict[str, NodeRate]:
    """Return nodes by name. Of two that have one name, the younger has it: no series may stand twice."""
    by_name: dict[str, NodeRate] = {}
    for rate in nodes:
        other = by_name.get(rate.facts.name)
        if other is None or (other.facts.created_ns, other.facts.uid) < (rate.facts.created_ns, rate.facts.uid):
            by_name[rate.facts.name] = rate
    return by_name


def other_money(rates: Rates) -> dict[str, Money]:
    """Return what namespaces and pseudo-namespaces cost beside nodes: volumes, load balancers, the control plane.

    In nano-USD per hour. There is always an entry, so that who knows this knows all that volumes cost.
    """
    amounts: dict[str, list[int]] = {UNCLAIMED: [0, 0, 0], CLUSTER: [0, 0, to_nano(rates.control_plane)]}
    for volume in rates.volumes.values():
        if volume.usd_per_hour:
            namespace = UNCLAIMED if volume.facts.claim is None else volume.facts.claim[0]
            amounts.setdefault(namespace, [0, 0, 0])[0] += to_nano(volume.usd_per_hour)
    for balancer in rates.load_balancers:
        if balancer.usd_per_hour:
            amounts.setdefault(balancer.facts.namespace, [0, 0, 0])[1] += to_nano(balancer.usd_per_hour)
    return {
        name: NO_MONEY._replace(storage=storage, load_balancer=balancers, control_plane=fee)
        for name, (storage, balancers, fee) in amounts.items()
    }


def _change(sums: dict[K, Sum], key: K, now: PodAmounts, was: PodAmounts, pods: int) -> None:
    known = sums.get(key)
    if known is None:
        known = sums[key] = Sum()
    known.nano += now.nano - was.nano
    known.savings += now.savings - was.savings
    known.pods += pods
    if known.pods == 0:
        del sums[key]
        return
    a, b, c, d, e = known.by_resource
    f, g, h, i, j = now.by_resource
    k, m, n, o, p = was.by_resource
    known.by_resource = (a + f - k, b + g - m, c + h - n, d + i - o, e + j - p)
