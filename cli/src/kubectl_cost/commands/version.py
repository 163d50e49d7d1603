"""`kubectl cost version`."""

from importlib.metadata import version

import click


@click.command(name="version")
def command() -> None:
    """Print the version of this command."""
    click.echo(f"kubectl-cost {version('kubectl-cost')}")
