"""The totals of one pod, or of a root above the pods, kept up to date from readings."""

from collections.abc import Callable

from kube_cost_agent.readings import CgroupReading, IoReading, NetworkReading, Parts, PodSummary, StorageReading
from kube_cost_agent.totals import Counter, GpuSeconds, HeldIntegral, TrapezoidIntegral

FOLD_AFTER_READS = 12
"""A part that has been away for a minute of reads is settled for good; a live pod may lose many containers."""


LONGEST_GPU_GAP_NS = 60_000_000_000
"""How long two looks at a GPU may lie apart and still say how it was between them: four of the usual ones."""


class _Part:
    """One cgroup: its counters, and for how many reads it hasn't been seen."""

    __slots__ = ("away_reads", "cpu_ns", "inode", "io")

    def __init__(self, reading: CgroupReading) -> None:
        self.inode = reading.inode
        self.cpu_ns = Counter(reading.cpu_ns)
        self.io = _io_counters(reading.io)
        self.away_reads = 0

    def follow(self, reading: CgroupReading) -> None:
        self.away_reads = 0
        if reading.inode == self.inode:
            self.cpu_ns.follow(reading.cpu_ns)
            self._follow_io(reading.io, Counter.follow_or_hold)
        else:
            self.inode = reading.inode
            self.cpu_ns.begin_anew(reading.cpu_ns)
            self._follow_io(reading.io, Counter.begin_anew)

    def _follow_io(self, reading: IoReading | None, follow: Callable[[Counter, int], None]) -> None:
        if reading is None:
            return
        if self.io is None:
            self.io = _io_counters(reading)
            return
        for counter, value in zip(self.io, _io_values(reading), strict=True):
            follow(counter, value)


