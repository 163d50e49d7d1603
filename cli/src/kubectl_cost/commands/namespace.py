"""`kubectl cost namespace`."""

from functools import partial
from typing import Any

import click

from kubectl_cost.options import listing_options, names_query, output_options, window_options
from kubectl_cost.report import Column
from kubectl_cost.running import run
from kubectl_cost.tables.costs import AVERAGE, BY_RESOURCE, PODS, SPOT, CostQuestion, costs
from kubectl_cost.tables.efficiencies import COLUMNS, efficiencies


@click.command(name="namespace")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@window_options
@listing_options("cost", "name")
@output_options
def command(names: tuple[str, ...], **options: Any) -> None:
    """Show what namespaces have cost, all of them or those of these names (* is any text).

    POD COUNT is how many pods ran in the window. With __idle__, __system__, __unclaimed__ and __cluster__, which are
    what is nobody's, they add up to the cluster.
    """
    asked = CostQuestion(
        kind="NamespaceCosts",
        by="namespace",
        window=options["window"],
        columns=[Column("NAMESPACE", "namespace")],
        more=[PODS, AVERAGE, *BY_RESOURCE, SPOT, *COLUMNS],
        query=names_query("namespace", names),
        monthly=options["monthly"],
        sort=options["sort_by"],
        limit=options["limit"],
        beside=partial(efficiencies, by="namespace"),
    )
    run(options, lambda server, wide: costs(server, asked, wide=wide))
