"""When somebody is going to ask for /metrics: who asked a minute ago, and who asks again and again."""

from collections import deque

PERIOD_SECONDS = 60.0
"""Prometheus scrapes every 15, 30 or 60 s as a rule, always at the same moment of its interval: all of these come again
after a minute."""

SLACK_SECONDS = 0.5
"""So much later than expected it may come."""

OFTEN_SECONDS = 3.0
"""Who asks again within this time is taken to go on asking for as long."""


class Readers:
    """Remembers scrapes. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._asked: deque[float] = deque()
        self._often_until = float("-inf")
        self._came_as_expected = False

    def ask(self, now: float) -> None:
        """Note a scrape; one that was expected now isn't any more."""
        others = deque(asked for asked in self._asked if abs(asked + PERIOD_SECONDS - now) > SLACK_SECONDS)
        self._came_as_expected = len(others) < len(self._asked)
        self._asked = others
        if self._asked and now - self._asked[-1] <= OFTEN_SECONDS:
            self._often_until = now + OFTEN_SECONDS
        self._asked.append(now)
        while self._asked[0] < now - PERIOD_SECONDS - SLACK_SECONDS:
            self._asked.popleft()  # it didn't come

    def expected_in(self, now: float, *, lead: float) -> float:
        """Return in how many seconds to prepare for a scrape, which takes `lead` seconds: 0 if now.

        It is infinity where nobody is expected.
        """
        if now <= self._often_until:
            return 0.0
        expected = [asked + PERIOD_SECONDS for asked in self._asked]
        if len(self._asked) > 1 and not self._came_as_expected:  # an interval that no minute is a multiple of
            expected.append(2 * self._asked[-1] - self._asked[-2])
        waits = (moment - lead - now for moment in expected if moment + SLACK_SECONDS >= now)
        return max(0.0, min(waits, default=float("inf")))
