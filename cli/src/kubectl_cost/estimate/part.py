"""Places in a manifest: what stands there, and how they are called when it isn't what it should be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kube_cost_common.domain.quantity import QuantityError, units
from kubectl_cost.faults import BadInputError

MOST = 2**63 - 1
"""Kubernetes holds no greater amount."""


@dataclass(frozen=True)
class Part:
    """A value of a document, whose scalars are texts; None where nothing stands. `path` is that of its fields."""

    value: Any
    place: str
    path: str = ""

    def at(self, *names: str) -> "Part":
        """Return what stands below, nothing where any of the fields isn't there."""
        found = self
        for name in names:
            if found.value is not None and found.value != "" and not isinstance(found.value, dict):
                raise found.wrong("is no object")
            below = found.value.get(name) if found.value else None
            found = Part(below, self.place, f"{found.path}.{name}" if found.path else name)
        return found

    def items(self) -> Iterator["Part"]:
        """Yield the entries of a list; of nothing there are none."""
        if self.value is None or self.value == "":
            return
        if not isinstance(self.value, list):
            raise self.wrong("is no list")
        for number, item in enumerate(self.value):
            yield Part(item, self.place, f"{self.path}[{number}]")

    def fields(self) -> Iterator[tuple[str, "Part"]]:
        """Yield the fields of an object by name; of nothing there are none."""
        if isinstance(self.value, dict):
            for name in self.value:
                yield str(name), self.at(str(name))
        elif self.value:
            raise self.wrong("is no object")

    def text(self, default: str = "") -> str:
        """Return a text."""
        if self.value is None or self.value in ("", "null", "~"):
            return default
        if not isinstance(self.value, str):
            raise self.wrong("is no text")
        return self.value

    def whole(self, default: int) -> int:
        """Return a whole number of 0 or more."""
        text = self.text(str(default))
        if not (text.isascii() and text.isdigit()) or int(text[:20]) > MOST or (len(text) > 1 and text[0] == "0"):
            raise self.wrong(f"{text[:40]!r} is no whole number of 0 or more")
        return int(text)

    def quantity(self, resource: str) -> int:
        """Return an amount in the scheduler's units: millicores for `cpu`, else as it is."""
        text = self.text("0")
        try:
            amount = units(resource, text[:60])
        except QuantityError as error:
            raise self.wrong(f"{text[:40]!r} is no quantity, such as 500m or 2Gi") from error
        if not 0 <= amount <= MOST:
            raise self.wrong(f"{text[:40]!r} is less than nothing, or more than Kubernetes can count")
        return amount

    def wrong(self, why: str) -> BadInputError:
        """Return what to raise."""
        return BadInputError(f"{self.place}: {self.path}: {why}")
