"""What namespaces will have cost at the month's end."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from kube_cost_aggregator.outputs.overview import NamespaceMoney
from kube_cost_aggregator.state.totals import Totals, month_start
from kube_cost_common.domain.forecast import Forecast, forecast
from kube_cost_common.domain.money import NS_PER_HOUR, NS_PER_SECOND

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400
LAST_HOURS = 24


def forecasts(rows: Iterable[NamespaceMoney], totals: Totals, now_ns: int) -> dict[str, Forecast]:
    """Return nano-USD by namespace, once a whole hour is settled since the ledger began.

    Whole hours end before where the oldest node is settled to: a later one may still grow.
    """
    if totals.settled_through_ns is None:
        return {}
    through = totals.settled_through_ns // NS_PER_SECOND
    last = through // SECONDS_PER_HOUR * SECONDS_PER_HOUR
    began = -(-totals.started_at_ns // NS_PER_HOUR) * SECONDS_PER_HOUR
    hours = range(max(began, last - LAST_HOURS * SECONDS_PER_HOUR), last, SECONDS_PER_HOUR)
    if not hours:
        return {}
    first_day = max(month_start(now_ns) // SECONDS_PER_DAY, -(-began // SECONDS_PER_DAY))
    whole_days = range(first_day, last // SECONDS_PER_DAY)
    rest_hours = (month_end(now_ns) - through) / SECONDS_PER_HOUR
    made: dict[str, Forecast] = {}
    for row in rows:
        by_hour, by_day = totals.hours.get(row.namespace, {}), totals.days.get(row.namespace, {})
        made[row.namespace] = forecast(
            month_to_date=row.month_to_date,
            last_hours=[by_hour.get(hour, 0) for hour in hours],
            days=[by_day.get(day, 0) for day in whole_days],
            rest_hours=rest_hours,
        )
    return made


def month_end(now_ns: int) -> int:
    """Return the Unix seconds at which the UTC month of a moment ends."""
    first = datetime.fromtimestamp(month_start(now_ns), tz=UTC)
    return int((first + timedelta(days=32)).replace(day=1).timestamp())
