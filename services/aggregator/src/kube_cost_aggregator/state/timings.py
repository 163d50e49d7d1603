"""How long the settlement passes took, as a summary's quantiles."""

from collections import deque
from typing import NamedTuple

_KEPT = 1000


class Summary(NamedTuple):
    """Seconds by quantile, of the last 1,000 passes; number and sum of all since the start."""

    quantiles: dict[float, float]
    passes: int
    sum_seconds: float


class Timings:
    """Takes durations, gives their summary."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=_KEPT)
        self._count = 0
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Take one duration."""
        self._last.append(seconds)
        self._count += 1
        self._sum += seconds

    def summary(self) -> Summary:
        """Return the summary of now; no quantiles before the first duration."""
        ordered = sorted(self._last)
        quantiles = {share: ordered[int(share * len(ordered))] for share in (0.5, 0.9, 0.99)} if ordered else {}
        return Summary(quantiles, self._count, self._sum)
