"""Which hours a window is. The ledger's grain is the UTC hour, so what is asked for is widened to full ones. Pure."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from kube_cost_common.domain.money import NS_PER_SECOND

HOUR = 3600
DAY = 24 * HOUR

MAX_DAYS = 400
"""The longest window that is answered: a year, and some to compare."""

EXAMPLES = "24h, 7d, 90m, today, yesterday, month, lastmonth, 2026-11-01/2026-11-08, or two RFC 3339 times with a /"

_DURATION = re.compile(r"([0-9]{1,6})([mhdw])")
_UNIT_SECONDS = {"m": 60, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class WindowError(ValueError):
    """A window that can't be answered: a sentence that says why."""


class Window(NamedTuple):
    """Unix seconds of a start and an end, both full hours; the end isn't in it."""

    start: int
    end: int


def parse_window(text: str, now_ns: int) -> Window:
    """Return the full hours that `text` touches at the moment `now_ns` (Unix nanoseconds); raises WindowError."""
    now = now_ns // NS_PER_SECOND
    start, end = _named(text, now) or _past(text, now) or _between(text)
    if start >= end:
        raise WindowError("its start isn't before its end")
    if start > now:
        raise WindowError("it begins in the future")
    if end - start > MAX_DAYS * DAY:
        raise WindowError(f"it is longer than {MAX_DAYS} days")
    return Window(start // HOUR * HOUR, -(-end // HOUR) * HOUR)


def rfc3339(seconds: float) -> str:
    """Return Unix seconds as a time in UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _named(text: str, now: int) -> tuple[int, int] | None:
    midnight = now // DAY * DAY
    month = _month_start(now)
    soon = now + 1  # at midnight sharp, today is the hour that begins
    match text:
        case "today":
            return midnight, soon
        case "yesterday":
            return midnight - DAY, midnight
        case "month":
            return month, soon
        case "lastmonth":
            return _month_start(month - 1), month
        case _:
            return None


def _past(text: str, now: int) -> tuple[int, int] | None:
    matched = _DURATION.fullmatch(text)
    if matched is None:
        return None
    return now - int(matched[1]) * _UNIT_SECONDS[matched[2]], now


def _between(text: str) -> tuple[int, int]:
    start, slash, end = text.partition("/")
    if not slash:
        raise WindowError(f"it is none of these: {EXAMPLES}")
    first = _moment(start)
    last = _moment(end)
    return int(first.timestamp()), int((last + timedelta(seconds=1, microseconds=-1)).timestamp())


def _moment(text: str) -> datetime:
    """Return the start of a date in UTC, or a time that says its offset."""
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text)
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise WindowError(f"{text!r} has no offset from UTC; write 2026-11-01T00:00:00Z")
        in_utc = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if isinstance(error, WindowError):
            raise
        raise WindowError(f"{text!r} is neither a date nor a time of RFC 3339") from error
    if not 1970 <= in_utc.year < 9999:
        raise WindowError(f"{text!r} is out of bounds")
    return in_utc


def _month_start(seconds: int) -> int:
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return int(moment.replace(day=1, hour=0, minute=0, second=0).timestamp())
