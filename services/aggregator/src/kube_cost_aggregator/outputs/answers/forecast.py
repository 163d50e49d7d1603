"""`/api/v1/forecast`: what the month has cost so far, and what it will have cost."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from kube_cost_aggregator.outputs.answers.answer import Answer, Endpoint, Known
from kube_cost_aggregator.outputs.answers.fields import Listing, Time, Usd, time_of, usd
from kube_cost_aggregator.outputs.answers.formats import FORMAT
from kube_cost_aggregator.outputs.answers.listing import LIMIT, Keys, arranged, meant, names, sort_by
from kube_cost_aggregator.outputs.forecasts import known as known_of
from kube_cost_aggregator.outputs.forecasts import month_end
from kube_cost_aggregator.outputs.parameters import Asked
from kube_cost_aggregator.state.totals import PSEUDO, Totals, month_start
from kube_cost_common.domain.forecast import Forecast
from kube_cost_common.domain.money import NS_PER_SECOND


class ForecastAmounts(msgspec.Struct, frozen=True, kw_only=True):
    """A month's money. The forecast is null until a whole hour is settled."""

    month_to_date_usd: Usd
    forecast_usd: Usd | None
    low_usd: Usd | None
    high_usd: Usd | None


class NamespaceForecast(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A namespace's month; `__idle__`, `__system__`, `__unclaimed__`, `__cluster__` are what isn't any's."""

    namespace: str
    month_to_date_usd: Usd
    forecast_usd: Usd | None
    low_usd: Usd | None
    high_usd: Usd | None


class ForecastAnswer(Listing, frozen=True, kw_only=True):
    """Months by namespace, and the month of all that are meant, those that `limit` leaves out among them.

    `low_usd` and `high_usd` of the total aren't the sums of theirs: not all namespaces are dear on the same days.
    """

    month_start: Time
    month_end: Time
    history_start: Time | None
    settled_through: Time | None
    total: ForecastAmounts
    namespaces: list[NamespaceForecast]


class _Row(NamedTuple):
    namespace: str
    month_to_date: int
    forecast: Forecast | None


_KEYS: Keys[_Row] = {
    "namespace": lambda row: row.namespace,
    "month_to_date_usd": lambda row: row.month_to_date,
    "forecast_usd": lambda row: row.forecast.expected if row.forecast else row.month_to_date,
}

NAMESPACE = names("namespace", "Namespaces")
SORT = sort_by(_KEYS, "-forecast_usd")


def _answer(asked: Asked, known: Known) -> Answer:
    totals, now_ns = known.totals, known.now_ns
    patterns = asked.all(NAMESPACE)
    everyone = sorted(known.rates.namespaces | totals.days.keys() | PSEUDO)
    rows = [_row([name], totals, now_ns) for name in everyone if meant(patterns, name)]
    first = month_start(now_ns) * NS_PER_SECOND
    # What is gone and has cost nothing this month isn't anybody's any more.
    rows = [row for row in rows if row.namespace in known.rates.namespaces or row.month_to_date]
    total = _row([row.namespace for row in rows], totals, now_ns)
    shown, left_out = arranged(rows, _KEYS, asked.one(SORT), asked)
    body = ForecastAnswer(
        **known.head,
        left_out=left_out,
        month_start=time_of(first) or "",
        month_end=time_of(month_end(now_ns) * NS_PER_SECOND) or "",
        history_start=time_of(totals.started_at_ns),
        settled_through=time_of(totals.settled_through_ns),
        total=ForecastAmounts(**_amounts(total)),
        namespaces=[],
    )
    return Answer(body, [NamespaceForecast(namespace=row.namespace, **_amounts(row)) for row in shown])


def _row(namespaces: list[str], totals: Totals, now_ns: int) -> _Row:
    """Return the month of namespaces together."""
    what = known_of(totals, now_ns)
    spent = sum(totals.month_to_date(name, now_ns) for name in namespaces)
    if what is None:
        return _Row(namespaces[0] if namespaces else "", spent, None)
    forecast = what.forecast(
        month_to_date=spent,
        by_hour=_together(totals.hours.get(name, {}) for name in namespaces),
        by_day=_together(totals.days.get(name, {}) for name in namespaces),
    )
    return _Row(namespaces[0] if namespaces else "", spent, forecast)


def _together(amounts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for by_time in amounts:
        for at, nano in by_time.items():
            sums[at] = sums.get(at, 0) + nano
    return sums


def _amounts(row: _Row) -> dict[str, Any]:
    expected, low, high = (None, None, None) if row.forecast is None else (usd(round(one)) for one in row.forecast)
    return {
        "month_to_date_usd": usd(row.month_to_date),
        "forecast_usd": expected,
        "low_usd": low,
        "high_usd": high,
    }


FORECAST = Endpoint(
    name="forecast",
    summary="What namespaces have cost this month, and will have cost at its end",
    parameters=(NAMESPACE, SORT, LIMIT, FORMAT),
    body=ForecastAnswer,
    answer=_answer,
)
