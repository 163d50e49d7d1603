"""From totals to averages: what a sample says about the time since the last one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kube_cost_aggregator.history.store import NodeState, PodTotals
from kube_cost_aggregator.state.pods import Pod
from kube_cost_aggregator.state.traffic import node_transmit_bytes, traffic_totals
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.domain.resources import BYTES_PER_GIB, NOTHING, Resources
from kube_cost_common.messages.usage import ROOT_KUBEPODS, PodUsage, UsageSample

CLOCK_DRIFT = 1e-3
"""How much a node's clock may fall behind the bus's, second by second: NTP slews at most half of it (500 ppm)."""

READ_INTERVAL_NS = 5_000_000_000
"""How often agents read the cgroup tree."""

_READ_SLACK_NS = 6_000_000_000
"""A pod that the agent first saw later than this after its session began was born within the session."""


def clock_offset_ns(state: NodeState, sample: UsageSample, stored_at_ns: int) -> int:
    """Return what brings the agent's stamps to the bus's clock.

    `stored_at − sent_at` is too great by the time the message was on its way, which can be long while the bus is
    away: within a session the least seen holds, give or take the drift.
    """
    measured = stored_at_ns - sample.sent_at_ns
    if sample.session != state.session:
        return measured
    return min(measured, state.clock_offset_ns + int(CLOCK_DRIFT * max(0, sample.end_ns - sample.start_ns)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time that a sample's differences cover, in Unix nanoseconds of the bus's clock.

    `start_ns` is the end of the sample before. `memory_start_ns` is the same, or where the agent's session is new,
    when its memory integral began.
    """

    start_ns: int
    memory_start_ns: int
    end_ns: int

    def holds(self, pod: Pod, used: PodUsage, base: PodTotals, offset_ns: int) -> bool:
        """Whether a pod lives through all of the window, was known before it, and its totals have grown in it.

        Its averages are then its differences by the time, as those of most pods are in most samples.
        """
        return (
            pod.end_ns is None
            and pod.start_ns <= self.start_ns
            and used.since_ns + offset_ns <= self.memory_start_ns < used.last_ns + offset_ns
            and base.cpu_seconds <= used.cpu_seconds
            and base.memory_byte_seconds <= used.memory_byte_seconds
            and self.start_ns < self.end_ns
        )

    def cpu(self, pod: Pod, used: PodUsage, base: PodTotals | None) -> float:
        """Return a pod's average vCPUs over its life within the window."""
        total = used.cpu_seconds - (base.cpu_seconds if base is not None else 0.0)
        if total < 0:  # the kernel counted anew
            total = used.cpu_seconds
        return total / seconds if (seconds := self._alive_seconds(pod, self.start_ns)) > 0 else 0.0

    def memory_gib(self, pod: Pod, used: PodUsage, base: PodTotals | None, offset_ns: int) -> float:
        """Return a pod's average GiB over its life within the window, from where its memory is known on.

        Memory is read now and then, while the kernel's CPU totals have no gaps: a pod is taken to have had its average
        for half a read's interval before it was first seen, and from its last read on. Without a baseline, where the
        integral began before the window, the average is that since then.
        """
        since_ns, last_ns = used.since_ns + offset_ns, min(self.end_ns, used.last_ns + offset_ns)
        total, read_from_ns, counted_from_ns = used.memory_byte_seconds, since_ns, since_ns
        if base is not None and base.memory_byte_seconds <= total:
            read_from_ns = max(self.memory_start_ns, since_ns)
            if last_ns > read_from_ns:  # else it wasn't read in the window: it is taken to have had what it had before
                total -= base.memory_byte_seconds
                counted_from_ns = read_from_ns
        if last_ns <= counted_from_ns:
            return 0.0
        average = total / BYTES_PER_GIB * NS_PER_SECOND / (last_ns - counted_from_ns)
        born_ns = max(self.memory_start_ns, pod.start_ns)
        end_ns = self.end_ns if pod.end_ns is None else min(self.end_ns, pod.end_ns)
        if read_from_ns < self.memory_start_ns or end_ns <= born_ns:
            return average
        had_from_ns = max(born_ns, read_from_ns - READ_INTERVAL_NS // 2)
        had_to_ns = end_ns if pod.end_ns is None else min(end_ns, last_ns + READ_INTERVAL_NS)
        return average * min(1.0, (had_to_ns - had_from_ns) / (end_ns - born_ns))

    def _alive_seconds(self, pod: Pod, start_ns: int) -> float:
        end_ns = self.end_ns if pod.end_ns is None else min(self.end_ns, pod.end_ns)
        return (end_ns - max(start_ns, pod.start_ns)) / NS_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Averages:
    """What a sample says of each pod (by uid) on average, and the vCPU seconds that no pod's totals hold.

    `read_to_ns` is when each that has ended was last read, `lifetime_vcpu` its average from its start until then.
    """

    window: Window
    usage: Mapping[str, Resources]
    read_to_ns: Mapping[str, int]
    lifetime_vcpu: Mapping[str, float]
    unseen_cpu_seconds: float


def averages(
    state: NodeState, sample: UsageSample, pods: Mapping[str, Pod], *, start_ns: int, end_ns: int, offset_ns: int
) -> Averages:
    """Return the averages of a sample whose time is `start_ns` to `end_ns` on the bus's clock, `offset_ns` off its own.

    `pods` are the node's, by the uid that the agent knows them by. A pod that already ran when the node was first
    heard of has CPU totals of unknown age: its first sample is its baseline, and says nothing of its CPU. After a boot
    of the kernel all totals are since then.
    """
    known_before = state.baseline_end_ns is not None
    same_boot = state.boot_id in {"", sample.boot_id}
    baseline = state.pods if same_boot else {}
    same_session = sample.session == state.session
    window_start = state.baseline_end_ns if state.baseline_end_ns is not None else start_ns
    memory_start = window_start
    if not (same_session and known_before):  # the integrals began with the session
        watched_from = min(sample.start_ns, *(used.since_ns for used in sample.pods), sample.end_ns)
        memory_start = max(window_start, watched_from + offset_ns)
    window = Window(start_ns=min(window_start, end_ns), memory_start_ns=min(memory_start, end_ns), end_ns=end_ns)
    seconds = (window.end_ns - window.start_ns) / NS_PER_SECOND
    usage: dict[str, Resources] = {}
    read_to_ns: dict[str, int] = {}
    lifetime_vcpu: dict[str, float] = {}
    seen_cpu_seconds = 0.0
    complete = True
    for used in sample.pods:
        pod = pods.get(used.uid)
        base = baseline.get(used.uid)
        if base is not None and pod is not None and window.holds(pod, used, base, offset_ns) and same_session:
            cpu_seconds = used.cpu_seconds - base.cpu_seconds
            seen_cpu_seconds += cpu_seconds
            byte_seconds = used.memory_byte_seconds - base.memory_byte_seconds
            read_ns = min(end_ns, used.last_ns + offset_ns) - window.memory_start_ns
            usage[pod.uid] = Resources(
                cpu_seconds / seconds, byte_seconds / BYTES_PER_GIB * NS_PER_SECOND / read_ns, 0.0
            )
            continue
        born_within = known_before or used.since_ns > sample.start_ns + _READ_SLACK_NS
        if base is None and not born_within and (pod is None or pod.start_ns < start_ns):
            complete = False
            cpu = 0.0
        else:
            fresh = base.cpu_seconds if base is not None and base.cpu_seconds <= used.cpu_seconds else 0.0
            seen_cpu_seconds += used.cpu_seconds - fresh
            cpu = window.cpu(pod, used, base) if pod is not None else 0.0
        if pod is not None:
            memory = window.memory_gib(pod, used, base if same_session else None, offset_ns)
            usage[pod.uid] = Resources(cpu, memory, 0.0)
            if pod.end_ns is not None:
                read_to_ns[pod.uid] = read_to = used.last_ns + offset_ns
                lifetime_vcpu[pod.uid] = used.cpu_seconds * NS_PER_SECOND / max(1, read_to - pod.start_ns)
    unseen = 0.0
    root = root_cpu_seconds(sample)
    root_before = state.root_cpu_seconds
    if complete and same_boot and root is not None and root_before is not None and root >= root_before:
        unseen = max(0.0, root - root_before - seen_cpu_seconds)
    return Averages(
        window=window,
        usage=usage,
        read_to_ns=read_to_ns,
        lifetime_vcpu=lifetime_vcpu,
        unseen_cpu_seconds=unseen,
    )


def attribute_unseen(averages: Averages, ended: Iterable[Pod]) -> tuple[Mapping[str, Resources], float]:
    """Give the CPU that no pod's totals hold to the pods that ended in the window: it is that of their unread time.

    Each by what it may have used unread: a pod that was read before its end by its own average in the window, or in
    its life, one that came and went between two reads by its request; where all of that is nothing, by the time.
    Returns the usages with it, and the average vCPUs that are left for the system: all, where no pod ended.
    """
    window = averages.window
    unseen = averages.unseen_cpu_seconds
    length = (window.end_ns - window.start_ns) / NS_PER_SECOND
    unread = [part for pod in ended if (part := _unread(pod, averages)).life_seconds > 0]
    if not unseen or not unread:
        return averages.usage, unseen / length if length > 0 else 0.0
    expected = sum(part.vcpu_seconds for part in unread)
    lifetime = sum(part.life_seconds for part in unread)
    usage = dict(averages.usage)
    for part in unread:
        share = part.vcpu_seconds / expected if expected > 0 else part.life_seconds / lifetime
        known = usage.get(part.uid, NOTHING)
        usage[part.uid] = known._replace(vcpu=known.vcpu + unseen * share / part.life_seconds)
    return usage, 0.0


class _Unread(NamedTuple):
    """The part of a pod's life in a window that no read covers, and what it may have used in it."""

    uid: str
    life_seconds: float
    vcpu_seconds: float


def _unread(pod: Pod, averages: Averages) -> _Unread:
    window = averages.window
    born_ns = max(pod.start_ns, window.start_ns)
    end_ns = window.end_ns if pod.end_ns is None else min(pod.end_ns, window.end_ns)
    life = (end_ns - born_ns) / NS_PER_SECOND
    read_to_ns = averages.read_to_ns.get(pod.uid)
    if read_to_ns is None:
        return _Unread(pod.uid, life, pod.request.vcpu * life)
    read = (read_to_ns - born_ns) / NS_PER_SECOND
    if read <= 0:
        return _Unread(pod.uid, life, averages.lifetime_vcpu[pod.uid] * life)
    return _Unread(pod.uid, life, averages.usage[pod.uid].vcpu * life / read * max(0.0, life - read))


def rebase(state: NodeState, sample: UsageSample, end_ns: int) -> None:
    """Make a sample's totals the baseline of the next difference."""
    state.session, state.seq, state.boot_id = sample.session, sample.seq, sample.boot_id
    state.baseline_end_ns = max(end_ns, state.baseline_end_ns or end_ns)
    state.root_cpu_seconds = root_cpu_seconds(sample)
    state.transmit_bytes = node_transmit_bytes(sample)
    state.pods = {
        used.uid: PodTotals(used.cpu_seconds, used.memory_byte_seconds, *traffic_totals(used), used.gpu_seconds)
        for used in sample.pods
    }


def root_cpu_seconds(sample: UsageSample) -> float | None:
    """Return the CPU total of the cgroup above all pods, None where the agent doesn't say."""
    return next((root.cpu_seconds for root in sample.roots if root.name == ROOT_KUBEPODS), None)
