"""What a kubelet says of a pod's containers, stamped by the clock of its node."""

from collections.abc import Callable
from typing import Any

from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.pods import container_status, terminated
from kube_cost_simulator.pod_state import ContainerRun, PodState
from kube_cost_simulator.scenario import ContainerFact

Json = dict[str, Any]
States = Callable[[ContainerFact], tuple[Json, bool]]


def node_time(pod: PodState, at_ns: int) -> int:
    """What the clock of a pod's node shows at `at_ns` (Unix nanoseconds)."""
    return at_ns if pod.room is None else at_ns + pod.room.fact.clock_offset_seconds * 1_000_000_000


def run_of(pod: PodState, container: ContainerFact) -> ContainerRun:
    """How a container runs now: as it was started with its pod, or as it was restarted."""
    return pod.runs.get(container.name) or ContainerRun(started_ns=pod.started_ns)


def container_statuses(pod: PodState, states: States) -> Json:
    """The status lists of a pod's containers; `states` says each one's state and whether it is ready."""
    in_effect = {container.name: container.held for container in pod.requests[-1].containers}
    statuses: Json = {"containerStatuses": []}
    for container in pod.template.containers:
        state, ready = states(container)
        run = run_of(pod, container)
        written = container_status(
            container,
            container_id=pod.container_ids[container.name],
            state=state,
            ready=ready,
            requests=in_effect[container.name] if ready else None,
            restarts=run.restarts,
            last_state=run.last_state,
        )
        kind = "initContainerStatuses" if container.init or container.sidecar else "containerStatuses"
        statuses.setdefault(kind, []).append(written)
    return statuses


def running_states(pod: PodState) -> States:
    """The states of the containers of a pod that runs: its init containers have ended, one may wait for its restart."""

    def state(container: ContainerFact) -> tuple[Json, bool]:
        run = run_of(pod, container)
        if container.init and not container.sidecar:
            return ended(pod, container, pod.requests[0].from_ns, pod.started_ns or 0, 0), False
        if run.started_ns is None:
            message = f"back-off restarting failed container {container.name}"
            return {"waiting": {"reason": "CrashLoopBackOff", "message": message}}, False
        return {"running": {"startedAt": rfc3339(node_time(pod, run.started_ns))}}, True

    return state


def ended_states(pod: PodState, at_ns: int, exit_code: int) -> States:
    """The states of the containers of a pod of which the last one ended at `at_ns`."""

    def state(container: ContainerFact) -> tuple[Json, bool]:
        started_ns = run_of(pod, container).started_ns
        return ended(pod, container, at_ns if started_ns is None else started_ns, at_ns, exit_code), False

    return state


def ended(pod: PodState, container: ContainerFact, started_ns: int, finished_ns: int, exit_code: int) -> Json:
    """The state of one container that has ended."""
    return terminated(
        container_id=pod.container_ids[container.name],
        started_ns=node_time(pod, started_ns),
        finished_ns=node_time(pod, finished_ns),
        exit_code=exit_code,
    )
