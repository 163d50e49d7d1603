"""The simulator's time, handed in so that a test can turn it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where the simulator reads the time."""

    def now_ns(self) -> int:
        """Unix nanoseconds, for stamps."""

    def monotonic(self) -> float:
        """Seconds since some moment, never stepping back, for durations."""


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        """Unix nanoseconds of the machine."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()  # noqa: TID251 - this is the one place that reads it


class ManualClock:
    """A clock that stands until it is turned."""

    def __init__(self, *, start_ns: int) -> None:
        self._start_ns = start_ns
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Unix nanoseconds it was turned to."""
        return self._now_ns

    def monotonic(self) -> float:
        """Seconds it was turned since it was made."""
        return (self._now_ns - self._start_ns) / 1e9

    def turn_to(self, time_ns: int) -> None:
        """Set the time, Unix nanoseconds; ValueError if that would be backwards."""
        if time_ns < self._now_ns:
            raise ValueError(f"the clock is at {self._now_ns} ns and cannot be turned back to {time_ns} ns")
        self._now_ns = time_ns
