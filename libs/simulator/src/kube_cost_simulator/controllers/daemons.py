"""DaemonSets: one pod on every node that the selector allows."""

from kube_cost_simulator.controllers.control import Control
from kube_cost_simulator.objects.workloads import daemon_set_spec, new_object, owner_reference
from kube_cost_simulator.pod_state import PodOrder, PodState
from kube_cost_simulator.resources import DAEMON_SETS
from kube_cost_simulator.scenario import WorkloadFact


class DaemonController:
    """Keeps a DaemonSet's pods."""

    def __init__(self, *, fact: WorkloadFact, control: Control) -> None:
        self._fact = fact
        self._control = control
        self._labels = dict(fact.template.labels) or {"app": fact.name}
        self._pods: dict[str, PodState] = {}
        self._gone = False

    def start(self, at_ns: int) -> None:
        """Write the DaemonSet, and a pod for every node that is there."""
        fact = self._fact
        head = new_object(
            DAEMON_SETS,
            name=fact.name,
            namespace=fact.namespace,
            uid=self._control.names.uid(),
            created_ns=at_ns,
            labels=self._labels,
        )
        self._control.store.put(DAEMON_SETS, {**head, "spec": daemon_set_spec(fact, self._labels), "status": {}})
        for node in list(self._control.pods.scheduler.rooms):
            self.node_joined(node, at_ns)

    def node_joined(self, node: str, at_ns: int) -> None:
        """Make the pod of a new node."""
        room = self._control.pods.scheduler.rooms.get(node)
        owner = self._control.store.get(DAEMON_SETS, self._fact.namespace, self._fact.name)
        if room is None or owner is None or self._gone or node in self._pods:
            return
        if room.fact.pod_sized is not None:
            return
        if any(room.fact.labels.get(key) != value for key, value in self._fact.template.node_selector.items()):
            return
        generate_name = f"{self._fact.name}-"
        order = PodOrder(
            namespace=self._fact.namespace,
            name=generate_name + self._control.names.suffix(),
            generate_name=generate_name,
            template=self._fact.template,
            owner=owner_reference(owner),
            labels={**self._labels, "pod-template-generation": "1"},
            only_node=node,
            workload=("DaemonSet", self._fact.name),
            on_change=self._on_change,
        )
        self._pods[node] = self._control.pods.create(order, at_ns)
        self._report()

    def pods(self) -> list[PodState]:
        """Its pods that aren't going."""
        return list(self._pods.values())

    def delete(self, at_ns: int) -> None:
        """Remove the DaemonSet and let its pods go."""
        self._gone = True
        self._control.store.remove(DAEMON_SETS, self._fact.namespace, self._fact.name)
        for pod in self.pods():
            self._control.pods.delete(pod, at_ns)

    def _on_change(self, pod: PodState, at_ns: int) -> None:
        node = pod.only_node
        if node is not None and self._pods.get(node) is pod and (pod.terminating or pod.ended_ns is not None):
            del self._pods[node]
            self.node_joined(node, at_ns)
        self._report()

    def _report(self) -> None:
        scheduled = len(self._pods)
        ready = sum(1 for pod in self._pods.values() if pod.running)
        status = {
            "currentNumberScheduled": scheduled,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": scheduled,
            "numberReady": ready,
            "observedGeneration": 1,
            "updatedNumberScheduled": scheduled,
            "numberAvailable": ready,
        }
        self._control.update(DAEMON_SETS, self._fact.namespace, self._fact.name, status=status)
