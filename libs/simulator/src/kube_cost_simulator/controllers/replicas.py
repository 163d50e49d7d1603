"""Deployments and Argo Rollouts with their ReplicaSet, StatefulSets, CloneSets: a number of pods, kept and changing."""

from functools import partial

from kube_cost_simulator.controllers.control import NANOSECONDS_PER_SECOND, Control
from kube_cost_simulator.objects.workloads import (
    new_object,
    owner_reference,
    replicas_spec,
    replicas_status,
    stateful_set_spec,
)
from kube_cost_simulator.pod_state import PodOrder, PodState
from kube_cost_simulator.resources import CLONE_SETS, DEPLOYMENTS, REPLICA_SETS, ROLLOUTS, STATEFUL_SETS
from kube_cost_simulator.scenario import WorkloadFact

RETRY_NS = NANOSECONDS_PER_SECOND // 2
RESOURCES = {
    "Deployment": DEPLOYMENTS,
    "StatefulSet": STATEFUL_SETS,
    "Rollout": ROLLOUTS,
    "CloneSet": CLONE_SETS,
}
HASH_LABELS = {"Deployment": "pod-template-hash", "Rollout": "rollouts-pod-template-hash"}
"""The kinds that keep their pods by a ReplicaSet, and the label by which it knows them."""


