"""How a query is run: asked, shaped, printed; once, or again and again."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from kubectl_cost.client.server import Server
from kubectl_cost.faults import CannotAnswerError
from kubectl_cost.formats.chosen import FORMATS, NARROW
from kubectl_cost.options import server_of
from kubectl_cost.report import Report

Ask = Callable[[Server, bool], Report]
"""Makes a report of what a server says; the flag is whether wide columns are wanted."""


def run(options: Mapping[str, Any], ask: Ask, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Print the answer; with --watch until somebody ends it, and whatever goes wrong from the second on."""
    server = server_of(options)
    write = FORMATS[options["output"]]
    wide = options["output"] not in NARROW

    def answer() -> str:
        try:
            return write(ask(server, wide))
        except KeyError as error:
            raise CannotAnswerError(
                f"the answer of {server.named} has no {error}; is it older than this command (`kubectl cost version`)?"
            ) from error

    click.echo(answer(), nl=False)
    while options["watch"]:
        try:
            pause(options["watch_seconds"])
            text = answer()
        except KeyboardInterrupt:
            return
        except CannotAnswerError as error:
            click.echo(f"error: {error}", err=True)
            continue
        click.clear()  # does nothing where no terminal is
        click.echo(text, nl=False)
