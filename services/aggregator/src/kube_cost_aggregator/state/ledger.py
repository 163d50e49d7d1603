"""The ledger: what was settled, in whole nano-USD, and where each node's settlement goes on from."""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from kube_cost_aggregator.history.batches import merged
from kube_cost_aggregator.history.columns import NODES_COUNTER
from kube_cost_aggregator.history.store import (
    NO_MONEY,
    NO_TRAFFIC,
    Batch,
    Money,
    NamespaceTotal,
    NodeHour,
    NodeState,
    ObjectCost,
    ObjectHour,
    ObjectKind,
    ObjectRow,
    ObjectState,
    PodHour,
    PodRow,
    PriceChangeRow,
    Running,
    RunningHour,
    Store,
    StreamCursor,
    Traffic,
)
from kube_cost_aggregator.state.pods import Pod
from kube_cost_aggregator.state.totals import (
    CLUSTER,
    COMPONENTS_COUNTER,
    COMPUTE,
    CONTROL_PLANE,
    IDLE,
    LOAD_BALANCER,
    NETWORK,
    STORAGE,
    SYSTEM,
    Totals,
    month_start,
)
from kube_cost_common.domain.money import NANO_PER_USD, NS_PER_SECOND, to_nano
from kube_cost_common.domain.settlement import HourCharges, PodCharge, Usd
from kube_cost_common.domain.sharing import NOTHING_SHARED, SharingRules

_OBJECT_COMPONENTS: Mapping[ObjectKind, str] = {
    "volume": STORAGE,
    "load_balancer": LOAD_BALANCER,
    "control_plane": CONTROL_PLANE,
}

KEPT_HOURS = 26
"""How long a namespace's hours are kept in memory: forecasts are made of the last 24 whole ones."""

SHARED_HOURS = 7
"""How long an hour's own costs are kept, by which what is shared in it is weighted: samples may come 6 h late."""

_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86_400
_NO_TOTAL = NamespaceTotal()


class ObjectCharge(NamedTuple):
    """What an object cost in a stretch of an hour (its start in Unix seconds), in USD, and whose cost it was.

    `pods` have their parts by their number in the ledger; the rest is the namespace's own.
    """

    hour: int
    namespace: str
    claim: str
    usd: float
    seconds: float
    estimated_seconds: float = 0.0
    pods: Mapping[int, float] = MappingProxyType({})