class ReplicasController:
    """Keeps the pods of a workload of one of these kinds at their number."""

    def __init__(self, *, fact: WorkloadFact, control: Control) -> None:
        self._fact = fact
        self._control = control
        self._labels = dict(fact.template.labels) or {"app": fact.name}
        self._stateful = fact.kind == "StatefulSet"
        self._resource = RESOURCES[fact.kind]
        self._hash_label = HASH_LABELS.get(fact.kind)
        self._hash = control.names.template_hash(f"{fact.namespace}/{fact.name}")
        self._replica_set = f"{fact.name}-{self._hash}"
        self._replicas = 0
        self._generation = 1
        self._pods: dict[str, PodState] = {}
        self._gone = False

    def start(self, at_ns: int) -> None:
        """Write the workload, and its first pods."""
        fact = self._fact
        self._replicas = fact.replicas
        head = new_object(
            self._resource,
            name=fact.name,
            namespace=fact.namespace,
            uid=self._control.names.uid(),
            created_ns=at_ns,
            labels=self._labels,
        )
        spec = (stateful_set_spec if self._stateful else replicas_spec)(fact, self._labels, self._replicas)
        if fact.kind == "Deployment":
            head["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
            rolling = {"maxUnavailable": "25%", "maxSurge": "25%"}
            spec |= {
                "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
            }
        stored = self._control.store.put(self._resource, {**head, "spec": spec, "status": {}})
        if self._hash_label is not None:
            labels = {**self._labels, self._hash_label: self._hash}
            head = new_object(
                REPLICA_SETS,
                name=self._replica_set,
                namespace=fact.namespace,
                uid=self._control.names.uid(),
                created_ns=at_ns,
                labels=labels,
                owner=owner_reference(stored),
            )
            spec = replicas_spec(fact, labels, self._replicas)
            self._control.store.put(REPLICA_SETS, {**head, "spec": spec, "status": {}})
        self._reconcile(at_ns)
        self._plan_steps(at_ns)

    def _plan_steps(self, cycle_start_ns: int) -> None:
        if self._gone:
            return
        for step in self._fact.replica_steps:
            self._control.agenda.at(
                cycle_start_ns + step.after_seconds * NANOSECONDS_PER_SECOND,
                partial(self.scale, step.replicas),
            )
        if self._fact.replica_steps and self._fact.cycle_seconds:
            next_ns = cycle_start_ns + self._fact.cycle_seconds * NANOSECONDS_PER_SECOND
            self._control.agenda.at(next_ns, self._plan_steps)

    def scale(self, replicas: int, at_ns: int) -> None:
        """Change how many pods there are to be."""
        if self._gone or replicas == self._replicas:
            return
        self._replicas = replicas
        self._generation += 1
        namespace, name = self._fact.namespace, self._fact.name
        changed = {"metadata": {"generation": self._generation}, "spec": {"replicas": replicas}}
        self._control.update(self._resource, namespace, name, **changed)
        if self._hash_label is not None:
            self._control.update(REPLICA_SETS, namespace, self._replica_set, **changed)
        self._reconcile(at_ns)

    def pods(self) -> list[PodState]:
        """Its pods that aren't going."""
        return list(self._pods.values())

    def delete(self, at_ns: int) -> None:
        """Remove the workload and let its pods go."""
        self._gone = True
        self._control.store.remove(self._resource, self._fact.namespace, self._fact.name)
        if self._hash_label is not None:
            self._control.store.remove(REPLICA_SETS, self._fact.namespace, self._replica_set)
        for pod in self.pods():
            self._control.pods.delete(pod, at_ns)

    def _reconcile(self, at_ns: int) -> None:
        while len(self._pods) < self._replicas:
            if not self._create(at_ns):
                break
        # A StatefulSet goes down from its highest ordinal, a Deployment from its youngest pod.
        names = sorted(self._pods, key=lambda name: int(name.rpartition("-")[2])) if self._stateful else self._pods
        for name in reversed(list(names)[self._replicas :]):
            surplus = self._pods.pop(name, None)
            if surplus is not None:
                self._control.pods.delete(surplus, at_ns)
        self._report()

    def _create(self, at_ns: int) -> bool:
        """Make one more pod; False if its name is still taken by one that is going."""
        fact, names = self._fact, self._control.names
        owner_resource, owner_name = (
            (self._resource, fact.name) if self._hash_label is None else (REPLICA_SETS, self._replica_set)
        )
        owner = self._control.store.get(owner_resource, fact.namespace, owner_name)
        if owner is None:
            return False
        if self._stateful:
            ordinal = next(n for n in range(self._replicas) if f"{fact.name}-{n}" not in self._pods)
            name, generate_name = f"{fact.name}-{ordinal}", f"{fact.name}-"
            labels = {"apps.kubernetes.io/pod-index": str(ordinal), "statefulset.kubernetes.io/pod-name": name}
            holder = self._control.pods.pods.get((fact.namespace, name))
            if holder is not None:
                if holder.on_change != self._on_change:  # a StatefulSet of before, whose pods nobody here hears of
                    self._control.agenda.at(at_ns + RETRY_NS, self._try_again)
                return False
        elif self._hash_label is not None:
            generate_name = f"{self._replica_set}-"
            name, labels = generate_name + names.suffix(), {self._hash_label: self._hash}
        else:
            generate_name, instance = f"{fact.name}-", names.suffix()
            name = generate_name + instance
            labels = {"apps.kruise.io/cloneset-instance-id": instance, "controller-revision-hash": self._replica_set}
        order = PodOrder(
            namespace=fact.namespace,
            name=name,
            generate_name=generate_name,
            template=fact.template,
            owner=owner_reference(owner),
            labels={**self._labels, **labels},
            claims={mount.claim: f"{mount.claim}-{name}" for mount in fact.template.mounts} if self._stateful else {},
            on_change=self._on_change,
            workload=(fact.kind, fact.name),
        )
        pod = self._control.pods.create(order, at_ns)
        self._pods[pod.name] = pod
        return True

    def _try_again(self, at_ns: int) -> None:
        if not self._gone:
            self._reconcile(at_ns)

    def _on_change(self, pod: PodState, at_ns: int) -> None:
        if self._pods.get(pod.name) is pod and (pod.terminating or pod.ended_ns is not None):
            del self._pods[pod.name]
        if self._gone:
            return
        if pod.running and self._fact.mean_lifetime_seconds:
            seconds = self._control.chance.expovariate(1 / self._fact.mean_lifetime_seconds)
            self._control.agenda.at(at_ns + round(seconds * NANOSECONDS_PER_SECOND), partial(self._replace, pod))
        self._reconcile(at_ns)

    def _replace(self, pod: PodState, at_ns: int) -> None:
        if self._pods.get(pod.name) is pod:
            self._control.pods.delete(self._pods.pop(pod.name), at_ns)
            self._reconcile(at_ns)

    def _report(self) -> None:
        status = replicas_status(
            desired=self._replicas,
            created=len(self._pods),
            ready=sum(1 for pod in self._pods.values() if pod.running),
            generation=self._generation,
        )
        self._write_status(status)

    def _write_status(self, status: dict[str, int]) -> None:
        """Replace the whole status, since counts of 0 are absent."""
        targets = [(self._resource, self._fact.name)]
        if self._hash_label is not None:
            targets.append((REPLICA_SETS, self._replica_set))
        for resource, name in targets:
            kept = status
            if resource is REPLICA_SETS:
                kept = {
                    key: value for key, value in status.items() if key not in {"updatedReplicas", "unavailableReplicas"}
                }
            stored = self._control.store.get(resource, self._fact.namespace, name)
            if stored is not None and stored.content["status"] != kept:
                self._control.store.put(resource, {**stored.content, "status": kept})
