"""What namespaces cost in this hour of the week in the weeks before, read from the ledger once an hour."""

from collections.abc import Mapping, Sequence

from kube_cost_aggregator.history.store import HourReader
from kube_cost_common.domain.money import NS_PER_SECOND

SECONDS_PER_HOUR = 3600
SECONDS_PER_WEEK = 7 * 24 * SECONDS_PER_HOUR

WEEKS = 8
"""So many are looked at: long enough for a median, short enough for it to follow."""


class SameHours:
    """Keeps what it read while the hour is the same."""

    def __init__(self, *, store: HourReader) -> None:
        self._store = store
        self._hour = 0
        self._weeks: Sequence[Mapping[str, int]] = ()

    async def refresh(self, *, now_ns: int, started_at_ns: int) -> Sequence[Mapping[str, int]]:
        """Return nano-USD by namespace, a week each, the last first; raise StoreError.

        Only weeks whose hour the ledger, which began at `started_at_ns`, has whole.
        """
        hour = now_ns // NS_PER_SECOND // SECONDS_PER_HOUR * SECONDS_PER_HOUR
        if hour != self._hour:
            past = (hour - number * SECONDS_PER_WEEK for number in range(1, WEEKS + 1))
            self._weeks = [await self._read(start) for start in past if start * NS_PER_SECOND >= started_at_ns]
            self._hour = hour
        return self._weeks

    async def _read(self, start: int) -> dict[str, int]:
        rows = await self._store.namespaces_by_hour(start=start, end=start + SECONDS_PER_HOUR)
        return {namespace: nano for (_, namespace), nano in rows.items()}
