"""Time, handed in, so that a test can turn it."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What tells the time. `now_ns` is for stamps, `monotonic` for durations."""

    def now_ns(self) -> int:
        """Return the Unix time in nanoseconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment; they go on while the machine is suspended and never step."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        """Return the Unix time in nanoseconds."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Return the seconds since boot, suspended time included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await asyncio.sleep(seconds)
