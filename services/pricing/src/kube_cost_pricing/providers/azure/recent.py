"""Rows that were asked for a moment ago."""

import asyncio

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.providers.azure.rows import Listing

Key = tuple[str, str]


class RecentRows:
    """Keeps answers for as long as they serve the neighbouring question, and lets the same be asked once at a time."""

    def __init__(self, *, clock: Clock, max_age_seconds: float) -> None:
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._kept: dict[Key, tuple[float, Listing]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def alone(self, what: str) -> asyncio.Lock:
        """Return what to hold while asking for `what`, a region or a query: there are few of either."""
        return self._locks.setdefault(what, asyncio.Lock())

    def get(self, key: Key) -> Listing | None:
        """Return the rows under `key`, if they are recent."""
        found = self._kept.get(key)
        return None if found is None or self._is_old(found[0]) else found[1]

    def keep(self, key: Key, listing: Listing) -> None:
        """Keep rows; older ones go. They are in the order of their age."""
        while self._kept:
            other, (since_seconds, _) = next(iter(self._kept.items()))
            if not self._is_old(since_seconds):
                break
            del self._kept[other]
        self._kept.pop(key, None)
        self._kept[key] = (self._clock.monotonic(), listing)

    def _is_old(self, since_seconds: float) -> bool:
        return self._clock.monotonic() - since_seconds >= self._max_age_seconds
