"""A clock that a test turns."""

import asyncio


class TurnedClock:
    """Stands still until it is turned; a sleep turns it, and returns at once."""

    def __init__(self, *, unix_seconds: int = 1_800_000_000) -> None:
        self.slept: list[float] = []
        self._began_ns = unix_seconds * 1_000_000_000
        self._seconds = 0.0

    def now_ns(self) -> int:
        return self._began_ns + round(self._seconds * 1e9)

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.turn(seconds)
        await asyncio.sleep(0)

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self._seconds += seconds
