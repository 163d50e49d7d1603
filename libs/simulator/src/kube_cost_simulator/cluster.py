"""The simulated cluster: everything in it, advanced from event to event at any speed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from kube_cost_simulator.agenda import Agenda
from kube_cost_simulator.clock import Clock
from kube_cost_simulator.controllers.control import NANOSECONDS_PER_SECOND, Control
from kube_cost_simulator.controllers.daemons import DaemonController
from kube_cost_simulator.controllers.jobs import BarePodController, CronJobController, JobController
from kube_cost_simulator.controllers.replicas import ReplicasController
from kube_cost_simulator.history import History, NodeHistory, NodePrice
from kube_cost_simulator.names import Names
from kube_cost_simulator.objects.cluster import (
    namespace_object,
    node_object,
    service_object,
    storage_class_object,
    volume_objects,
)
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.pods import PodLifecycle
from kube_cost_simulator.readings import NodeCounters, NodeReading
from kube_cost_simulator.resizing import Resizer
from kube_cost_simulator.resources import (
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    SERVICES,
    STORAGE_CLASSES,
)
from kube_cost_simulator.scenario import NodeFact, PriceChange, Resize, Scenario, ServiceFact, WorkloadFact
from kube_cost_simulator.scheduling import NodeRoom, Scheduler
from kube_cost_simulator.store import ObjectStore, StoreEvent
from kube_cost_simulator.usage import steady


class Controller(Protocol):
    """What looks after one workload."""

    def start(self, at_ns: int) -> None:
        """Write the workload and its pods."""

    def pods(self) -> list[PodState]:
        """Its pods."""

    def delete(self, at_ns: int) -> None:
        """Remove it."""


class SimulatedCluster:
    """A cluster made from a scenario and a seed. `start` it, then `advance_to` any time; nothing happens by itself."""

    def __init__(self, *, scenario: Scenario, seed: int, clock: Clock, log_capacity: int = 5_000) -> None:
        self.scenario = scenario
        self.history = History()
        self.store = ObjectStore(log_capacity=log_capacity)
        self.names = Names(seed=seed)
        self.agenda = Agenda()
        self.scheduler = Scheduler()
        self.pods = PodLifecycle(
            agenda=self.agenda,
            store=self.store,
            names=self.names,
            scheduler=self.scheduler,
            history=self.history,
            delays=scenario.delays,
        )
        self.pods.on_ended = self._pod_ended
        self.resizer = Resizer(lifecycle=self.pods)
        self.controllers: dict[tuple[str, str, str], Controller] = {}
        self.after_changes: Callable[[Sequence[StoreEvent]], None] | None = None
        self._clock = clock
        self._counters: dict[str, NodeCounters] = {}
        self._nodes_made = 0
        self._events: list[StoreEvent] = []
        self._now_ns = 0

    @property
    def now_ns(self) -> int:
        """The time it was advanced to, Unix nanoseconds."""
        return self._now_ns

    def start(self) -> list[StoreEvent]:
        """Make everything that is there at the beginning, now by the clock; returns the changes."""
        self._now_ns = start_ns = self._clock.now_ns()
        self.history.started_ns = self.history.through_ns = start_ns
        self.store.listen(self._events.append)
        scenario = self.scenario
        for namespace in scenario.namespaces:
            content = namespace_object(namespace, uid=self.names.uid(), created_ns=start_ns)
            self.store.put(NAMESPACES, content)
        self._make_volumes(start_ns)
        for service in scenario.services:
            self._make_service(service, start_ns)
        for node in scenario.nodes:
            self._later(node.joins_after_seconds, partial(self._join, node), start_ns)
            if node.leaves_after_seconds is not None:
                self._later(node.leaves_after_seconds, partial(self._leave, node.name), start_ns)
        for workload in scenario.workloads:
            controller = self._controller(workload)
            self.controllers[workload.kind, workload.namespace, workload.name] = controller
            self._later(workload.starts_after_seconds, controller.start, start_ns)
        for change in scenario.price_changes:
            self._later(change.after_seconds, partial(self._price, change), start_ns)
        for resize in scenario.resizes:
            self._later(resize.after_seconds, partial(self._resize, resize), start_ns)
        self.agenda.run_until(start_ns)
        return self._taken()

    def advance(self) -> list[StoreEvent]:
        """Advance to the clock's time."""
        return self.advance_to(self._clock.now_ns())

    def advance_to(self, time_ns: int) -> list[StoreEvent]:
        """Let everything happen that is due until `time_ns` (Unix nanoseconds); returns the changes, in order."""
        if time_ns > self._now_ns:
            self.agenda.run_until(time_ns)
            self._now_ns = self.history.through_ns = time_ns
        return self._taken()

    def _taken(self) -> list[StoreEvent]:
        events = list(self._events)
        self._events.clear()
        if events and self.after_changes is not None:
            self.after_changes(events)
        return events

    def _later(self, after_seconds: int, action: Callable[[int], None], start_ns: int) -> None:
        self.agenda.at(start_ns + after_seconds * NANOSECONDS_PER_SECOND, action)

    def _controller(self, fact: WorkloadFact) -> Controller:
        chance = self.names.chance(f"{fact.kind}/{fact.namespace}/{fact.name}")
        control = Control(self.agenda, self.store, self.names, self.pods, chance)
        if fact.kind in {"Deployment", "StatefulSet"}:
            return ReplicasController(fact=fact, control=control)
        if fact.kind == "DaemonSet":
            return DaemonController(fact=fact, control=control)
        if fact.kind == "Job":
            return JobController(fact=fact, control=control, name=fact.name)
        if fact.kind == "CronJob":
            return CronJobController(fact=fact, control=control)
        return BarePodController(fact=fact, control=control)

    def _make_volumes(self, at_ns: int) -> None:
        drivers = {}
        for storage_class in self.scenario.storage_classes:
            drivers[storage_class.name] = storage_class.provisioner
            content = storage_class_object(storage_class, uid=self.names.uid(), created_ns=at_ns)
            self.store.put(STORAGE_CLASSES, content)
        for fact in self.scenario.volumes:
            volume, claim = volume_objects(
                fact,
                driver=drivers[fact.storage_class],
                volume_uid=self.names.uid(),
                claim_uid=self.names.uid(),
                created_ns=at_ns,
            )
            if claim is not None:
                self.store.put(PERSISTENT_VOLUME_CLAIMS, claim)
            self.store.put(PERSISTENT_VOLUMES, volume)

    def _make_service(self, fact: ServiceFact, at_ns: int) -> None:
        self.store.put(SERVICES, service_object(fact, uid=self.names.uid(), created_ns=at_ns))
        if fact.type == "LoadBalancer" and fact.hostname is not None:
            self._later(fact.address_after_seconds, partial(self._give_address, fact), at_ns)

    def _give_address(self, fact: ServiceFact, _at_ns: int) -> None:
        stored = self.store.get(SERVICES, fact.namespace, fact.name)
        if stored is not None:
            status = {"loadBalancer": {"ingress": [{"hostname": fact.hostname}]}}
            self.store.put(SERVICES, {**stored.content, "status": status})

    def _join(self, fact: NodeFact, at_ns: int) -> None:
        """A node appears."""
        self._nodes_made += 1
        uid = self.names.uid()
        ip = f"10.0.{self._nodes_made // 250}.{self._nodes_made % 250 + 1}"
        room = NodeRoom(fact, uid, ip, self._nodes_made % 256)
        content = node_object(
            fact,
            uid=uid,
            created_ns=at_ns,
            internal_ip=ip,
            pod_subnet=room.pod_subnet,
            boot_id=self.names.uid(),
        )
        self.store.put(NODES, content)
        self.scheduler.rooms[fact.name] = room
        pods = self.pods.by_node.setdefault(fact.name, {})
        system = steady(fact.system_rates).timeline(start_ns=at_ns, chance=self.names.chance("system"))
        self._counters[fact.name] = NodeCounters(pods=pods, system=system)
        price = NodePrice(at_ns, fact.on_demand_usd_per_hour, fact.spot_usd_per_hour)
        self.history.nodes.append(
            NodeHistory(
                name=fact.name,
                uid=uid,
                capacity_type=fact.capacity_type,
                shape=fact.shape,
                allocatable=fact.allocatable,
                weights=fact.weights,
                created_ns=at_ns,
                deleted_ns=None,
                prices=[price],
            )
        )
        for controller in self.controllers.values():
            if isinstance(controller, DaemonController):
                controller.node_joined(fact.name, at_ns)
        self.pods.retry_pending(at_ns)

    def _leave(self, name: str, at_ns: int) -> None:
        """A node is gone, and its pods with it."""
        if self.scheduler.rooms.pop(name, None) is None:
            return
        self.history.node(name).deleted_ns = at_ns
        self.store.remove(NODES, "", name)
        for pod in list(self.pods.pods.values()):
            if pod.node == name:
                self.pods.remove(pod, at_ns)
        del self.pods.by_node[name]
        del self._counters[name]

    def _price(self, change: PriceChange, at_ns: int) -> None:
        price = NodePrice(at_ns, change.on_demand_usd_per_hour, change.spot_usd_per_hour)
        self.history.node(change.node).prices.append(price)

    def _resize(self, resize: Resize, at_ns: int) -> None:
        for (_, namespace, name), controller in self.controllers.items():
            if (namespace, name) == (resize.namespace, resize.workload):
                for pod in controller.pods():
                    self.resizer.resize(pod, resize.container, resize.requests, at_ns)

    def _pod_ended(self, pod: PodState, at_ns: int) -> None:
        if pod.node is not None and pod.started_ns is not None and pod.node in self._counters:
            self._counters[pod.node].pod_ended(pod, at_ns)

    @property
    def nodes(self) -> Mapping[str, NodeRoom]:
        """The nodes that are there, by name."""
        return self.scheduler.rooms

    def reading(self, node: str, at_ns: int | None = None) -> NodeReading:
        """The counters of a node at `at_ns`, by default at the time it was advanced to; KeyError if it isn't there."""
        return self._counters[node].reading(self._now_ns if at_ns is None else at_ns)

    def remove_node(self, name: str) -> None:
        """Take a node away now."""
        self._leave(name, self._now_ns)

    def add_node(self, fact: NodeFact) -> None:
        """Add a node now."""
        self._join(replace(fact, joins_after_seconds=0), self._now_ns)
