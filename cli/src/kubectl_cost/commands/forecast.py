"""`kubectl cost forecast`."""

from dataclasses import replace
from typing import Any

import click

from kubectl_cost.client.server import Query, Server
from kubectl_cost.options import listing_options, listing_query, names_query, output_options
from kubectl_cost.report import Column, Report
from kubectl_cost.running import run
from kubectl_cost.tables.costs import moment
from kubectl_cost.tables.listings import Listing, listed

SORTS = {"forecast": "-forecast_usd", "spent": "-month_to_date_usd", "name": "namespace"}

_MONEY = ("month_to_date_usd", "forecast_usd", "low_usd", "high_usd")

FORECAST = Listing(
    name="forecast",
    kind="Forecast",
    lines="namespaces",
    columns=[
        Column("NAMESPACE", "namespace"),
        *(
            Column(title, key, "money")
            for title, key in zip(("MONTH TO DATE", "FORECAST", "LOW", "HIGH"), _MONEY, strict=True)
        ),
    ],
    sums={key: f"total.{key}" for key in _MONEY},
    facts=("month_start", "month_end", "history_start", "settled_through"),
)


@click.command(name="forecast")
@click.argument("names", nargs=-1, metavar="[NAMESPACE]...")
@listing_options(*SORTS)
@output_options
def command(names: tuple[str, ...], **options: Any) -> None:
    """Show what namespaces have cost this month, and will have cost at its end."""
    query = [*names_query("namespace", names), *listing_query(options, SORTS)]
    run(options, lambda server, _wide: _report(server, query))


def _report(server: Server, query: Query) -> Report:
    report, answer = listed(server, FORECAST, query)
    lines = [
        f"The month is {moment(answer['month_start'])} to {moment(answer['month_end'])} UTC.",
        "Low and high of the sum aren't the sums of theirs: not all are dear on the same days.",
    ]
    if answer["history_start"] is not None and answer["history_start"] > answer["month_start"]:
        lines.append(f"Nothing is known from before {moment(answer['history_start'])}.")
    return replace(report, footer=[*lines, *report.footer])
