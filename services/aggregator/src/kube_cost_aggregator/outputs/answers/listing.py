"""Which lines an answer has, and in which order: what all lists have in common."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TypeVar

from kube_cost_aggregator.outputs.parameter_kinds import NamePattern, Order, Pattern, Sort, Whole
from kube_cost_aggregator.outputs.parameters import Asked, Parameter

R = TypeVar("R")

Key = int | float | str | None
"""What a line is sorted by; what has None comes last."""

MAX_LINES = 100_000

LIMIT = Parameter(
    name="limit",
    kind=Whole(1, MAX_LINES),
    about="At most so many lines, the first in their order. Without it all of them.",
)

Keys = Mapping[str, Callable[[R], Key]]
"""What lines can be sorted by, by the name of the column."""


def names(name: str, about: str) -> Parameter[Pattern]:
    """Return a parameter of names, or patterns of names, that a line has one of."""
    return Parameter(
        name=name, kind=NamePattern(), repeated=True, about=f"{about}; `*` is any characters. Several are alternatives."
    )


def sort_by(keys: Mapping[str, object], default: str) -> Parameter[Order]:
    """Return the parameter that says what lines are sorted by."""
    return Parameter(
        name="sort",
        kind=Sort(tuple(keys)),
        default=default,
        about="The column that lines are sorted by, with a `-` before it for the greatest first. "
        "What isn't known comes last.",
    )


def meant(patterns: Sequence[Pattern], name: str) -> bool:
    """Return whether a name matches one of the patterns; without any each does."""
    return not patterns or any(pattern.matches(name) for pattern in patterns)


def arranged(rows: Iterable[R], keys: Keys[R], order: Order, asked: Asked) -> tuple[list[R], int]:
    """Return the rows in the order asked for, up to the limit, and how many more there are.

    Those that are equal by it stay in the order in which they come.
    """
    key = keys[order.column]
    known: list[tuple[Key, R]] = []
    unknown: list[R] = []
    for row in rows:
        value = key(row)
        if value is None:
            unknown.append(row)
        else:
            known.append((value, row))
    known.sort(key=itemgetter(0), reverse=order.descending)
    lines = [row for _, row in known] + unknown
    limit = asked.given(LIMIT)
    shown = lines[:limit]
    return shown, len(lines) - len(shown)
