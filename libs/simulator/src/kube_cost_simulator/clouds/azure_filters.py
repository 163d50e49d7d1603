"""The part of OData's `$filter` that the Retail Prices API is asked with. Values compare as they are written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

FIELDS: Mapping[str, str] = {
    "priceType": "type",
    **{
        field: field
        for field in (
            "armRegionName",
            "armSkuName",
            "location",
            "meterId",
            "meterName",
            "productId",
            "productName",
            "reservationTerm",
            "serviceFamily",
            "serviceId",
            "serviceName",
            "skuId",
            "skuName",
            "unitOfMeasure",
        )
    },
}
"""What can be filtered by, and what it is called in an answer."""

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z]\w*)|(?P<mark>[(),]))")


class FilterError(ValueError):
    """The filter isn't understood; the API answers 400."""


class Condition(Protocol):
    """What a row is tested by."""

    def holds(self, row: Mapping[str, Any], /) -> bool:
        """Return whether the row is asked for."""
        ...

    def values(self, field: str) -> frozenset[str] | None:
        """Return the only values of `field` for which it can hold, None where it can for any."""
        ...


@dataclass(frozen=True)
class Everything:
    """No filter."""

    def holds(self, _: Mapping[str, Any]) -> bool:
        """Return true."""
        return True

    def values(self, field: str) -> None:
        """Return that any value will do."""


@dataclass(frozen=True)
class _Test:
    kind: str
    field: str
    value: str

    def holds(self, row: Mapping[str, Any]) -> bool:
        found = row.get(self.field) or ""
        match self.kind:
            case "eq":
                return bool(found == self.value)
            case "startswith":
                return bool(found.startswith(self.value))
            case _:
                return self.value in found

    def values(self, field: str) -> frozenset[str] | None:
        return frozenset({self.value}) if self.kind == "eq" and field == self.field else None


@dataclass(frozen=True)
class _All:
    parts: tuple[Condition, ...]

    def holds(self, row: Mapping[str, Any]) -> bool:
        return all(part.holds(row) for part in self.parts)

    def values(self, field: str) -> frozenset[str] | None:
        return next((found for part in self.parts if (found := part.values(field)) is not None), None)


@dataclass(frozen=True)
class _Any:
    parts: tuple[Condition, ...]

    def holds(self, row: Mapping[str, Any]) -> bool:
        return any(part.holds(row) for part in self.parts)

    def values(self, field: str) -> frozenset[str] | None:
        found = [part.values(field) for part in self.parts]
        sure = [each for each in found if each is not None]
        return frozenset().union(*sure) if len(sure) == len(found) else None


def parse(text: str) -> Condition:
    """Return the condition that `text` is; raise FilterError. `and` binds tighter than `or`."""
    if not text.strip():
        return Everything()
    tokens = _Tokens(text)
    condition = _any(tokens)
    if tokens.next:
        raise FilterError(f"nothing is expected at {tokens.next}")
    return condition


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens = _split(text)
        self.next = next(self._tokens, "")

    def take(self, wanted: str = "") -> str:
        taken = self.next
        if not taken or (wanted and taken != wanted):
            raise FilterError(f"{wanted or 'something'} is expected at {taken or 'the end'}")
        self.next = next(self._tokens, "")
        return taken

    def text(self) -> str:
        taken = self.take()
        if not taken.startswith("'"):
            raise FilterError(f"a text is expected at {taken}")
        return taken[1:-1].replace("''", "'")

    def field(self) -> str:
        taken = self.take()
        if taken not in FIELDS:
            raise FilterError(f"there is no field {taken}")
        return FIELDS[taken]


def _split(text: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterError(f"not understood: {text[at:]}")
        yield match[0].strip()
        at = match.end()


def _any(tokens: _Tokens) -> Condition:
    parts = [_all(tokens)]
    while tokens.next == "or":
        tokens.take()
        parts.append(_all(tokens))
    return parts[0] if len(parts) == 1 else _Any(tuple(parts))


def _all(tokens: _Tokens) -> Condition:
    parts = [_one(tokens)]
    while tokens.next == "and":
        tokens.take()
        parts.append(_one(tokens))
    return parts[0] if len(parts) == 1 else _All(tuple(parts))


def _one(tokens: _Tokens) -> Condition:
    if tokens.next == "(":
        tokens.take()
        inner = _any(tokens)
        tokens.take(")")
        return inner
    if tokens.next in {"startswith", "contains"}:
        kind = tokens.take()
        tokens.take("(")
        field = tokens.field()
        tokens.take(",")
        value = tokens.text()
        tokens.take(")")
        return _Test(kind, field, value)
    field = tokens.field()
    tokens.take("eq")
    return _Test("eq", field, tokens.text())
