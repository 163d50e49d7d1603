"""The life of a node: it joins, its price moves, it leaves, and comes back under its name as another one."""

from collections.abc import Callable
from functools import partial
from random import Random

from kube_cost_simulator.agenda import Agenda
from kube_cost_simulator.history import History, NodeHistory, NodePrice
from kube_cost_simulator.names import Names
from kube_cost_simulator.objects.cluster import node_object
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.pods import PodLifecycle
from kube_cost_simulator.readings import NodeCounters, NodeReading
from kube_cost_simulator.resources import NODES
from kube_cost_simulator.scenario import NodeFact, PriceChange, PriceWalk
from kube_cost_simulator.scheduling import NodeRoom
from kube_cost_simulator.store import ObjectStore
from kube_cost_simulator.usage import steady

NANOSECONDS_PER_SECOND = 1_000_000_000


class NodeLifecycle:
    """All nodes, and what happens to each when. `on_joined` hears of each that joins."""

    def __init__(
        self, *, agenda: Agenda, store: ObjectStore, names: Names, pods: PodLifecycle, history: History
    ) -> None:
        self._agenda = agenda
        self._store = store
        self._names = names
        self._pods = pods
        self._history = history
        self._counters: dict[str, NodeCounters] = {}
        self._prices: dict[str, NodePrice] = {}
        self._made = 0
        self.on_joined: Callable[[str, int], None] | None = None

    def plan(self, fact: NodeFact, start_ns: int) -> None:
        """Let a node join and leave as its fact says, counted from `start_ns` (Unix nanoseconds)."""
        self._plan_cycle(fact, self._names.chance(f"Node/{fact.name}"), start_ns)

    def _plan_cycle(self, fact: NodeFact, chance: Random, start_ns: int) -> None:
        self._agenda.at(start_ns + fact.joins_after_seconds * NANOSECONDS_PER_SECOND, partial(self.join, fact))
        if fact.leaves_after_seconds is not None:
            later_ns = chance.randint(0, fact.jitter_seconds * 1000) * 1_000_000
            leaves_ns = start_ns + fact.leaves_after_seconds * NANOSECONDS_PER_SECOND + later_ns
            self._agenda.at(leaves_ns, partial(self.leave, fact.name))
        if fact.cycle_seconds is not None:
            next_ns = start_ns + fact.cycle_seconds * NANOSECONDS_PER_SECOND
            self._agenda.at(next_ns, partial(self._plan_cycle, fact, chance))

    def plan_walk(self, walk: PriceWalk, fact: NodeFact, start_ns: int) -> None:
        """Let a node's price move, for ever."""
        chance = self._names.chance(f"PriceWalk/{walk.node}")
        next_ns = start_ns + walk.every_seconds * NANOSECONDS_PER_SECOND
        self._agenda.at(next_ns, partial(self._walk, walk, fact, chance))

    def _walk(self, walk: PriceWalk, fact: NodeFact, chance: Random, at_ns: int) -> None:
        percent = chance.randint(100 - walk.percent, 100 + walk.percent)
        on_demand, spot = fact.on_demand_usd_per_hour, fact.spot_usd_per_hour
        if fact.capacity_type == "spot" and spot is not None:
            spot = spot * percent / 100
        else:
            on_demand = on_demand * percent / 100
        self.change_price(PriceChange(0, walk.node, on_demand, spot), at_ns)
        next_ns = at_ns + walk.every_seconds * NANOSECONDS_PER_SECOND
        self._agenda.at(next_ns, partial(self._walk, walk, fact, chance))

    def join(self, fact: NodeFact, at_ns: int) -> None:
        """A node appears, unless one of its name is there."""
        if fact.name in self._pods.scheduler.rooms:
            return
        self._made += 1
        uid = self._names.uid()
        ip = fact.internal_ip or f"10.0.{self._made // 250}.{self._made % 250 + 1}"
        room = NodeRoom(fact, uid, ip, self._made % 256)
        content = node_object(
            fact,
            uid=uid,
            created_ns=at_ns,
            internal_ip=ip,
            pod_subnet=room.pod_subnet,
            boot_id=self._names.uid(),
        )
        self._store.put(NODES, content)
        self._pods.scheduler.rooms[fact.name] = room
        pods = self._pods.by_node.setdefault(fact.name, {})
        system = steady(fact.system_rates).timeline(start_ns=at_ns, chance=self._names.chance("system"))
        self._counters[fact.name] = NodeCounters(pods=pods, system=system)
        self._history.nodes.append(
            NodeHistory(
                name=fact.name,
                uid=uid,
                capacity_type=fact.capacity_type,
                shape=fact.shape,
                allocatable=fact.allocatable,
                weights=fact.weights,
                created_ns=at_ns,
                deleted_ns=None,
                prices=[self._price_at(fact, at_ns)],
                labels=fact.labels,
                agent=fact.agent,
                pod_sized=fact.pod_sized,
                system_rates=fact.system_rates,
            )
        )
        if self.on_joined is not None:
            self.on_joined(fact.name, at_ns)
        self._pods.retry_pending(at_ns)

    def _price_at(self, fact: NodeFact, at_ns: int) -> NodePrice:
        """What a node that joins costs: its price of now, which may have moved while it was away."""
        moved = self._prices.get(fact.name)
        if moved is None:
            return NodePrice(at_ns, fact.on_demand_usd_per_hour, fact.spot_usd_per_hour)
        return NodePrice(at_ns, moved.on_demand_usd_per_hour, moved.spot_usd_per_hour)

    def leave(self, name: str, at_ns: int) -> None:
        """A node is gone, and its pods with it."""
        if self._pods.scheduler.rooms.pop(name, None) is None:
            return
        self._history.node(name).deleted_ns = at_ns
        self._store.remove(NODES, "", name)
        for pod in list(self._pods.pods.values()):
            if pod.node == name:
                self._pods.remove(pod, at_ns)
        del self._pods.by_node[name]
        del self._counters[name]

    def change_price(self, change: PriceChange, at_ns: int) -> None:
        """A node's price moves, also while it is away."""
        price = NodePrice(at_ns, change.on_demand_usd_per_hour, change.spot_usd_per_hour)
        self._prices[change.node] = price
        if change.node in self._pods.scheduler.rooms:
            self._history.node(change.node).prices.append(price)

    def pod_ended(self, pod: PodState, at_ns: int) -> None:
        """Keep what a pod had used in its node's counters."""
        if pod.node is not None and pod.started_ns is not None and pod.node in self._counters:
            self._counters[pod.node].pod_ended(pod, at_ns)

    def reading(self, node: str, at_ns: int) -> NodeReading:
        """The counters of a node at `at_ns`; KeyError if it isn't there."""
        return self._counters[node].reading(at_ns)
