"""Totals that never fall: counters whose source may begin anew, and integrals over time. In whole numbers, so exact."""


class Counter:
    """The running total of a kernel counter."""

    __slots__ = ("_base", "_last")

    def __init__(self, value: int) -> None:
        self._base = 0
        self._last = value

    @property
    def total(self) -> int:
        """What was counted since the source's birth, restarts of the source included."""
        return self._base + self._last

    def follow(self, value: int) -> None:
        """Take the source's next value; a lower one means that it began anew."""
        if value < self._last:
            self._base += self._last
        self._last = value

    def begin_anew(self, value: int) -> None:
        """Take the first value of a source that replaces the one before."""
        self._base += self._last
        self._last = value

    def follow_or_hold(self, value: int) -> None:
        """Take the next value of a sum over devices: a lower one means that a device went, and nothing is new."""
        if value < self._last:
            self._base += self._last - value
        self._last = value


class TrapezoidIntegral:
    """Byte-seconds of a level that is read now and then: between two reads it is taken for a straight line.

    A working set grows and shrinks gradually, and the straight line's error falls with the square of the time between
    reads, the step's only with its first power.
    """

    __slots__ = ("_at_ns", "_doubled_byte_ns", "_level_bytes")

    def __init__(self, at_ns: int, level_bytes: int) -> None:
        self._at_ns = at_ns
        self._level_bytes = level_bytes
        self._doubled_byte_ns = 0

    @property
    def byte_seconds(self) -> float:
        """The integral up to the last read."""
        return self._doubled_byte_ns / 2_000_000_000

    def follow(self, at_ns: int, level_bytes: int) -> None:
        """Take the level at `at_ns`."""
        self._doubled_byte_ns += (self._level_bytes + level_bytes) * max(0, at_ns - self._at_ns)
        self.resume(at_ns, level_bytes)

    def resume(self, at_ns: int, level_bytes: int) -> None:
        """Take the level at `at_ns`, with nothing between it and the one before."""
        self._at_ns = at_ns
        self._level_bytes = level_bytes


class GpuSeconds:
    """How long a pod kept GPUs busy: what was told holds until something else is told, or for `longest_gap_ns`.

    A step and not a line between two reads: a sample that ends between them has its time whole, and the next read
    changes nothing of it.
    """

    __slots__ = ("_busy_gpus", "_longest_gap_ns", "_told_ns", "_upto_ns", "total")

    def __init__(self, at_ns: int, busy_gpus: float, *, longest_gap_ns: int) -> None:
        self._told_ns = self._upto_ns = at_ns
        self._busy_gpus = busy_gpus
        self._longest_gap_ns = longest_gap_ns
        self.total = 0.0

    def advance(self, to_ns: int) -> None:
        """Let what was told hold until `to_ns`."""
        held_ns = min(to_ns, self._told_ns + self._longest_gap_ns) - self._upto_ns
        if held_ns > 0:
            self.total += self._busy_gpus * held_ns / 1_000_000_000
        self._upto_ns = max(self._upto_ns, to_ns)

    def follow(self, at_ns: int, busy_gpus: float) -> None:
        """Take how many GPUs it keeps busy at `at_ns`."""
        self.advance(at_ns)
        self._told_ns, self._busy_gpus = at_ns, busy_gpus


class HeldIntegral:
    """Byte-seconds of a level that is told seldom: it holds until another one is told.

    The step, since the kubelet measures a disk once a minute or two and its value is old when it comes: a line to it
    would need a total already sent to be lowered. The first level holds from the beginning.
    """

    __slots__ = ("_byte_ns", "_level_bytes", "_upto_ns")

    def __init__(self, since_ns: int, upto_ns: int, level_bytes: int) -> None:
        self._level_bytes = level_bytes
        self._upto_ns = upto_ns
        self._byte_ns = level_bytes * (upto_ns - since_ns)

    @property
    def byte_seconds(self) -> float:
        """The integral up to the last advance."""
        return self._byte_ns / 1_000_000_000

    def hold(self, level_bytes: int) -> None:
        """Take the level that holds from the last advance on."""
        self._level_bytes = level_bytes

    def advance(self, at_ns: int) -> None:
        """Let the level hold until `at_ns`."""
        self._byte_ns += self._level_bytes * max(0, at_ns - self._upto_ns)
        self._upto_ns = at_ns

    def skip(self, at_ns: int) -> None:
        """Let nothing be counted until `at_ns`."""
        self._upto_ns = at_ns