class Ledger:
    """Books charges, and commits them with all that the next settlement starts from.

    What is booked stays in memory and in `batch` until a commit succeeds; after a failed one the same batch, grown
    meanwhile, is tried again. So memory is never behind the store, and what is shown (`totals`) is never ahead of it.
    """

    def __init__(self, *, store: Store, sharing: SharingRules = NOTHING_SHARED) -> None:
        self._store = store
        self._sharing = sharing
        self._hours: dict[str, dict[int, int]] = {}
        self._own_hours: dict[int, dict[str, int]] = {}
        self._unshared: dict[int, dict[str, int]] = {}
        self._next_pod_id = 1
        self._next_node_id = 1
        self._next_object_id = 1
        self._days: dict[str, dict[int, int]] = {}
        self._namespaces: dict[str, NamespaceTotal] = {}
        self._counters: dict[str, int | float] = {}
        self._traffic: dict[str, Traffic] = {}
        self.batch = Batch()
        self.nodes: dict[str, NodeState] = {}
        self.objects: dict[str, ObjectState] = {}
        self.gone_nodes: Mapping[str, int] = {}
        """Nodes that were settled to their end before this process, by uid, and when that was known to it."""
        self.stream: StreamCursor | None = None
        self.started_at_ns = 0
        self.totals = Totals()

    async def load(self, now_ns: int) -> list[PodRow]:
        """Take up what was committed, and return the pods that were running then. Raises StoreError."""
        state = await self._store.load(
            now_ns=now_ns,
            month_start=month_start(now_ns),
            hours_from=now_ns // NS_PER_SECOND - KEPT_HOURS * _SECONDS_PER_HOUR,
        )
        self._next_pod_id, self._next_node_id = state.next_pod_id, state.next_node_id
        self._namespaces = dict(state.namespace_totals)
        for (namespace, day), nano in state.namespace_days.items():
            self._days.setdefault(namespace, {})[day] = nano
        self._counters = dict(state.counters)
        self._next_object_id = state.next_object_id
        self._traffic = dict(state.namespace_traffic)
        self.nodes = {node.uid: node for node in state.nodes}
        self.objects = {known.uid: known for known in state.objects}
        self.gone_nodes = dict.fromkeys(state.gone_nodes, now_ns)
        self._own_hours = {}
        for (hour, namespace), (nano, shared) in state.hours.items():
            self._hours.setdefault(namespace, {})[hour] = nano
            if self._sharing.any:
                self._own_hours.setdefault(hour, {})[namespace] = nano - shared
        self.stream = state.stream
        self.started_at_ns = state.started_at_ns
        self.totals = self._view(now_ns)
        return state.open_pods

    def node(self, uid: str, name: str, settled_through_ns: int) -> NodeState:
        """Return the state of a node; a new one begins at `settled_through_ns`, or where the ledger did if later."""
        state = self.nodes.get(uid)
        if state is None:
            state = NodeState(
                node_id=self._next_node_id,
                uid=uid,
                name=name,
                settled_through_ns=max(settled_through_ns, self.started_at_ns),
            )
            self._next_node_id += 1
            self.nodes[uid] = state
        return state

    def forget_node(self, uid: str) -> None:
        """Drop the state of a node that is settled to its end; its hours stay."""
        if self.nodes.pop(uid, None) is not None:
            self.batch.gone_nodes.add(uid)

    def object(self, row: ObjectRow, settled_through_ns: int) -> ObjectState:
        """Return the state of something that costs by its mere being; a new one begins as a node does.

        `row` has any number for it; what else it says is what the ledger then says of it.
        """
        state = self.objects.get(row.uid)
        if state is None:
            state = ObjectState(
                object_id=self._next_object_id,
                uid=row.uid,
                kind=row.kind,
                settled_through_ns=max(settled_through_ns, self.started_at_ns),
            )
            self._next_object_id += 1
            self.objects[row.uid] = state
            self.batch.objects[state.object_id] = row._replace(object_id=state.object_id)
        return state

    def forget_object(self, uid: str) -> None:
        """Drop the state of an object that is settled to its end; its hours stay."""
        if self.objects.pop(uid, None) is not None:
            self.batch.gone_objects.add(uid)

    def book_object(self, state: ObjectState, charge: ObjectCharge) -> None:
        """Add what an object cost to the row of its hour, and to its owner's."""
        hour = _object_hour(state, charge)
        before = to_nano(hour.usd)
        hour.usd += charge.usd
        hour.seconds += charge.seconds
        hour.estimated_seconds += charge.estimated_seconds
        for pod_id, usd in charge.pods.items():
            had = hour.pods.get(pod_id, 0.0)
            hour.pods[pod_id] = had + usd
            nano = to_nano(had + usd)
            hour.pods_nano += nano - to_nano(had)
            self.batch.pod_volume_hours[hour.hour, pod_id, state.object_id] = nano
        paid = to_nano(hour.usd)
        self.batch.object_hours[hour.hour, state.object_id, hour.namespace, hour.claim] = ObjectCost(
            paid, hour.pods_nano, hour.seconds, hour.estimated_seconds
        )
        component = _OBJECT_COMPONENTS[state.kind]
        self._add(hour.hour, hour.namespace, NO_MONEY._replace(**{component: paid - before}))
        self._count(f"{COMPONENTS_COUNTER}.{component}", paid - before)

    def settled_object(self, state: ObjectState, through_ns: int) -> None:
        """Note how far an object is settled; hours that are full will grow no more."""
        state.settled_through_ns = through_ns
        state.hours = [hour for hour in state.hours if (hour.hour + _SECONDS_PER_HOUR) * NS_PER_SECOND > through_ns]
        self.batch.object_states[state.uid] = state

    def count_traffic(self, namespace: str, traffic: Traffic) -> None:
        """Add to what the pods of a namespace sent, received, read and wrote."""
        total = self._traffic.get(namespace, NO_TRAFFIC).plus(traffic)
        self._traffic[namespace] = self.batch.namespace_traffic[namespace] = total

    def book(self, node: NodeState, hours: list[HourCharges[str]], pods: Mapping[str, Pod]) -> None:
        """Add charges to the rows of a node's hours; `pods` are by the keys of the charges."""
        for charges in hours:
            hour = charges.hour_start_ns // NS_PER_SECOND
            running = self._running(node, hour)
            before = _node_money(running)
            _add_node(running, charges)
            sent = 0
            by_namespace = defaultdict[str, list[int]](lambda: [0, 0, 0, 0, 0])
            for key, charge in charges.pods.items():
                pod = pods[key]
                self._book_pod(node, running, pod, charge, by_namespace[pod.namespace])
            for namespace, (cpu, memory, gpu, savings, network) in by_namespace.items():
                running.pods_nano += cpu + memory + gpu
                running.pods_savings_nano += savings
                sent += network
                self._add(hour, namespace, Money(cpu, memory, gpu, savings, network=network))
            after = _node_money(running)
            self.batch.node_hours[hour, node.node_id] = after
            self._add(hour, SYSTEM, after.system.minus(before.system))
            self._add(hour, IDLE, after.idle.minus(before.idle))
            self._count(f"{NODES_COUNTER}.{node.capacity_type}", after.paid - before.paid)
            if rest := after.network - before.network:
                self._add(hour, CLUSTER, Money(network=rest))
            if sent + rest:
                self._count(f"{COMPONENTS_COUNTER}.{NETWORK}", sent + rest)

    def settled(self, node: NodeState, through_ns: int) -> None:
        """Note how far a node is settled; hours that are full will grow no more."""
        node.settled_through_ns = through_ns
        node.hours = [hour for hour in node.hours if (hour.hour + _SECONDS_PER_HOUR) * NS_PER_SECOND > through_ns]
        self.touch(node)

    def touch(self, node: NodeState) -> None:
        """Let the next commit write a node's state."""
        self.batch.nodes[node.uid] = node

    def write_pod(self, pod: Pod, node: NodeState) -> int:
        """Let the next commit write who a pod is; return its number in the ledger."""
        if pod.written and pod.pod_id is not None:
            return pod.pod_id
        if pod.pod_id is None:
            pod.pod_id = self._next_pod_id
            self._next_pod_id += 1
        requests = pod.request
        settled_to_end = pod.end_ns is not None and pod.end_ns <= node.settled_through_ns
        self.batch.pods[pod.pod_id] = PodRow(
            pod_id=pod.pod_id,
            uid=pod.uid,
            usage_uid=pod.usage_uid,
            namespace=pod.namespace,
            name=pod.name,
            node_id=node.node_id,
            workload_kind=pod.workload_kind,
            workload=pod.workload,
            start_ns=pod.start_ns,
            end_ns=pod.end_ns if settled_to_end else None,
            vcpu_request=requests.vcpu,
            memory_gib_request=requests.memory_gib,
            gpus=requests.gpus,
            claims="\n".join(pod.claims),
            labels="\n".join(pod.labels),
        )
        pod.written = settled_to_end or pod.end_ns is None
        return pod.pod_id

    def follow(self, cursor: StreamCursor) -> None:
        """Note where the usage stream is read to: every sample up to there is in the batch or was ignored."""
        self.stream = self.batch.stream = cursor

    def fold(self, counters: Mapping[str, float]) -> None:
        """Take over the running totals of other processes' counters."""
        self._counters.update(counters)
        self.batch.counters.update(counters)

    def note_price(self, change: PriceChangeRow) -> None:
        """Let the next commit write since when a price holds."""
        self.batch.price_changes[change.price_key, change.since_ns] = change

    async def commit(self, now_ns: int) -> None:
        """Write all that was booked, and then show it. Raises StoreError; nothing is lost by it."""
        if self._sharing.any:
            self._share()
        if self.batch:
            batch, self.batch = self.batch, Batch()
            try:
                await self._store.commit(batch)
            except BaseException:
                self.batch = merged(batch, self.batch)
                raise
        self.totals = self._view(now_ns)

    def _running(self, node: NodeState, hour: int) -> RunningHour:
        for running in node.hours:
            if running.hour == hour:
                return running
        running = RunningHour(hour=hour, node=Running(), system=Running(), idle=Running(), pods={})
        node.hours = [*node.hours, running]
        return running

    def _book_pod(self, node: NodeState, hour: RunningHour, pod: Pod, charge: PodCharge, added: list[int]) -> None:
        """Add a charge to its row, and what the row's whole nano-USD grow by to `added`.

        That is cpu, memory, gpu, savings, network.
        """
        pod_id = pod.pod_id
        if pod_id is None or not pod.written:
            pod_id = self.write_pod(pod, node)
        row = hour.pods.get(pod_id)
        if row is None:
            row = hour.pods[pod_id] = Running()
        # Rounded here and not by `_money`: this is done for each pod of each sample.
        added[0] -= round(row.cpu * NANO_PER_USD)
        added[1] -= round(row.memory * NANO_PER_USD)
        row.cpu += charge.cpu
        row.memory += charge.memory
        row.seconds += charge.seconds
        row.estimated_seconds += charge.estimated_seconds
        cpu, memory = round(row.cpu * NANO_PER_USD), round(row.memory * NANO_PER_USD)
        gpu = savings = network = 0
        added[0] += cpu
        added[1] += memory
        if charge.gpu or row.gpu or charge.savings or row.savings:  # most have neither
            added[2] -= to_nano(row.gpu)
            added[3] -= to_nano(row.savings)
            row.gpu += charge.gpu
            row.savings += charge.savings
            gpu, savings = to_nano(row.gpu), to_nano(row.savings)
            added[2] += gpu
            added[3] += savings
        if charge.network or row.network:
            added[4] -= to_nano(row.network)
            row.network += charge.network
            network = to_nano(row.network)
            added[4] += network
        self.batch.pod_hours[hour.hour, pod_id] = PodHour(
            Money(cpu, memory, gpu, savings, 0, network), row.seconds, row.estimated_seconds
        )

    def _add(self, hour: int, namespace: str, money: Money) -> None:
        if self._sharing.any and not money.shared:
            own = self._own_hours.setdefault(hour, {})
            own[namespace] = own.get(namespace, 0) + money.total
            if self._sharing.lines.get(namespace, "none") != "none":
                given = self._unshared.setdefault(hour, {})
                given[namespace] = given.get(namespace, 0) + money.total
        key = (hour, namespace)
        self.batch.namespace_hours[key] = self.batch.namespace_hours.get(key, Money()).plus(money)
        known = self._namespaces.get(namespace, _NO_TOTAL)
        total = known.money.plus(money)
        self._namespaces[namespace] = self.batch.namespace_totals[namespace] = NamespaceTotal(
            total,
            max(known.counter, total.total),
            max(known.savings_counter, total.savings),
            known.resource_counters.highest(total._replace(savings=0)),
        )
        hours = self._hours.setdefault(namespace, {})
        hours[hour] = hours.get(hour, 0) + money.total
        days = self._days.setdefault(namespace, {})
        day = hour // _SECONDS_PER_DAY
        days[day] = days.get(day, 0) + money.total

    def _share(self) -> None:
        """Move what has come to those lines that are shared since the last time, hour by hour.

        Of an hour in which nobody else has cost anything yet it waits for who does.
        """
        for hour, given in list(self._unshared.items()):
            moved = self._sharing.moved(self._own_hours[hour], given)
            if moved:
                del self._unshared[hour]
            for namespace, nano in moved.items():
                self._add(hour, namespace, Money(shared=nano))
        newest = max(self._own_hours, default=0)
        for hour in [hour for hour in self._own_hours if hour < newest - SHARED_HOURS * _SECONDS_PER_HOUR]:
            del self._own_hours[hour]
            self._unshared.pop(hour, None)

    def _count(self, name: str, amount: int) -> None:
        value = self._counters.get(name, 0) + amount
        self._counters[name] = self.batch.counters[name] = value

    def _view(self, now_ns: int) -> Totals:
        first_day = month_start(now_ns) // _SECONDS_PER_DAY
        for namespace, days in self._days.items():
            if any(day < first_day for day in days):
                self._days[namespace] = {day: nano for day, nano in days.items() if day >= first_day}
        first_hour = now_ns // NS_PER_SECOND - KEPT_HOURS * _SECONDS_PER_HOUR
        for namespace, hours in list(self._hours.items()):
            if any(hour < first_hour for hour in hours):
                self._hours[namespace] = {hour: nano for hour, nano in hours.items() if hour >= first_hour}
        nodes = self._counted(NODES_COUNTER)
        own = (NODES_COUNTER + ".", COMPONENTS_COUNTER + ".")
        return Totals(
            started_at_ns=self.started_at_ns,
            namespaces=dict(self._namespaces),
            days={namespace: dict(days) for namespace, days in self._days.items()},
            hours={namespace: dict(hours) for namespace, hours in self._hours.items()},
            nodes=nodes,
            settled_through_ns=min((node.settled_through_ns for node in self.nodes.values()), default=None),
            counters={name: value for name, value in self._counters.items() if not name.startswith(own)},
            components={COMPUTE: sum(nodes.values()), **self._counted(COMPONENTS_COUNTER)},
            traffic=dict(self._traffic),
        )

    def _counted(self, prefix: str) -> dict[str, int]:
        """Return the ledger's own counters whose names begin so, by what follows."""
        return {
            name.removeprefix(prefix + "."): int(value)
            for name, value in self._counters.items()
            if name.startswith(prefix + ".")
        }


