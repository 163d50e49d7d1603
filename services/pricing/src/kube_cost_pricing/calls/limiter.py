"""How many calls go to a provider."""

import asyncio
from collections import deque

from kube_cost_common.runtime.clock import Clock

CALLS = 100
WINDOW_SECONDS = 60.0


class Limiter:
    """Lets at most `calls` through in any window of `window_seconds`, in the order in which they come.

    There are so many places. A call takes one, and it is free again `window_seconds` after the call has ended, not
    after it was let through: one that first opens a connection or looks for credentials is on the wire later, and the
    calls of two windows could meet there. So the calls of one place are a window apart, and of any `calls` + 1 calls
    two have the same place.

    What a process before this one has let through isn't known, so the window starts full: restarts, one after another,
    can't exceed the limit. `full_at_start` is false where nobody else has asked, as for a command that a person types.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        calls: int = CALLS,
        window_seconds: float = WINDOW_SECONDS,
        full_at_start: bool = True,
    ) -> None:
        self._clock = clock
        self._window_seconds = window_seconds
        ended = clock.monotonic() if full_at_start else float("-inf")
        self._ended_at = deque([ended] * calls)
        """Of the places that no call has now: when the last one in it ended, the longest ago first."""
        self._turn = asyncio.Lock()
        self._returned = asyncio.Event()

    async def take(self) -> None:
        """Return when one more call may go. One that is cancelled while it waits has taken nothing."""
        async with self._turn:
            while not self._ended_at:
                self._returned.clear()
                await self._returned.wait()
            while (seconds := self._ended_at[0] + self._window_seconds - self._clock.monotonic()) >= 0:
                # A little more than the window, so that its two ends aren't both in one.
                await self._clock.sleep(seconds + 0.001)
            self._ended_at.popleft()

    def give_back(self, *, went: bool) -> None:
        """Note the end of what `take` let through, however it ended; `went` is false if nothing was asked after all."""
        if went:
            self._ended_at.append(self._clock.monotonic())
        else:
            self._ended_at.appendleft(float("-inf"))
        self._returned.set()
