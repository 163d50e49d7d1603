"""Forecasts of namespaces from what is settled."""

from datetime import UTC, datetime

from kube_cost_aggregator.outputs.forecasts import forecasts, month_end
from kube_cost_aggregator.outputs.overview import NamespaceMoney
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.forecast import Forecast

DAY = int(datetime(2026, 11, 25, tzinfo=UTC).timestamp())
NOW_NS = (DAY + 12 * 3600 + 90) * 10**9
HOUR = 3600


def row(month_to_date: int) -> NamespaceMoney:
    return NamespaceMoney(
        namespace="shop",
        hourly=0,
        daily=0,
        today=0,
        month_to_date=month_to_date,
        total=0,
        savings_total=0,
        savings_hourly=0,
    )


def totals(*, started: int, through: int, hours: dict[int, int]) -> Totals:
    return Totals(
        started_at_ns=started * 10**9,
        settled_through_ns=through * 10**9,
        hours={"shop": hours},
    )


def test_the_rest_of_the_month_is_at_the_last_whole_hours_average() -> None:
    """Noon of the 25th: 132 hours are left. The hour that isn't settled whole doesn't count, nor one 25 h ago."""
    noon = DAY + 12 * HOUR
    hours = {noon - 25 * HOUR: 900, noon: 900} | {noon - n * HOUR: 10 for n in range(1, 25)}
    made = forecasts([row(5000)], totals(started=0, through=noon, hours=hours), NOW_NS)
    assert made == {"shop": Forecast(6320, 6320, 6320)}


def test_an_hour_without_cost_is_an_hour_of_nothing() -> None:
    """A namespace that began an hour ago has cost 0 in the hours before."""
    noon = DAY + 12 * HOUR
    made = forecasts([row(240)], totals(started=0, through=noon, hours={noon - HOUR: 240}), NOW_NS)
    assert made["shop"].expected == 240 + 132 * 10


def test_nothing_is_forecast_of_less_than_an_hour() -> None:
    """The ledger's first hour isn't whole."""
    noon = DAY + 12 * HOUR
    assert not forecasts([row(5)], totals(started=noon - 1800, through=noon + 60, hours={noon: 5}), NOW_NS)
    assert not forecasts([row(5)], Totals(started_at_ns=0), NOW_NS)


def test_months_end_where_utc_says() -> None:
    """December has 31 days, and February of 2028 29."""
    for now, end in (("2026-12-31", "2027-01-01"), ("2028-02-01", "2028-03-01"), ("2026-11-30", "2026-12-01")):
        moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
        assert month_end(int(moment.timestamp()) * 10**9) == datetime.fromisoformat(end).replace(tzinfo=UTC).timestamp()
