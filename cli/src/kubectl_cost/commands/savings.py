"""`kubectl cost savings`."""

from dataclasses import replace
from typing import Any

import click

from kubectl_cost.client.server import Query, Server
from kubectl_cost.formats.values import money
from kubectl_cost.options import listing_options, listing_query, names_query, output_options
from kubectl_cost.report import Column, Report
from kubectl_cost.running import run
from kubectl_cost.tables.amounts import month_of
from kubectl_cost.tables.costs import moment
from kubectl_cost.tables.listings import Listing, listed

SORTS = {"saved": "-saved_usd", "now": "-saved_usd_per_hour", "name": "namespace"}

SAVINGS = Listing(
    name="savings",
    kind="SpotSavings",
    lines="namespaces",
    columns=[
        Column("NAMESPACE", "namespace"),
        Column("SAVED", "saved_usd", "money"),
        Column("SAVED PER HOUR NOW", "saved_usd_per_hour", "price"),
    ],
    sums={"saved_usd": "saved_usd", "saved_usd_per_hour": "saved_usd_per_hour"},
    facts=("history_start", "spot_share", "spot_share_now", "potential_usd_per_hour", "potential_usd_per_month"),
)


@click.command(name="savings")
@click.argument("names", nargs=-1, metavar="[NAMESPACE]...")
@click.option("--spot-share", default="", help="The part of nodes that could be spot, from 0 to 1; else the server's.")
@listing_options(*SORTS)
@output_options
def command(names: tuple[str, ...], spot_share: str, **options: Any) -> None:
    """Show what spot nodes have saved, save now, and would save if more nodes were spot."""
    share = [("spot_share", spot_share)] if spot_share else []
    query = [*names_query("namespace", names), *share, *listing_query(options, SORTS)]
    run(options, lambda server, _wide: _report(server, query))


def _report(server: Server, query: Query) -> Report:
    report, answer = listed(server, SAVINGS, query)
    now, potential = answer["spot_share_now"], answer["potential_usd_per_month"]
    share = "unknown" if now is None else f"{100 * now:.0f}%"
    more = (
        f"At {100 * answer['spot_share']:.0f}% it would save {money(potential)} a month more."
        if potential is not None
        else "What more of it would save isn't known: of no on-demand node there is a spot price."
    )
    since = f"since {moment(answer['history_start'])} UTC" if answer["history_start"] else "since the ledger began"
    lines = [
        f"Saved {since}; at the rate of now {money(month_of(answer['saved_usd_per_hour']))} a month.",
        f"Of nodes, by on-demand price, {share} are spot. {more}",
    ]
    return replace(report, footer=[*lines, *report.footer])
