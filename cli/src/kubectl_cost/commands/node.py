"""`kubectl cost node`."""

from typing import Any

import click

from kubectl_cost.options import listing_options, names_query, output_options, scope_options, window_options
from kubectl_cost.report import Column
from kubectl_cost.running import run
from kubectl_cost.scopes import scope_query
from kubectl_cost.tables.costs import ESTIMATED, HOURS, PODS, SPOT, CostQuestion, costs
from kubectl_cost.tables.nodes import NOW, nodes_now

IDLE = Column("IDLE", "idle_usd", "money")
SYSTEM = Column("SYSTEM", "system_usd", "money")


@click.command(name="node")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--node-pool", multiple=True, help="Only nodes of this pool; * is any text. Several: any.")
@scope_options
@window_options
@listing_options("cost", "name")
@output_options
def command(names: tuple[str, ...], node_pool: tuple[str, ...], **options: Any) -> None:
    """Show what nodes have cost: all that they cost, and how much of that no pod has had.

    With -n or -l it is what those pods have cost on them.
    """
    scope = scope_query(options)
    asked = CostQuestion(
        kind="NodeCosts",
        by="node",
        window=options["window"],
        columns=[
            Column("NODE", "node"),
            Column("INSTANCE TYPE", "instance_type"),
            Column("NODE POOL", "node_pool"),
        ],
        more=[*([PODS] if scope else [IDLE, SYSTEM]), SPOT, HOURS, ESTIMATED, *NOW],
        query=[*names_query("node", names), *names_query("node_pool", node_pool), *scope],
        monthly=options["monthly"],
        sort=options["sort_by"],
        limit=options["limit"],
        beside=nodes_now,
    )
    run(options, lambda server, wide: costs(server, asked, wide=wide))
