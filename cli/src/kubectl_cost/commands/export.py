"""`kubectl cost export`."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from kubectl_cost.faults import BadInputError, CannotAnswerError
from kubectl_cost.options import names_query, server_of, server_options

NAMES = {"focus": "export/focus", "openmetrics": "export/openmetrics", "csv": "export/costs.csv"}


@click.command(name="export")
@click.argument("kind", type=click.Choice(tuple(NAMES)))
@click.option("-f", "--file", "path", type=click.Path(), default="-", help="Where it goes; else to standard output.")
@click.option(
    "--window",
    default="24h",
    show_default=True,
    help="Which time: 7d, yesterday, month, lastmonth, 2026-11-01/2026-11-08; of it what is settled for good.",
)
@click.option("-n", "--namespace", multiple=True, help="Only rows of this namespace; * is any text. Several: any.")
@click.option("--step", type=click.Choice(("day", "hour")), default=None, help="Of csv: what a row is of.")
@server_options
def command(kind: str, path: str, window: str, namespace: tuple[str, ...], step: str | None, **options: Any) -> None:
    """Write costs as FOCUS (CSV of the FinOps standard), as OpenMetrics for a new Prometheus, or as a table in CSV.

    A file is there under its name when it is whole, and not before.
    """
    if step and kind != "csv":
        raise BadInputError(f"--step: only csv has one, not {kind}")
    query = [("window", window), *names_query("namespace", namespace), *([("step", step)] if step else [])]
    pieces = server_of(options).stream(NAMES[kind], query)
    if path == "-":
        out = sys.stdout.buffer
        for piece in pieces:
            out.write(piece)
        out.flush()
    else:
        _write(pieces, Path(path))


def _write(pieces: Iterator[bytes], path: Path) -> None:
    begun = path.with_name(f".{path.name}.begun")
    first = next(pieces, b"")  # what is refused makes no file
    try:
        with ExitStack() as undo:
            undo.callback(begun.unlink, missing_ok=True)
            with begun.open("wb") as file:
                file.write(first)
                for piece in pieces:
                    file.write(piece)
            begun.replace(path)
    except OSError as error:
        raise CannotAnswerError(f"{path} can't be written: {error.strerror or error}") from error
