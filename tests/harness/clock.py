"""Clocks that a test turns."""

import asyncio
import heapq
import itertools


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


class FakeClock:
    """Stands still until the test advances it; a sleep returns when its moment has come, in the order of the moments.

    Only what waits on this clock and on nothing real can be driven by it: between two moments the loop gets a few
    turns, and no more.
    """

    def __init__(self, *, unix_seconds: int = 1_800_000_000) -> None:
        self.slept: list[float] = []
        """What was asked for, in the order of asking."""
        self._began_ns = unix_seconds * 1_000_000_000
        self._seconds = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now_ns(self) -> int:
        return self._began_ns + round(self._seconds * 1e9)

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._seconds + max(0.0, seconds), next(self._order), waker))
        await waker

    @property
    def sleepers(self) -> int:
        """How many are asleep."""
        return sum(not waker.done() for _, _, waker in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass: whoever's moment comes meanwhile wakes at that moment, the one who lay down first before."""
        end = self._seconds + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._seconds, _, waker = heapq.heappop(self._sleepers)
            if not waker.done():
                waker.set_result(None)
                await self.settle()
        self._seconds = end

    def work(self, seconds: float) -> None:
        """Let time pass in the middle of somebody's work; nobody wakes by it."""
        self._seconds += seconds

    async def settle(self) -> None:
        """Let all who are awake go on until they sleep again."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)


_TURNS = 20
"""A woken task that awaits a few other things in turn is asleep again after this many turns of the loop."""
