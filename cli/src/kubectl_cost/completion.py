"""`kubectl_complete-cost`: kubectl calls it to complete `kubectl cost …`, with what is typed so far."""

import sys
from collections.abc import Sequence

import click
from click.shell_completion import ShellComplete

from kubectl_cost.main import main as cost

NO_FILES = ":4"
FILES = ":0"
"""What cobra, which kubectl is made with, calls ShellCompDirectiveNoFileComp and …Default."""


def completions(typed: Sequence[str]) -> list[str]:
    """Return the lines for kubectl: a word and its help each, and whether a file's name may stand there.

    The last of `typed` is the word that has begun, empty where none has.
    """
    *before, begun = typed or [""]
    items = ShellComplete(cost, {}, "kubectl cost", "").get_completions(list(before), begun)
    words = [f"{item.value}\t{item.help}" if item.help else str(item.value) for item in items if item.type == "plain"]
    return [*words, FILES if any(item.type in {"file", "dir"} for item in items) else NO_FILES]


def main() -> None:
    """Print the completions of the arguments."""
    click.echo("\n".join(completions(sys.argv[1:])))
