"""Jobs, CronJobs and bare pods: what ends by itself."""

from typing import Any

from kube_cost_simulator.controllers.control import NANOSECONDS_PER_SECOND, Control
from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.workloads import cron_job_spec, job_spec, new_object, owner_reference
from kube_cost_simulator.pod_state import PodOrder, PodState
from kube_cost_simulator.resources import CRON_JOBS, JOBS, NODES
from kube_cost_simulator.scenario import WorkloadFact

Json = dict[str, Any]
BACKOFF_LIMIT = 1
RETRY_SECONDS = 10


def drawn_run_ns(fact: WorkloadFact, control: Control) -> int | None:
    """How long a pod of a workload runs, nanoseconds; None for ever."""
    if fact.run_seconds is None:
        return None
    shortest, longest = fact.run_seconds
    return control.chance.randint(shortest * 1000, longest * 1000) * 1_000_000


class JobController:
    """One Job: a pod that runs once, and once more if it fails."""

    def __init__(self, *, fact: WorkloadFact, control: Control, name: str, owner: Json | None = None) -> None:
        self._fact = fact
        self._control = control
        self._name = name
        self._owner = owner
        self._labels: dict[str, str] = {}
        self._pods: list[PodState] = []
        self._failed_uids: set[str] = set()
        self._finished = False
        self._started_ns = 0

    def start(self, at_ns: int) -> None:
        """Write the Job and its first pod."""
        fact, uid = self._fact, self._control.names.uid()
        self._labels = {
            **fact.template.labels,
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": self._name,
            "controller-uid": uid,
            "job-name": self._name,
        }
        head = new_object(
            JOBS,
            name=self._name,
            namespace=fact.namespace,
            uid=uid,
            created_ns=at_ns,
            labels=fact.template.labels,
            owner=self._owner,
        )
        selector = {"batch.kubernetes.io/controller-uid": uid}
        spec = job_spec(fact, selector, BACKOFF_LIMIT)
        self._started_ns = at_ns
        status = {"startTime": rfc3339(at_ns), "active": 1, "ready": 0, "terminating": 0}
        self._control.store.put(JOBS, {**head, "spec": spec, "status": status})
        self._run(at_ns)

    def _run(self, at_ns: int) -> None:
        owner = self._control.store.get(JOBS, self._fact.namespace, self._name)
        if owner is None:
            return
        failed = self._control.chance.randrange(100) < self._fact.failure_percent
        generate_name = f"{self._name}-"
        order = PodOrder(
            namespace=self._fact.namespace,
            name=generate_name + self._control.names.suffix(),
            generate_name=generate_name,
            template=self._fact.template,
            owner=owner_reference(owner),
            labels=self._labels,
            restart_policy="Never",
            run_ns=drawn_run_ns(self._fact, self._control),
            exit_code=1 if failed else 0,
            on_change=self._on_change,
            workload=(self._fact.kind, self._fact.name),
        )
        self._pods.append(self._control.pods.create(order, at_ns))

    def pods(self) -> list[PodState]:
        """Its pods."""
        return list(self._pods)

    def delete(self, at_ns: int) -> None:
        """Remove the Job and its pods."""
        self._finished = True
        self._control.store.remove(JOBS, self._fact.namespace, self._name)
        for pod in self._pods:
            self._control.pods.delete(pod, at_ns)

    def _on_change(self, pod: PodState, at_ns: int) -> None:
        if self._finished:
            return
        if pod.running:
            self._control.update(JOBS, self._fact.namespace, self._name, status={"ready": 1})
        elif pod.ended_ns is not None and not pod.terminating and pod.exit_code == 0:
            self._finish("Complete", at_ns)
        elif pod.ended_ns is not None:
            if pod.uid in self._failed_uids:
                return
            self._failed_uids.add(pod.uid)
            if len(self._failed_uids) > BACKOFF_LIMIT:
                self._finish("Failed", at_ns)
            else:
                self._control.update(
                    JOBS, self._fact.namespace, self._name, status={"failed": len(self._failed_uids), "ready": 0}
                )
                self._control.agenda.at(at_ns + RETRY_SECONDS * NANOSECONDS_PER_SECOND, self._run)

    def _finish(self, condition: str, at_ns: int) -> None:
        self._finished = True
        now = rfc3339(at_ns)
        reason = "CompletionsReached" if condition == "Complete" else "BackoffLimitExceeded"
        conditions = [
            {"type": kind, "status": "True", "lastProbeTime": now, "lastTransitionTime": now, "reason": reason}
            for kind in ("SuccessCriteriaMet" if condition == "Complete" else "FailureTarget", condition)
        ]
        status: Json = {"conditions": conditions, "startTime": rfc3339(self._started_ns), "terminating": 0, "ready": 0}
        if condition == "Complete":
            status |= {"completionTime": now, "succeeded": 1}
        if self._failed_uids:
            status["failed"] = len(self._failed_uids)
        stored = self._control.store.get(JOBS, self._fact.namespace, self._name)
        if stored is not None:
            self._control.store.put(JOBS, {**stored.content, "status": status})
        self._control.agenda.at(at_ns + self._fact.keep_seconds * NANOSECONDS_PER_SECOND, self.delete)


