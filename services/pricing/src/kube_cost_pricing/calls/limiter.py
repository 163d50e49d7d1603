"""How many calls go to a provider."""

import asyncio
from collections import deque

from kube_cost_common.runtime.clock import Clock

CALLS = 100
WINDOW_SECONDS = 60.0


class Limiter:
    """Lets at most `calls` through in any window of `window_seconds`, in the order in which they come.

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
        before = clock.monotonic() if full_at_start else float("-inf")
        self._let_through_at = deque([before] * calls, maxlen=calls)
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when one more call may go, and count it. One that is cancelled while it waits counts for nothing."""
        async with self._turn:
            while (seconds := self._let_through_at[0] + self._window_seconds - self._clock.monotonic()) >= 0:
                # A little more than the window, so that its two ends aren't both in one.
                await self._clock.sleep(seconds + 0.001)
            self._let_through_at.append(self._clock.monotonic())
