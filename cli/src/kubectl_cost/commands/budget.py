"""`kubectl cost budget`."""

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import click

from kubectl_cost.client.server import Query, Server
from kubectl_cost.options import listing_options, listing_query, names_query, output_options
from kubectl_cost.report import Column, Report
from kubectl_cost.running import run
from kubectl_cost.tables.costs import moment
from kubectl_cost.tables.listings import Listing, listed

SORTS = {
    "forecast": "-forecast_percent",
    "spent": "-spent_percent",
    "amount": "-amount_usd",
    "name": "scope",
}

BUDGETS = Listing(
    name="budgets",
    kind="Budgets",
    lines="budgets",
    columns=[
        Column("KIND", "scope_kind"),
        Column("OF", "scope"),
        Column("BUDGET", "amount_usd", "money"),
        Column("SPENT", "spent_usd", "money"),
        Column("SPENT %", "spent_percent", "percent"),
        Column("FORECAST", "forecast_usd", "money"),
        Column("FORECAST %", "forecast_percent", "percent"),
        Column("MONTHLY RATE", "usd_per_month", "money", wide=True),
        Column("FROM", "source", wide=True),
    ],
    facts=("month_start", "history_start", "settled_through", "faults"),
)


@click.command(name="budget")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--kind",
    multiple=True,
    type=click.Choice(("cluster", "namespace", "label", "workload")),
    help="Only budgets of these.",
)
@listing_options(*SORTS)
@output_options
def command(names: tuple[str, ...], kind: tuple[str, ...], **options: Any) -> None:
    """Show monthly budgets, what was spent of them, and what they will come to."""
    query = [*names_query("scope_kind", kind), *listing_query({**options, "limit": None}, SORTS)]
    run(options, lambda server, _wide: _report(server, query, names, options["limit"]))


def _report(server: Server, query: Query, names: tuple[str, ...], limit: int | None) -> Report:
    report, answer = listed(server, BUDGETS, query)
    rows = [row for row in report.rows if not names or any(fnmatchcase(str(row["scope"]), name) for name in names)]
    left_out = max(0, len(rows) - (limit or len(rows)))
    lines = [f"The month began {moment(answer['month_start'])} UTC."]
    if left_out:
        lines.append(f"{left_out} more rows are left out by --limit.")
    return replace(report, rows=rows[:limit], left_out=left_out, footer=[*lines, *answer["faults"], *report.footer])
