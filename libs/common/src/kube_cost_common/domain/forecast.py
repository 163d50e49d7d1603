"""What a month will have cost at its end."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

HOURS_PER_DAY = 24
LEAST_DAYS = 3
"""Whole days from which on their spread says something."""


class Forecast(NamedTuple):
    """An amount at the month's end, and how low and high it may be, in the unit of what it was made of."""

    expected: float
    low: float
    high: float


def forecast(
    *, month_to_date: float, last_hours: Sequence[float], days: Sequence[float], rest_hours: float
) -> Forecast:
    """Return the month to date and what the rest of the month costs at the last hours' average.

    `last_hours` are what the last whole hours cost, up to 24, `days` the whole days of this month. Each of the rest's
    days may differ by the spread of the days (their standard deviation; of the hours' where there are fewer than three
    days), independently of the others, so that the whole differs by that times the root of their number. The low is
    never below the month to date.
    """
    if not last_hours:
        return Forecast(month_to_date, month_to_date, month_to_date)
    hourly = sum(last_hours) / len(last_hours)
    spread = _deviation(days) if len(days) >= LEAST_DAYS else _deviation(last_hours) * sqrt(HOURS_PER_DAY)
    rest = max(0.0, rest_hours)
    expected = month_to_date + hourly * rest
    margin = spread * sqrt(rest / HOURS_PER_DAY)
    return Forecast(expected, max(month_to_date, expected - margin), expected + margin)


def _deviation(amounts: Sequence[float]) -> float:
    if len(amounts) < 2:
        return 0.0
    mean = sum(amounts) / len(amounts)
    return sqrt(sum((amount - mean) ** 2 for amount in amounts) / (len(amounts) - 1))
