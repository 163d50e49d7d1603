"""What a command has found out, exact and without a look: formats give it one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "money", "price", "number", "percent", "age", "hours", "names"]
"""How people read it. `money` is an exact decimal string of USD, shown with two digits; `price` one that is shown as it
is; `percent` a number of percent; `age` and `hours` seconds; `names` a list of texts."""

Value = str | int | float | Sequence[str] | None
Row = Mapping[str, Value]


@dataclass(frozen=True)
class Column:
    """A column: its title for people, its name for machines; one that is `wide` is left out of narrow tables."""

    title: str
    key: str
    kind: Kind = "text"
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """Rows in their order, and what is said of all of them.

    `summed` is the row of sums, of rows too that a limit left out. `facts` is what machines are told beside the rows,
    `footer` what people are, in sentences.
    """

    kind: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    summed: Row | None = None
    left_out: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    footer: Sequence[str] = ()
