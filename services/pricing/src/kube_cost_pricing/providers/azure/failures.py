"""What went wrong with an HTTP call, in the words of `calls.failures`."""

import datetime as dt
from email.utils import parsedate_to_datetime

from kube_cost_pricing.calls.failures import DENIED, INVALID, SERVER, THROTTLED, CallFailedError


def failed_status(status: int, words: str, retry_after: str | None, now_ns: int, *, denied: str) -> CallFailedError:
    """Return the failure that an HTTP status is; `denied` says what to do about a 401 or 403."""
    wait = _seconds(retry_after, now_ns)
    if status == 429:
        return CallFailedError(THROTTLED, f"{words}: too many requests", retry_after_seconds=wait)
    if status in {401, 403}:
        return CallFailedError(DENIED, f"{words}: {denied}")
    if status >= 500:
        return CallFailedError(SERVER, f"{words}: HTTP {status}", retry_after_seconds=wait)
    return CallFailedError(INVALID, f"{words}: HTTP {status}")


def _seconds(retry_after: str | None, now_ns: int) -> float | None:
    """Seconds, or a date: RFC 9110, 10.2.3."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=dt.UTC)
    return max(0.0, date.timestamp() - now_ns / 1e9)
