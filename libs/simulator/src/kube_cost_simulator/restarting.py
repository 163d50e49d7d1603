"""Containers that fail and are started again in their pod, which keeps its place, its reservation and its cgroup."""

from functools import partial

from kube_cost_simulator.containers import container_statuses, ended, node_time, run_of, running_states
from kube_cost_simulator.names import Names
from kube_cost_simulator.objects.pods import condition
from kube_cost_simulator.pod_state import ContainerRun, PodState
from kube_cost_simulator.pods import PodLifecycle
from kube_cost_simulator.readings import running_containers
from kube_cost_simulator.scenario import ContainerFact

# The kubelet waits 10 s before the first restart, and twice as long each further time.
PAUSE_MILLISECONDS = (1000, 20_000)
EXIT_CODE = 137


class Restarter:
    """Lets containers fail. Until its container is there again a pod uses nothing."""

    def __init__(self, *, lifecycle: PodLifecycle, names: Names) -> None:
        self._lifecycle = lifecycle
        self._names = names
        self._chance = names.chance("restarts")

    def plan(self, pod: PodState, at_ns: int) -> None:
        """Let a container of a pod fail some time after `at_ns`, if its template says so."""
        mean_seconds = pod.template.mean_restart_seconds
        if mean_seconds is not None:
            after_ns = round(self._chance.expovariate(1 / mean_seconds) * 1e9)
            self._lifecycle.agenda.at(at_ns + after_ns, partial(self._fail, pod))

    def _fail(self, pod: PodState, at_ns: int) -> None:
        if not pod.running or pod.terminating or pod.usage is None or pod.history is None:
            return
        container = next(each for each in running_containers(pod) if not each.sidecar)
        run = run_of(pod, container)
        last_state = ended(pod, container, run.started_ns or at_ns, at_ns, EXIT_CODE)
        again_ns = at_ns + self._chance.randint(*PAUSE_MILLISECONDS) * 1_000_000
        pod.usage = pod.history.usage = pod.usage.paused(at_ns, again_ns)
        pod.runs = {**pod.runs, container.name: ContainerRun(None, run.restarts + 1, last_state)}
        self._write(pod, at_ns)
        self._lifecycle.agenda.at(again_ns, partial(self._start_again, pod, container))

    def _start_again(self, pod: PodState, container: ContainerFact, at_ns: int) -> None:
        if not pod.running or pod.usage is None:
            return
        pod.container_ids = {**pod.container_ids, container.name: self._names.hexadecimal(64)}
        run = run_of(pod, container)
        used_before = pod.usage.totals(at_ns)
        pod.runs = {**pod.runs, container.name: ContainerRun(at_ns, run.restarts, run.last_state, used_before)}
        self._write(pod, at_ns)
        self.plan(pod, at_ns)

    def _write(self, pod: PodState, at_ns: int) -> None:
        ready = all(run.started_ns is not None for run in pod.runs.values())
        kinds = ("Ready", "ContainersReady")
        conditions = [condition(kind, node_time(pod, at_ns), true=ready) for kind in kinds]
        self._lifecycle.update(pod, conditions=conditions, **container_statuses(pod, running_states(pod)))
