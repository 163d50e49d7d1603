"""`kubectl cost prices`."""

from dataclasses import replace
from typing import Any

import click

from kubectl_cost.client.server import Query, Server
from kubectl_cost.options import listing_options, listing_query, names_query, output_options
from kubectl_cost.report import Column, Report
from kubectl_cost.running import run
from kubectl_cost.tables.listings import Listing, listed

SORTS = {"kind": "kind", "name": "sku", "price": "-usd", "age": "fetched_at"}

PRICES = Listing(
    name="prices",
    kind="Prices",
    lines="prices",
    columns=[
        Column("KIND", "kind"),
        Column("NAME", "sku"),
        Column("CAPACITY", "capacity_type"),
        Column("REGION", "region"),
        Column("ZONE", "zone"),
        Column("USD", "usd", "price"),
        Column("PER", "unit"),
        Column("FROM", "source"),
        Column("AGE", "age_seconds", "age"),
        Column("MISSING BECAUSE", "missing_detail"),
        Column("LIST USD", "list_usd", "price", wide=True),
        Column("PROVIDER", "provider", wide=True),
        Column("OS", "os", wide=True),
        Column("SINCE", "effective_from", wide=True),
        Column("NOTE", "note", wide=True),
    ],
    facts=("missing",),
    with_prices=False,
)


@click.command(name="prices")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Prices too that nothing in the cluster has now.")
@click.option("--kind", multiple=True, help="Only prices of this: instance, volume, network …")
@click.option("--source", multiple=True, help="Only prices from there: api, bill, custom, snapshot, estimate.")
@listing_options(*SORTS)
@output_options
def command(
    names: tuple[str, ...], *, everything: bool, kind: tuple[str, ...], source: tuple[str, ...], **options: Any
) -> None:
    """Show the prices that the cluster needs, where each is from and how old it is, and which are missing."""
    query = [
        *names_query("sku", names),
        *names_query("kind", kind),
        *names_query("source", source),
        *([] if everything else [("needed", "true")]),
        *listing_query(options, SORTS),
    ]
    run(options, lambda server, _wide: _report(server, query))


def _report(server: Server, query: Query) -> Report:
    report, answer = listed(server, PRICES, query)
    missing = answer["missing"]
    lines = [f"Needed and missing: {missing}. What has such a price has no dollars."] if missing else []
    return replace(report, footer=[*lines, *report.footer])