def _money(row: Running) -> Money:
    return Money(to_nano(row.cpu), to_nano(row.memory), to_nano(row.gpu), to_nano(row.savings))


def _add_node(running: RunningHour, charges: HourCharges[str]) -> None:
    running.node.cpu += charges.paid
    running.node.savings += charges.saved
    running.node.network += charges.network
    running.node.seconds += charges.seconds
    running.node.estimated_seconds += charges.estimated_seconds
    _add_usd(running.system, charges.system)
    _add_usd(running.idle, charges.idle)


def _add_usd(row: Running, usd: Usd) -> None:
    row.cpu += usd.cpu
    row.memory += usd.memory
    row.gpu += usd.gpu


def _node_money(hour: RunningHour) -> NodeHour:
    """Return a node's hour in whole nano-USD: idle takes what rounding leaves, so that all adds up."""
    paid, saved = to_nano(hour.node.cpu), to_nano(hour.node.savings)
    system = _money(hour.system)
    idle_memory, idle_gpu = to_nano(hour.idle.memory), to_nano(hour.idle.gpu)
    idle_cpu = paid - hour.pods_nano - system.total - idle_memory - idle_gpu
    idle = Money(idle_cpu, idle_memory, idle_gpu, saved - hour.pods_savings_nano)
    network = to_nano(hour.node.network)
    return NodeHour(paid, saved, system, idle, hour.node.seconds, hour.node.estimated_seconds, network)


def _object_hour(state: ObjectState, charge: ObjectCharge) -> ObjectHour:
    for hour in state.hours:
        if (hour.hour, hour.namespace, hour.claim) == charge[:3]:
            return hour
    hour = ObjectHour(hour=charge.hour, namespace=charge.namespace, claim=charge.claim)
    state.hours = [*state.hours, hour]
    return hour
