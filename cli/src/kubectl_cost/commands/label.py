"""`kubectl cost label`."""

from typing import Any

import click

from kubectl_cost.options import listing_options, output_options, scope_options, window_options
from kubectl_cost.report import Column
from kubectl_cost.running import run
from kubectl_cost.scopes import scope_query
from kubectl_cost.tables.costs import AVERAGE, BY_RESOURCE, PODS, SPOT, CostQuestion, costs


@click.command(name="label")
@click.argument("label")
@click.argument("values", nargs=-1, metavar="[VALUE]...")
@scope_options
@window_options
@listing_options("cost", "name")
@output_options
def command(label: str, values: tuple[str, ...], **options: Any) -> None:
    """Show what pods have cost by the values of a label, of all or of these (* is any text).

    A pod without the label has its namespace's. The aggregator keeps the labels that KUBE_COST_LABELS names.
    """
    asked = CostQuestion(
        kind="LabelCosts",
        by=f"label:{label}",
        window=options["window"],
        columns=[Column(label, "value")],
        more=[PODS, AVERAGE, *BY_RESOURCE, SPOT],
        query=[*(("label", f"{label}={value}") for value in values), *scope_query(options)],
        monthly=options["monthly"],
        sort=options["sort_by"],
        limit=options["limit"],
    )
    run(options, lambda server, wide: costs(server, asked, wide=wide))
