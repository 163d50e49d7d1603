"""The simulated cluster: everything in it, advanced from event to event at any speed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from kube_cost_simulator.agenda import Agenda
from kube_cost_simulator.clock import Clock
from kube_cost_simulator.controllers.control import NANOSECONDS_PER_SECOND, Control
from kube_cost_simulator.controllers.daemons import DaemonController
from kube_cost_simulator.controllers.jobs import BarePodController, CronJobController, JobController
from kube_cost_simulator.controllers.replicas import ReplicasController
from kube_cost_simulator.fargate import FargateNodes
from kube_cost_simulator.history import History
from kube_cost_simulator.names import Names
from kube_cost_simulator.nodes import NodeLifecycle
from kube_cost_simulator.objects.cluster import namespace_object
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.pods import PodLifecycle
from kube_cost_simulator.readings import NodeReading
from kube_cost_simulator.recording import Recorder
from kube_cost_simulator.resizing import Resizer
from kube_cost_simulator.resources import NAMESPACES
from kube_cost_simulator.restarting import Restarter
from kube_cost_simulator.scenario import NamespaceChange, NodeFact, Resize, Scenario, WorkloadFact
from kube_cost_simulator.scheduling import NodeRoom, Scheduler
from kube_cost_simulator.services import ServiceLifecycle
from kube_cost_simulator.store import ObjectStore, StoreEvent
from kube_cost_simulator.volumes import VolumeLifecycle


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
        self.history = History(prices=scenario.prices)
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
        self._nodes = NodeLifecycle(
            agenda=self.agenda, store=self.store, names=self.names, pods=self.pods, history=self.history
        )
        self._nodes.on_joined = self._node_joined
        fargate = FargateNodes(nodes=self._nodes)
        self.pods.node_made_for = fargate.node_for
        self.pods.on_removed = fargate.pod_removed
        self._volumes = VolumeLifecycle(agenda=self.agenda, store=self.store, names=self.names, pods=self.pods)
        self._services = ServiceLifecycle(agenda=self.agenda, store=self.store, names=self.names)
        self._recorder = Recorder(store=self.store, agenda=self.agenda, history=self.history)
        self.resizer = Resizer(lifecycle=self.pods)
        self.restarter = Restarter(lifecycle=self.pods, names=self.names)
        self.pods.on_started = self.restarter.plan
        self.pods.on_ended = self._nodes.pod_ended
        self.controllers: dict[tuple[str, str, str], Controller] = {}
        self.after_changes: Callable[[Sequence[StoreEvent]], None] | None = None
        self._clock = clock
        self._events: list[StoreEvent] = []
        self._now_ns = 0

    @property
    def now_ns(self) -> int:
        """The time it was advanced to, Unix nanoseconds."""
        return self._now_ns

    def start(self) -> list[StoreEvent]:
        """Make everything that is there at the beginning, now by the clock; returns the changes."""
        self._now_ns = start_ns = self._clock.now_ns()
        self.history.started_ns = self.history.through_ns = self.agenda.now_ns = start_ns
        self._recorder.start()
        self.store.listen(self._events.append)
        scenario = self.scenario
        for namespace in scenario.namespaces:
            content = namespace_object(namespace, uid=self.names.uid(), created_ns=start_ns)
            self.store.put(NAMESPACES, content)
        self._volumes.make_classes(scenario.storage_classes, start_ns)
        for volume in scenario.volumes:
            self._volumes.plan(volume, start_ns)
        for service in scenario.services:
            self._services.plan(service, start_ns)
        for node in scenario.nodes:
            self._nodes.plan(node, start_ns)
        for workload in scenario.workloads:
            controller = self._controller(workload)
            self.controllers[workload.kind, workload.namespace, workload.name] = controller
            self._later(workload.starts_after_seconds, partial(self._start_workload, workload, controller), start_ns)
        for change in scenario.price_changes:
            self._later(change.after_seconds, partial(self._nodes.change_price, change), start_ns)
        for walk in scenario.price_walks:
            self._nodes.plan_walk(walk, next(node for node in scenario.nodes if node.name == walk.node), start_ns)
        for resize in scenario.resizes:
            self._later(resize.after_seconds, partial(self._resize, resize), start_ns)
        for written in scenario.namespace_changes:
            self._later(written.after_seconds, partial(self._write_on_namespace, written), start_ns)
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

    def _controller(self, fact: WorkloadFact, which: str = "") -> Controller:
        chance = self.names.chance(f"{fact.kind}/{fact.namespace}/{fact.name}{which}")
        control = Control(self.agenda, self.store, self.names, self.pods, chance)
        if fact.kind in {"Deployment", "StatefulSet", "Rollout", "CloneSet"}:
            return ReplicasController(fact=fact, control=control)
        if fact.kind == "DaemonSet":
            return DaemonController(fact=fact, control=control)
        if fact.kind == "Job":
            return JobController(fact=fact, control=control, name=fact.name)
        if fact.kind == "CronJob":
            return CronJobController(fact=fact, control=control)
        return BarePodController(fact=fact, control=control)

    def _write_on_namespace(self, change: NamespaceChange, _at_ns: int) -> None:
        stored = self.store.get(NAMESPACES, "", change.namespace)
        if stored is None:
            return
        metadata = dict(stored.content["metadata"])
        for part, changes in (("labels", change.labels), ("annotations", change.annotations)):
            written = {**metadata.get(part, {}), **changes}
            metadata[part] = {key: value for key, value in written.items() if value is not None}
        self.store.put(NAMESPACES, {**stored.content, "metadata": metadata})

    def _node_joined(self, name: str, at_ns: int) -> None:
        """Let those who want a pod on each node, or on this one, make it."""
        for controller in self.controllers.values():
            if isinstance(controller, DaemonController | BarePodController):
                controller.node_joined(name, at_ns)

    def _start_workload(self, fact: WorkloadFact, controller: Controller, at_ns: int) -> None:
        controller.start(at_ns)
        if fact.remade_after_seconds is not None:
            self._later(fact.remade_after_seconds, partial(self._unmake, fact, controller), at_ns)

    def _unmake(self, fact: WorkloadFact, controller: Controller, at_ns: int) -> None:
        """Delete a workload that will be made again, unless somebody has deleted it."""
        key = (fact.kind, fact.namespace, fact.name)
        if self.controllers.get(key) is controller:
            self.controllers.pop(key).delete(at_ns)
            self._later(fact.away_seconds, partial(self._remake, fact), at_ns)

    def _remake(self, fact: WorkloadFact, at_ns: int) -> None:
        controller = self._controller(fact, f"/{at_ns}")
        self.controllers[fact.kind, fact.namespace, fact.name] = controller
        self._start_workload(fact, controller, at_ns)

    def _resize(self, resize: Resize, at_ns: int) -> None:
        for (_, namespace, name), controller in self.controllers.items():
            if (namespace, name) == (resize.namespace, resize.workload):
                for pod in controller.pods():
                    self.resizer.resize(pod, resize.container, resize.requests, at_ns)
        if resize.cycle_seconds is not None:
            self._later(resize.cycle_seconds, partial(self._resize, resize), at_ns)

    @property
    def nodes(self) -> Mapping[str, NodeRoom]:
        """The nodes that are there, by name."""
        return self.scheduler.rooms

    def reading(self, node: str, at_ns: int | None = None) -> NodeReading:
        """The counters of a node at `at_ns`, by default at the time it was advanced to; KeyError if it isn't there."""
        return self._nodes.reading(node, self._now_ns if at_ns is None else at_ns)

    def remove_node(self, name: str) -> None:
        """Take a node away now."""
        self._nodes.leave(name, self._now_ns)

    def add_node(self, fact: NodeFact) -> None:
        """Add a node now."""
        self._nodes.join(fact, self._now_ns)
