"""Pieces of the exposition: the text of some series of one family, the same object as long as it hasn't changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from kube_cost_aggregator.outputs.text import Namer, to_bytes


class Chunk(NamedTuple):
    """Whole lines in UTF-8, and how many series they are."""

    text: bytes
    series: int


NO_SERIES = Chunk(b"", 0)


def chunk_of(lines: Collection[str], before: Chunk) -> Chunk:
    """Return the chunk of these lines; `before` itself if it says the same."""
    text = to_bytes("".join(lines))
    return before if text == before.text else Chunk(text, len(lines))


class Block:
    """A chunk whose series have a value each by their label values; prefixes are kept, values written anew."""

    def __init__(self, namer: Namer) -> None:
        self._namer = namer
        self._prefixes: dict[Sequence[str], str] = {}
        self._values: Mapping[tuple[str, ...], str] = {}
        self.chunk = NO_SERIES

    def update(self, values: Mapping[tuple[str, ...], str]) -> Chunk:
        """Let these be the series and values, in this order."""
        if values == self._values and list(values) == list(self._values):
            return self.chunk
        self._values = values
        known, prefix = self._prefixes, self._namer.prefix
        self._prefixes = {labels: known.get(labels) or prefix(labels) for labels in values}
        lines = [f"{start}{value}\n" for start, value in zip(self._prefixes.values(), values.values(), strict=True)]
        self.chunk = chunk_of(lines, self.chunk)
        return self.chunk
