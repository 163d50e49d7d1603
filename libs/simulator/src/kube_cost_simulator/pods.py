"""The life of a pod: created, bound, started, ended, removed."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from kube_cost_simulator.agenda import Agenda
from kube_cost_simulator.containers import container_statuses, ended_states, node_time, running_states
from kube_cost_simulator.history import History, PodHistory
from kube_cost_simulator.names import Names, rfc3339
from kube_cost_simulator.objects.pods import (
    GRACE_SECONDS,
    changed_conditions,
    condition,
    pod_spec,
    quality_of_service,
    requests_of,
)
from kube_cost_simulator.pod_sizes import capacity_provisioned
from kube_cost_simulator.pod_state import PodOrder, PodState
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.resources import PODS
from kube_cost_simulator.scenario import Delays
from kube_cost_simulator.scheduling import Scheduler
from kube_cost_simulator.store import ObjectStore

Json = dict[str, Any]
NANOSECONDS_PER_MILLISECOND = 1_000_000


class PodLifecycle:
    """All pods, and what happens to each when."""

    def __init__(
        self,
        *,
        agenda: Agenda,
        store: ObjectStore,
        names: Names,
        scheduler: Scheduler,
        history: History,
        delays: Delays,
    ) -> None:
        self.agenda = agenda
        self.store = store
        self._names = names
        self.scheduler = scheduler
        self._history = history
        self.delays = delays
        self._delay_chance = names.chance("delays")
        self._usage_chance = names.chance("usage")
        self._pending: dict[str, PodState] = {}
        self.pods: dict[tuple[str, str], PodState] = {}
        self.by_node: dict[str, dict[str, PodState]] = {}
        self.on_started: Callable[[PodState, int], None] | None = None
        self.on_ended: Callable[[PodState, int], None] | None = None
        self.on_removed: Callable[[PodState, int], None] | None = None
        self.node_made_for: Callable[[PodState, int], str] | None = None

    def delay(self, milliseconds: tuple[int, int]) -> int:
        """Nanoseconds drawn from a range."""
        return self._delay_chance.randint(*milliseconds) * NANOSECONDS_PER_MILLISECOND

    def create(self, order: PodOrder, at_ns: int) -> PodState:
        """Write a new pod to the API and send it to the scheduler."""
        template = order.template
        uid = self._names.uid()
        metadata: Json = dict(order.content["metadata"]) if order.content else {}
        metadata |= {
            "name": order.name,
            "namespace": order.namespace,
            "uid": uid,
            "creationTimestamp": rfc3339(at_ns),
            "generation": 1,
        }
        if order.generate_name:
            metadata["generateName"] = order.generate_name
        labels = {**template.labels, **order.labels}
        annotations = dict(template.annotations)
        if template.fargate_profile is not None:
            labels["eks.amazonaws.com/fargate-profile"] = template.fargate_profile
            annotations["CapacityProvisioned"] = capacity_provisioned(requests_of(template, at_ns))
        if labels:
            metadata["labels"] = labels
        kubelet_uid = uid
        if template.static:
            kubelet_uid = self._names.hexadecimal(32)
            annotations |= {
                "kubernetes.io/config.hash": kubelet_uid,
                "kubernetes.io/config.mirror": kubelet_uid,
                "kubernetes.io/config.seen": rfc3339(at_ns),
                "kubernetes.io/config.source": "file",
            }
        if annotations:
            metadata["annotations"] = annotations
        if order.owner:
            metadata["ownerReferences"] = [order.owner]
        spec = pod_spec(
            template, token_suffix=self._names.suffix(), restart_policy=order.restart_policy, claims=order.claims
        )
        if order.content:
            spec = {**spec, **order.content["spec"]}
        quality = quality_of_service(template)
        pod = PodState(
            uid=uid,
            kubelet_uid=kubelet_uid,
            namespace=order.namespace,
            name=order.name,
            template=template,
            quality_of_service=quality,
            created_ns=at_ns,
            requests=[requests_of(template, at_ns)],
            container_ids={container.name: self._names.hexadecimal(64) for container in template.containers},
            claims=order.claims,
            only_node=order.only_node,
            run_ns=order.run_ns,
            exit_code=order.exit_code,
            on_change=order.on_change,
            workload=order.workload or ("Pod", order.name),
            labels=labels,
        )
        self.pods[pod.namespace, pod.name] = pod
        self.store.put(
            PODS,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                "spec": spec,
                "status": {"phase": "Pending", "qosClass": quality},
            },
        )
        if order.bind_now:
            self._bind(pod, at_ns)
        else:
            self.agenda.at(at_ns + self.delay(self.delays.bind_milliseconds), partial(self._bind, pod))
        return pod

    def update(self, pod: PodState, *, metadata: Json | None = None, spec: Json | None = None, **status: Any) -> None:
        """Write fields of a pod's metadata, spec and status to the API."""
        stored = self.store.get(PODS, pod.namespace, pod.name)
        if stored is None:
            return
        old = stored.content
        if "conditions" in status:
            status["conditions"] = changed_conditions(old["status"].get("conditions", []), status["conditions"])
        new = {**old, "status": {**old["status"], **status}}
        if metadata:
            new["metadata"] = {**old["metadata"], **metadata}
        if spec:
            new["spec"] = {**old["spec"], **spec}
        self.store.put(PODS, new)

    def _bind(self, pod: PodState, at_ns: int) -> None:
        if pod.terminating or pod.room is not None or pod.ended_ns is not None:
            return
        amount = reserved(pod.requests[-1])
        only_node = pod.only_node
        if pod.template.fargate_profile is not None and self.node_made_for is not None:
            only_node = self.node_made_for(pod, at_ns)
        selector, tolerates = pod.template.node_selector, pod.template.tolerates
        room = self.scheduler.place(amount, selector, only_node, tolerates)
        if room is None:
            if pod.uid not in self._pending:
                self._pending[pod.uid] = pod
                nodes = len(self.scheduler.rooms)
                message = f"0/{nodes} nodes are available: {nodes} Insufficient cpu or memory."
                unschedulable = condition("PodScheduled", at_ns, true=False, reason="Unschedulable", message=message)
                self.update(pod, conditions=[unschedulable])
            return
        self._pending.pop(pod.uid, None)
        self.scheduler.hold(room, amount)
        pod.room = room
        pod.requests = [replace(pod.requests[-1], from_ns=at_ns)]
        pod.history = PodHistory(
            pod.uid,
            pod.namespace,
            pod.name,
            room.uid,
            at_ns,
            pod.requests,
            workload=pod.workload,
            labels=pod.labels,
            claims=pod.claim_names,
            host_network=pod.template.host_network,
        )
        self._history.pods.append(pod.history)
        self.by_node.setdefault(room.fact.name, {})[pod.uid] = pod
        self.update(pod, spec={"nodeName": room.fact.name}, conditions=[condition("PodScheduled", at_ns)])
        self.agenda.at(at_ns + self.delay(self.delays.start_milliseconds), partial(self._start, pod))

    def _start(self, pod: PodState, at_ns: int) -> None:
        room = pod.room
        if pod.terminating or pod.ended_ns is not None or room is None or pod.history is None:
            return
        pod.started_ns = at_ns
        pod.usage = pod.history.usage = pod.template.usage.timeline(start_ns=at_ns, chance=self._usage_chance)
        pod_ip = room.internal_ip if pod.template.host_network else room.next_pod_ip()
        kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
        self.update(
            pod,
            phase="Running",
            conditions=[condition(kind, node_time(pod, at_ns)) for kind in kinds],
            hostIP=room.internal_ip,
            hostIPs=[{"ip": room.internal_ip}],
            podIP=pod_ip,
            podIPs=[{"ip": pod_ip}],
            startTime=rfc3339(node_time(pod, pod.requests[0].from_ns)),
            **container_statuses(pod, running_states(pod)),
        )
        if pod.run_ns is not None:
            self.agenda.at(at_ns + pod.run_ns, partial(self._finish, pod))
        if self.on_started is not None:
            self.on_started(pod, at_ns)
        self._tell(pod, at_ns)

    def _finish(self, pod: PodState, at_ns: int) -> None:
        """Its containers have run their course."""
        if pod.running and not pod.terminating:
            self._end_containers(pod, at_ns, pod.exit_code)
            self._tell(pod, at_ns)

    def _end_containers(self, pod: PodState, at_ns: int, exit_code: int) -> None:
        self._end(pod, at_ns)
        stamp_ns = node_time(pod, at_ns)
        reason = "PodCompleted" if exit_code == 0 else "PodFailed"
        self.update(
            pod,
            phase="Succeeded" if exit_code == 0 else "Failed",
            conditions=[
                condition("PodReadyToStartContainers", stamp_ns, true=False),
                condition("Initialized", stamp_ns, reason=reason),
                condition("Ready", stamp_ns, true=False, reason=reason),
                condition("ContainersReady", stamp_ns, true=False, reason=reason),
            ],
            **container_statuses(pod, ended_states(pod, at_ns, exit_code)),
        )

    def _end(self, pod: PodState, at_ns: int) -> None:
        """Its use and its reservation end, and who waits for room gets another chance."""
        if pod.ended_ns is not None:
            return
        pod.ended_ns = at_ns
        self._pending.pop(pod.uid, None)
        if pod.usage is not None:
            pod.usage = pod.usage.ended(at_ns)
        if pod.room is None or pod.history is None:
            return
        pod.history.usage = pod.usage
        pod.history.ended_ns = at_ns
        self.scheduler.release(pod.room, reserved(pod.requests[-1]))
        del self.by_node[pod.room.fact.name][pod.uid]
        if self.on_ended is not None:
            self.on_ended(pod, at_ns)
        self.retry_pending(at_ns)

    def retry_pending(self, at_ns: int) -> None:
        """Send the pods that found no room to the scheduler again."""
        for pod in self._pending.values():
            self.agenda.at(at_ns, partial(self._bind, pod))

    def delete(self, pod: PodState, at_ns: int, *, grace_seconds: int = GRACE_SECONDS) -> None:
        """Ask a pod to go: it stops within its grace period, and then its object is removed."""
        if pod.terminating:
            return
        pod.terminating = True
        if pod.room is None or pod.ended_ns is not None or grace_seconds == 0:
            self.remove(pod, at_ns)
            return
        deadline_ns = at_ns + grace_seconds * 1000 * NANOSECONDS_PER_MILLISECOND
        metadata = {"deletionTimestamp": rfc3339(deadline_ns), "deletionGracePeriodSeconds": grace_seconds}
        self.update(pod, metadata=metadata)
        stopped_ns = min(deadline_ns, at_ns + self.delay(self.delays.stop_milliseconds))
        removed_ns = stopped_ns + self.delay(self.delays.remove_milliseconds)
        self.agenda.at(stopped_ns, partial(self._stop, pod))
        self.agenda.at(removed_ns, partial(self.remove, pod))

    def _stop(self, pod: PodState, at_ns: int) -> None:
        if pod.ended_ns is None:
            self._end_containers(pod, at_ns, 0)

    def remove(self, pod: PodState, at_ns: int) -> None:
        """The object goes at once, and with it whatever still ran."""
        if self.pods.get((pod.namespace, pod.name)) is not pod:
            return
        pod.terminating = True
        self._end(pod, at_ns)
        del self.pods[pod.namespace, pod.name]
        self.store.remove(PODS, pod.namespace, pod.name)
        if self.on_removed is not None:
            self.on_removed(pod, at_ns)
        self._tell(pod, at_ns)

    def _tell(self, pod: PodState, at_ns: int) -> None:
        if pod.on_change is not None:
            pod.on_change(pod, at_ns)
