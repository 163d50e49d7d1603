"""What namespaces will have cost at the month's end."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kube_cost_aggregator.outputs.overview import NamespaceMoney
from kube_cost_aggregator.state.totals import Totals, month_start
from kube_cost_common.domain.forecast import Forecast, forecast
from kube_cost_common.domain.money import NS_PER_HOUR, NS_PER_SECOND

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400
LAST_HOURS = 24


class Known(NamedTuple):
    """What a forecast is made of: the last whole hours and whole days that are settled, and how much is left.

    Hours are Unix seconds, days Unix days.
    """

    hours: range
    days: range
    rest_hours: float

    def forecast(self, *, month_to_date: int, by_hour: Mapping[int, int], by_day: Mapping[int, int]) -> Forecast:
        """Return nano-USD at the month's end from nano-USD so far; an hour or a day that isn't there has cost 0."""
        return forecast(
            month_to_date=month_to_date,
            last_hours=[by_hour.get(hour, 0) for hour in self.hours],
            days=[by_day.get(day, 0) for day in self.days],
            rest_hours=self.rest_hours,
        )


def known(totals: Totals, now_ns: int) -> Known | None:
    """Return what is known, once a whole hour is settled since the ledger began.

    Whole hours end before where the oldest node is settled to: a later one may still grow.
    """
    if totals.settled_through_ns is None:
        return None
    through = totals.settled_through_ns // NS_PER_SECOND
    last = through // SECONDS_PER_HOUR * SECONDS_PER_HOUR
    began = -(-totals.started_at_ns // NS_PER_HOUR) * SECONDS_PER_HOUR
    hours = range(max(began, last - LAST_HOURS * SECONDS_PER_HOUR), last, SECONDS_PER_HOUR)
    if not hours:
        return None
    first_day = max(month_start(now_ns) // SECONDS_PER_DAY, -(-began // SECONDS_PER_DAY))
    rest_hours = (month_end(now_ns) - through) / SECONDS_PER_HOUR
    return Known(hours, range(first_day, last // SECONDS_PER_DAY), rest_hours)


def forecasts(rows: Iterable[NamespaceMoney], totals: Totals, now_ns: int) -> dict[str, Forecast]:
    """Return nano-USD by namespace; nothing while nothing is known."""
    what = known(totals, now_ns)
    if what is None:
        return {}
    return {
        row.namespace: what.forecast(
            month_to_date=row.month_to_date,
            by_hour=totals.hours.get(row.namespace, {}),
            by_day=totals.days.get(row.namespace, {}),
        )
        for row in rows
    }


def month_end(now_ns: int) -> int:
    """Return the Unix seconds at which the UTC month of a moment ends."""
    first = datetime.fromtimestamp(month_start(now_ns), tz=UTC)
    return int((first + timedelta(days=32)).replace(day=1).timestamp())
