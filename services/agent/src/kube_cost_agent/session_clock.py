"""The agent's clock: Unix nanoseconds that never step, since two stamps of one session are subtracted."""

from kube_cost_common.runtime.clock import Clock


class SessionClock:
    """Wall time at the session's start, plus what has gone by since on a clock that nobody sets.

    A wall clock that is set forward or back meanwhile changes nothing; the aggregator compares `sent_at_ns` with the
    bus's own time and so knows how far this clock is off.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start_seconds = clock.monotonic()
        self.start_ns = clock.now_ns()

    def now_ns(self) -> int:
        """Return the session's time in Unix nanoseconds."""
        return self.start_ns + round((self._clock.monotonic() - self._start_seconds) * 1e9)
