"""A group of commands of which only the one that is called is imported."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from kubectl_cost.faults import CommandError

INTERRUPTED = 130
"""What a shell's own commands exit with after SIGINT."""


class Group(click.Group):
    """Commands by name, each with the line that help has of it: a module of `package` with a `command` in it.

    `aliases` are other names of the same commands.
    """

    def __init__(
        self, *args: Any, package: str, lines: Mapping[str, str], aliases: Mapping[str, str], **kw: Any
    ) -> None:
        super().__init__(*args, **kw)
        self._package = package
        self._lines = lines
        self._aliases = aliases

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names, in the order of help."""
        return list(self._lines)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; None where there is no such one."""
        name = self._aliases.get(cmd_name, cmd_name)
        if name not in self._lines:
            return None
        found: click.Command = import_module(f"{self._package}.{name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._lines.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it can't do is a sentence on standard error, and the exit code."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
