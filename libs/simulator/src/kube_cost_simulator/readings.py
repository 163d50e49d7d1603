"""What a node's kernel counts: one set of whole numbers that the cgroup files and the kubelet both show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.scenario import ContainerFact
from kube_cost_simulator.usage import NANOSECONDS_PER_SECOND, Rates, Totals, UsageTimeline, without

# Page cache that a process could lose without harm: counted in memory.current, not in the working set.
INACTIVE_FILE_SHARE = 8


class Counters(NamedTuple):
    """Cumulative counters of a cgroup or a network, and its memory now."""

    cpu_nanoseconds: int = 0
    working_set_bytes: int = 0
    inactive_file_bytes: int = 0
    receive_bytes: int = 0
    transmit_bytes: int = 0
    read_bytes: int = 0
    write_bytes: int = 0
    read_operations: int = 0
    write_operations: int = 0

    def plus(self, other: "Counters") -> "Counters":
        """The sum, counter by counter."""
        return Counters(*(mine + its for mine, its in zip(self, other, strict=True)))

    def without_memory(self) -> "Counters":
        """What stays in the parent's counters when a cgroup is gone."""
        return self._replace(working_set_bytes=0, inactive_file_bytes=0)


NOTHING_COUNTED = Counters()


def counters(totals: Totals, rates: Rates, share: int = 1, whole: int = 1) -> Counters:
    """Counters from exact totals, or a share of them, rounded down as a kernel does (CPU to microseconds)."""
    per_second = NANOSECONDS_PER_SECOND * whole
    return Counters(
        cpu_nanoseconds=totals.cpu_millicore_ns * share // (1_000_000 * whole) * 1000,
        working_set_bytes=rates.memory_bytes * share // whole,
        inactive_file_bytes=rates.memory_bytes * share // (INACTIVE_FILE_SHARE * whole),
        receive_bytes=totals.receive_byte_ns * share // per_second,
        transmit_bytes=totals.transmit_byte_ns * share // per_second,
        read_bytes=totals.read_byte_ns * share // per_second,
        write_bytes=totals.write_byte_ns * share // per_second,
        read_operations=totals.read_operation_ns * share // per_second,
        write_operations=totals.write_operation_ns * share // per_second,
    )


def pod_counters(usage: UsageTimeline | None, at_ns: int) -> Counters:
    """A pod's counters at a moment (Unix nanoseconds)."""
    if usage is None:
        return NOTHING_COUNTED
    return counters(usage.totals(at_ns), usage.rates(at_ns))


def container_counters(pod: PodState, container: ContainerFact, at_ns: int) -> Counters:
    """One container's share of its pod's counters, which begin anew with each restart."""
    if pod.usage is None:
        return NOTHING_COUNTED
    whole = sum(each.usage_share for each in running_containers(pod))
    totals = pod.usage.totals(at_ns)
    if container.name in pod.runs:
        totals = without(totals, pod.runs[container.name].used_before)
    return counters(totals, pod.usage.rates(at_ns), container.usage_share, whole)


def running_containers(pod: PodState) -> list[ContainerFact]:
    """The containers that go on while the pod runs: all but the init containers that have ended."""
    return [container for container in pod.template.containers if container.sidecar or not container.init]


def live_containers(pod: PodState) -> list[ContainerFact]:
    """Those of them that are there now: all but one that waits for its restart."""
    waiting = {name for name, run in pod.runs.items() if run.started_ns is None}
    return [container for container in running_containers(pod) if container.name not in waiting]


@dataclass(frozen=True)
class NodeReading:
    """A node's counters at `at_ns`, its running pods by uid; `system` is what isn't a pod's, `node` is everything."""

    at_ns: int
    pods: Mapping[str, tuple[PodState, Counters]]
    classes: Mapping[str, Counters]
    kubepods: Counters
    system: Counters
    node: Counters


class NodeCounters:
    """One node: its pods now, what ended ones left in their parents, and the node's own use."""

    def __init__(self, *, pods: Mapping[str, PodState], system: UsageTimeline) -> None:
        self._pods = pods
        self._system = system
        self._left_behind = dict.fromkeys(("Guaranteed", "Burstable", "BestEffort"), NOTHING_COUNTED)

    def pod_ended(self, pod: PodState, at_ns: int) -> None:
        """Keep a pod's last counters, less its memory."""
        last = pod_counters(pod.usage, at_ns).without_memory()
        self._left_behind[pod.quality_of_service] = self._left_behind[pod.quality_of_service].plus(last)

    def reading(self, at_ns: int) -> NodeReading:
        """The counters at `at_ns`, which must not be before the last change of the cluster."""
        running = {pod.uid: (pod, pod_counters(pod.usage, at_ns)) for pod in self._pods.values() if pod.running}
        classes = dict(self._left_behind)
        for pod, counted in running.values():
            classes[pod.quality_of_service] = classes[pod.quality_of_service].plus(counted)
        kubepods = NOTHING_COUNTED
        for counted in classes.values():
            kubepods = kubepods.plus(counted)
        system = pod_counters(self._system, at_ns)
        return NodeReading(
            at_ns=at_ns,
            pods=running,
            classes=classes,
            kubepods=kubepods,
            system=system,
            node=kubepods.plus(system),
        )
