"""`kubectl cost pod`."""

from typing import Any

import click

from kubectl_cost.options import listing_options, names_query, output_options, scope_options, window_options
from kubectl_cost.report import Column
from kubectl_cost.running import run
from kubectl_cost.scopes import scope_query
from kubectl_cost.tables.costs import BY_RESOURCE, ESTIMATED, HOURS, SPOT, CostQuestion, costs


@click.command(name="pod")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@scope_options
@window_options
@listing_options("cost", "name")
@output_options
def command(names: tuple[str, ...], **options: Any) -> None:
    """Show what pods have cost, all of them or those of these names (* is any text)."""
    asked = CostQuestion(
        kind="PodCosts",
        by="pod",
        window=options["window"],
        columns=[Column("NAMESPACE", "namespace"), Column("POD", "pod"), Column("NODE", "node")],
        more=[*BY_RESOURCE[:5], SPOT, HOURS, ESTIMATED],
        query=[*names_query("pod", names), *scope_query(options)],
        monthly=options["monthly"],
        sort=options["sort_by"],
        limit=options["limit"],
    )
    run(options, lambda server, wide: costs(server, asked, wide=wide))
