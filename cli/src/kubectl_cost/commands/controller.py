"""`kubectl cost controller`."""

from typing import Any

import click

from kubectl_cost.options import listing_options, output_options, scope_options, window_options
from kubectl_cost.running import run
from kubectl_cost.scopes import scope_query
from kubectl_cost.tables.costs import costs
from kubectl_cost.tables.workloads import workloads_asked


@click.command(name="controller")
@click.argument("names", nargs=-1, metavar="[[KIND/]NAME]...")
@scope_options
@window_options
@listing_options("cost", "name")
@output_options
def command(names: tuple[str, ...], **options: Any) -> None:
    """Show what the pods of workloads of any kind have cost: of the CronJob, not its Jobs."""
    asked = workloads_asked(names, options, scope_query(options))
    run(options, lambda server, wide: costs(server, asked, wide=wide))
