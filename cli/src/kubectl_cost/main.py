"""`kubectl cost`: the command's door. Each command is a file of its own, imported when it is called."""

from importlib.metadata import version as installed_version

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Show what the cluster costs."""


@main.command()
def version() -> None:
    """Print the version of this command."""
    click.echo(f"kubectl-cost {installed_version('kubectl-cost')}")


if __name__ == "__main__":
    main()