class CgroupTotals:
    """CPU, memory and block I/O of what one or more cgroups make up."""

    def __init__(self, at_ns: int, parts: Parts) -> None:
        self._parts = {path: _Part(reading) for path, reading in parts.items()}
        self._folded_cpu_ns = 0
        self._folded_io: list[int] | None = None
        self._memory = TrapezoidIntegral(at_ns, _working_set(parts))

    def follow(self, at_ns: int, parts: Parts, *, after_gap: bool = False) -> None:
        """Take the parts as they are at `at_ns`; `after_gap` leaves out the memory since the read before."""
        for path, reading in parts.items():
            known = self._parts.get(path)
            if known is None:
                self._parts[path] = _Part(reading)
            else:
                known.follow(reading)
        if len(self._parts) > len(parts):
            self._note_absent(parts)
        if after_gap:
            self._memory.resume(at_ns, _working_set(parts))
        else:
            self._memory.follow(at_ns, _working_set(parts))

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds since the birth of the cgroups."""
        return (self._folded_cpu_ns + sum(part.cpu_ns.total for part in self._parts.values())) / 1_000_000_000

    @property
    def memory_byte_seconds(self) -> float:
        """Working set, integrated since the first reading."""
        return self._memory.byte_seconds

    @property
    def io(self) -> tuple[int, int, int, int] | tuple[None, None, None, None]:
        """Bytes read and written, operations read and written; None each while nothing counts them."""
        counted = [[counter.total for counter in part.io] for part in self._parts.values() if part.io is not None]
        if self._folded_io is not None:
            counted.append(self._folded_io)
        if not counted:
            return None, None, None, None
        reads, writes, read_operations, write_operations = (sum(values) for values in zip(*counted, strict=True))
        return reads, writes, read_operations, write_operations

    def _note_absent(self, parts: Parts) -> None:
        for path in [path for path in self._parts if path not in parts]:
            part = self._parts[path]
            part.away_reads += 1
            if part.away_reads >= FOLD_AFTER_READS:
                del self._parts[path]
                self._folded_cpu_ns += part.cpu_ns.total
                if part.io is not None:
                    before = self._folded_io or [0, 0, 0, 0]
                    self._folded_io = [a + b.total for a, b in zip(before, part.io, strict=True)]


class PodTotals:
    """All that is known of one pod. `ended_samples_left` is None while it lives."""

    def __init__(self, uid: str, at_ns: int, parts: Parts) -> None:
        self.uid = uid
        self.namespace = ""
        self.name = ""
        self.since_ns = at_ns
        self.last_ns = at_ns
        self.ended_samples_left: int | None = None
        self.cgroups = CgroupTotals(at_ns, parts)
        self._network_time_ns = 0
        self._network: tuple[Counter, Counter] | None = None
        self._storage_time_ns = 0
        self._storage: HeldIntegral | None = None
        self._gpus: GpuSeconds | None = None

    def follow(self, at_ns: int, parts: Parts) -> None:
        """Take the pod's cgroups as they are at `at_ns`; one that was thought to be gone is there again."""
        came_back = self.ended_samples_left is not None
        self.ended_samples_left = None
        self.cgroups.follow(at_ns, parts, after_gap=came_back)
        if self._storage is not None:
            if came_back:
                self._storage.skip(at_ns)
            else:
                self._storage.advance(at_ns)
        self.last_ns = at_ns

    def learn(self, summary: PodSummary) -> None:
        """Take what the kubelet says of it: its name, and each block that is newer than the one before."""
        self.namespace = summary.namespace
        self.name = summary.name
        if summary.network is not None and summary.network.time_ns > self._network_time_ns:
            self._follow_network(summary.network)
        if summary.ephemeral_storage is not None and summary.ephemeral_storage.time_ns > self._storage_time_ns:
            self._follow_storage(summary.ephemeral_storage)

    def learn_gpus(self, at_ns: int, busy_gpus: float | None) -> None:
        """Take how many GPUs it keeps busy at `at_ns`, None where no GPU is said to be its own."""
        if self._gpus is not None:
            self._gpus.follow(at_ns, busy_gpus or 0.0)
        elif busy_gpus is not None:
            self._gpus = GpuSeconds(at_ns, busy_gpus, longest_gap_ns=LONGEST_GPU_GAP_NS)

    def hold_gpus(self, to_ns: int) -> None:
        """Let it keep as many GPUs busy until `to_ns` as was said last."""
        if self._gpus is not None and self.ended_samples_left is None:
            self._gpus.advance(to_ns)

    @property
    def gpu_seconds(self) -> float | None:
        """Busy GPUs, integrated since it was first said to have one; None before."""
        return None if self._gpus is None else self._gpus.total

    @property
    def receive_bytes(self) -> int | None:
        """Bytes received since the sandbox's birth; None while unknown."""
        return None if self._network is None else self._network[0].total

    @property
    def transmit_bytes(self) -> int | None:
        """Bytes sent since the sandbox's birth; None while unknown."""
        return None if self._network is None else self._network[1].total

    @property
    def ephemeral_byte_seconds(self) -> float | None:
        """Ephemeral storage, integrated from `since_ns` to `last_ns`; None while unknown."""
        return None if self._storage is None else self._storage.byte_seconds

    def _follow_network(self, reading: NetworkReading) -> None:
        self._network_time_ns = reading.time_ns
        if self._network is None:
            self._network = (Counter(reading.receive_bytes), Counter(reading.transmit_bytes))
        else:
            self._network[0].follow(reading.receive_bytes)
            self._network[1].follow(reading.transmit_bytes)

    def _follow_storage(self, reading: StorageReading) -> None:
        self._storage_time_ns = reading.time_ns
        if self._storage is None:
            self._storage = HeldIntegral(self.since_ns, self.last_ns, reading.used_bytes)
        else:
            self._storage.hold(reading.used_bytes)


def _working_set(parts: Parts) -> int:
    return sum(reading.working_set_bytes for reading in parts.values())


def _io_values(io: IoReading) -> tuple[int, int, int, int]:
    return io.read_bytes, io.write_bytes, io.read_operations, io.write_operations


def _io_counters(io: IoReading | None) -> tuple[Counter, ...] | None:
    return None if io is None else tuple(Counter(value) for value in _io_values(io))
