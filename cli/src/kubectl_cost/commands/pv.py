"""`kubectl cost pv`."""

from dataclasses import replace
from typing import Any

import click

from kubectl_cost.client.server import Query, Server
from kubectl_cost.options import listing_options, listing_query, names_query, output_options
from kubectl_cost.report import Column, Report
from kubectl_cost.running import run
from kubectl_cost.tables.amounts import month_of
from kubectl_cost.tables.listings import Listing, listed

SORTS = {"cost": "-usd_per_hour", "name": "volume", "capacity": "-capacity_gib", "namespace": "namespace"}

VOLUMES = Listing(
    name="volumes",
    kind="VolumeCosts",
    lines="volumes",
    columns=[
        Column("VOLUME", "volume"),
        Column("NAMESPACE", "namespace"),
        Column("CLAIM", "claim"),
        Column("STORAGE CLASS", "storage_class"),
        Column("GIB", "capacity_gib", "number"),
        Column("MONTHLY COST", "usd_per_month", "money"),
        Column("MOUNTED BY", "mounted_by", "names"),
        Column("PRICE FROM", "price_source", wide=True),
        Column("DRIVER", "driver", wide=True),
    ],
    facts=("unpriced",),
)


@click.command(name="pv")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-n", "--namespace", multiple=True, help="Only of claims in this namespace; * is any text.")
@click.option("--storage-class", multiple=True, help="Only of this storage class; * is any text.")
@listing_options(*SORTS)
@output_options
def command(names: tuple[str, ...], namespace: tuple[str, ...], storage_class: tuple[str, ...], **options: Any) -> None:
    """Show what persistent volumes cost now, all of them or those of these names (* is any text)."""
    query = [
        *names_query("volume", names),
        *names_query("namespace", namespace),
        *names_query("storage_class", storage_class),
        *listing_query(options, SORTS),
    ]
    run(options, lambda server, _wide: _report(server, query))


def _report(server: Server, query: Query) -> Report:
    report, answer = listed(server, VOLUMES, query)
    unpriced = answer["unpriced"]
    return replace(
        report,
        summed={"usd_per_month": month_of(answer["total_usd_per_hour"])},
        footer=[*([f"Of {unpriced} no price is known; they aren't in the sum."] if unpriced else []), *report.footer],
    )
