"""Until when nobody is told of a namespace's budget, as people write it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from kube_cost_common.domain.budgets import BudgetError

SILENCED_UNTIL = "kube-cost.io/alerts-silenced-until"

NS_PER_MICROSECOND = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def silenced_until(annotations: Mapping[str, str]) -> int:
    """Return the Unix nanoseconds up to which a namespace's budget is silenced, 0 where it isn't; raise BudgetError.

    `2026-12-01T09:00:00Z`, another offset, and a date, which begins at midnight in UTC, are moments.
    """
    if SILENCED_UNTIL not in annotations:
        return 0
    written = annotations[SILENCED_UNTIL].strip()
    since = _since_epoch(f"{written}T00:00:00Z" if _DATE.fullmatch(written) else written)
    if since is None:
        raise BudgetError(
            f"the annotation {SILENCED_UNTIL}: {written[:40]!r} is no moment; expected something like "
            "2026-12-01T09:00:00Z or 2026-12-01"
        )
    return max(0, since // timedelta(microseconds=1) * NS_PER_MICROSECOND)


def _since_epoch(text: str) -> timedelta | None:
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC) - _EPOCH
    except (ValueError, OverflowError):
        return None
