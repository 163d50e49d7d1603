"""What a query parameter's value can be: how its text is read, and how OpenAPI says so. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from kube_cost_aggregator.history.queries import glob_matches
from kube_cost_aggregator.outputs.windows import EXAMPLES, Window, WindowError, parse_window

T_co = TypeVar("T_co", covariant=True)

MAX_SHOWN = 100
"""Characters of a wrong value that an answer repeats."""

MAX_NAME = 253
"""The longest name of an object in Kubernetes."""

_WHOLE = re.compile(r"-?[0-9]{1,9}")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?")
_PATTERN = re.compile(r"[A-Za-z0-9*._-]+")
LABEL_NAME = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


class ValueRefusedError(ValueError):
    """A value that isn't one: a sentence that says why, and what is."""


class Kind(Protocol[T_co]):
    """Reads a value's text; `schema` is what OpenAPI says of it."""

    def read(self, text: str, now_ns: int) -> T_co:
        """Return the value at the moment `now_ns` (Unix nanoseconds); raise ValueRefusedError."""
        ...

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        ...


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: Sequence[str]

    def read(self, text: str, _now_ns: int) -> str:
        """Return the word; it is the one in `words`, not the one that was asked with."""
        for word in self.words:
            if word == text:
                return word
        raise ValueRefusedError(f"{shown(text)} is none of {', '.join(self.words)}")

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "string", "enum": list(self.words)}


class Order(NamedTuple):
    """What lines are sorted by."""

    column: str
    descending: bool


@dataclass(frozen=True)
class Sort:
    """One of a few columns, with a `-` before it for the greatest first."""

    columns: Sequence[str]

    def read(self, text: str, _now_ns: int) -> Order:
        """Return the column and its direction."""
        for column in self.columns:
            if text.removeprefix("-") == column:
                return Order(column, text.startswith("-"))
        raise ValueRefusedError(
            f"{shown(text)} is none of {', '.join(self.columns)}, each with a - before it for the greatest first"
        )

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "string", "enum": [sign + column for column in self.columns for sign in ("", "-")]}


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds, both of them allowed."""

    least: int
    most: int

    def read(self, text: str, _now_ns: int) -> int:
        """Return the number."""
        if _WHOLE.fullmatch(text) is None or not self.least <= int(text) <= self.most:
            raise ValueRefusedError(f"{shown(text)} is no whole number from {self.least} to {self.most}")
        return int(text)

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Decimal:
    """A number within bounds, both of them allowed, written as in JSON."""

    least: float
    most: float

    def read(self, text: str, _now_ns: int) -> float:
        """Return the number."""
        if _DECIMAL.fullmatch(text) is None or not self.least <= float(text) <= self.most:
            raise ValueRefusedError(f"{shown(text)} is no number from {self.least:g} to {self.most:g}, such as 0.5")
        return float(text)

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "number", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class YesNo:
    """`true` or `false`."""

    def read(self, text: str, _now_ns: int) -> bool:
        """Return which."""
        if text not in {"true", "false"}:
            raise ValueRefusedError(f"{shown(text)} is neither true nor false")
        return text == "true"

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class WindowText:
    """A window of full hours, as people write it."""

    def read(self, text: str, now_ns: int) -> Window:
        """Return the full hours that it touches."""
        try:
            return parse_window(text, now_ns)
        except WindowError as error:
            raise ValueRefusedError(f"{shown(text)} can't be answered: {error}") from error

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "string", "minLength": 2, "maxLength": 80, "description": EXAMPLES}


@dataclass(frozen=True)
class FreeText:
    """Any text up to a length in characters, without control characters."""

    most: int

    def read(self, text: str, _now_ns: int) -> str:
        """Return it as it is."""
        if not 0 < len(text) <= self.most or not text.isprintable():
            raise ValueRefusedError(f"{shown(text)} is no text of 1 to {self.most} printable characters")
        return text

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "string", "minLength": 1, "maxLength": self.most}


@dataclass(frozen=True)
class Pattern:
    """A name, or a pattern of names: `*` is any characters, none included. Case counts."""

    text: str

    @property
    def is_name(self) -> bool:
        """Whether only one name matches."""
        return "*" not in self.text

    def matches(self, name: str) -> bool:
        """Return whether a name is meant."""
        return glob_matches(name, self.text)


@dataclass(frozen=True)
class NamePattern:
    """A pattern of names of objects in Kubernetes, `__idle__` and the like among them."""

    def read(self, text: str, _now_ns: int) -> Pattern:
        """Return the pattern."""
        if len(text) > MAX_NAME or _PATTERN.fullmatch(text) is None:
            raise ValueRefusedError(
                f"{shown(text)} is no name or pattern: 1 to {MAX_NAME} letters, digits, '-', '.', '_', and '*' for "
                "any characters"
            )
        return Pattern(text)

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "string", "pattern": f"^{_PATTERN.pattern}$", "maxLength": MAX_NAME}


class LabelIs(NamedTuple):
    """A label's name, and a pattern of its values."""

    name: str
    value: Pattern


@dataclass(frozen=True)
class LabelPattern:
    """`team=pay*`: a label and a pattern of its values."""

    def read(self, text: str, _now_ns: int) -> LabelIs:
        """Return both."""
        name, _, value = text.partition("=")
        if len(text) > 2 * MAX_NAME or not LABEL_NAME.fullmatch(name) or not _PATTERN.fullmatch(value):
            raise ValueRefusedError(f"{shown(text)} is no label and value; expected something like team=pay*")
        return LabelIs(name, Pattern(value))

    def schema(self) -> Mapping[str, object]:
        """Return its JSON schema."""
        return {"type": "string", "pattern": f"^{LABEL_NAME.pattern}={_PATTERN.pattern}$", "maxLength": 2 * MAX_NAME}


def shown(text: str) -> str:
    """Return a value as an answer repeats it: in quotes, not all of a long one."""
    return repr(text) if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]!r}…"
