"""Arithmetic with exact decimal strings of USD."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from kube_cost_common.domain.money import HOURS_PER_MONTH, NANO_PER_USD, format_usd

_SECONDS_PER_HOUR = 3600


def summed(amounts: Iterable[str | None]) -> str:
    """Return the sum of what is known."""
    return _text(sum((Decimal(one) for one in amounts if one is not None), Decimal(0)))


def average(total: str, count: int | None) -> str | None:
    """Return the total's part of each, None where there are none."""
    return _text(Decimal(total) / count) if count else None


def monthly(total: str, hours: Decimal | None) -> str | None:
    """Return what a month costs in which each hour costs as those did, None where there are none."""
    return _text(Decimal(total) / hours * HOURS_PER_MONTH) if hours else None


def hours_between(start: str, end: str) -> Decimal | None:
    """Return the hours from one time of RFC 3339 to another, None where there are none."""
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return Decimal(seconds) / _SECONDS_PER_HOUR if seconds > 0 else None


def _text(usd: Decimal) -> str:
    return format_usd(round(usd * NANO_PER_USD))


def month_of(usd_per_hour: str) -> str:
    """Return what a month costs at a rate."""
    return _text(Decimal(usd_per_hour) * HOURS_PER_MONTH)