class CronJobController:
    """Starts a Job every period."""

    def __init__(self, *, fact: WorkloadFact, control: Control) -> None:
        self._fact = fact
        self._control = control
        self._jobs: list[JobController] = []
        self._gone = False

    def start(self, at_ns: int) -> None:
        """Write the CronJob; its first Job starts at once."""
        fact = self._fact
        head = new_object(
            CRON_JOBS,
            name=fact.name,
            namespace=fact.namespace,
            uid=self._control.names.uid(),
            created_ns=at_ns,
            labels=fact.template.labels,
        )
        self._control.store.put(CRON_JOBS, {**head, "spec": cron_job_spec(fact, BACKOFF_LIMIT), "status": {}})
        self._run(at_ns)

    def _run(self, at_ns: int) -> None:
        owner = self._control.store.get(CRON_JOBS, self._fact.namespace, self._fact.name)
        if owner is None or self._gone:
            return
        # Kubernetes counts minutes; a shorter period, which cron doesn't have, needs seconds to stay unique.
        unit_seconds = 60 if self._fact.every_seconds % 60 == 0 else 1
        name = f"{self._fact.name}-{at_ns // (unit_seconds * NANOSECONDS_PER_SECOND)}"
        job = JobController(fact=self._fact, control=self._control, name=name, owner=owner_reference(owner))
        self._jobs = [*self._jobs[-3:], job]
        job.start(at_ns)
        status = {"lastScheduleTime": rfc3339(at_ns)}
        self._control.update(CRON_JOBS, self._fact.namespace, self._fact.name, status=status)
        self._control.agenda.at(at_ns + self._fact.every_seconds * NANOSECONDS_PER_SECOND, self._run)

    def pods(self) -> list[PodState]:
        """The pods of its last Jobs."""
        return [pod for job in self._jobs for pod in job.pods()]

    def delete(self, at_ns: int) -> None:
        """Remove the CronJob and its last Jobs."""
        self._gone = True
        self._control.store.remove(CRON_JOBS, self._fact.namespace, self._fact.name)
        for job in self._jobs:
            job.delete(at_ns)


class BarePodController:
    """A pod that nobody owns, or that a node's kubelet made from a file (a static pod)."""

    def __init__(self, *, fact: WorkloadFact, control: Control) -> None:
        self._fact = fact
        self._control = control
        self._pod: PodState | None = None
        self._wanted = False

    def node_joined(self, node: str, at_ns: int) -> None:
        """Make a static pod again: its file is on the node that came back."""
        if self._wanted and self._fact.template.static and node == self._fact.on_node:
            self.start(at_ns)

    def start(self, at_ns: int) -> None:
        """Write the pod."""
        self._wanted = True
        fact = self._fact
        owner = None
        name = fact.name
        if fact.template.static and fact.on_node is not None:
            name = f"{fact.name}-{fact.on_node}"
            node = self._control.store.get(NODES, "", fact.on_node)
            if node is None:
                return
            uid = node.content["metadata"]["uid"]
            owner = {"apiVersion": "v1", "kind": "Node", "name": fact.on_node, "uid": uid, "controller": True}
        order = PodOrder(
            namespace=fact.namespace,
            name=name,
            template=fact.template,
            owner=owner,
            restart_policy="Always" if fact.run_seconds is None else "Never",
            only_node=fact.on_node,
            bind_now=fact.on_node is not None,
            run_ns=drawn_run_ns(fact, self._control),
            exit_code=1 if self._control.chance.randrange(100) < fact.failure_percent else 0,
        )
        self._pod = self._control.pods.create(order, at_ns)

    def pods(self) -> list[PodState]:
        """The pod, once it was made."""
        return [] if self._pod is None else [self._pod]

    def delete(self, at_ns: int) -> None:
        """Let the pod go."""
        self._wanted = False
        if self._pod is not None:
            self._control.pods.delete(self._pod, at_ns)
