"""Prometheus' text format, as far as gauges of a few families are to be read from it.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

_SERIES = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?[0-9]+)?[ \t]*")
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)')
_ESCAPE = re.compile(r"\\(.)")
_NAME_END = re.compile(r"[{ \t]")


class TextError(ValueError):
    """A line that isn't as the format has it; it is named by its number."""


class Series(NamedTuple):
    """A series' family, its labels and its value now."""

    family: str
    labels: dict[str, str]
    value: float


def read_series(text: str, families: Collection[str]) -> Iterator[Series]:
    """Yield the series of these families; raise TextError at one that can't be read. Others aren't looked at."""
    for number, line in enumerate(text.split("\n"), start=1):
        if _NAME_END.split(line, maxsplit=1)[0] not in families:
            continue
        matched = _SERIES.fullmatch(line.rstrip("\r"))
        if matched is None:
            raise TextError(f"line {number} is no series")
        try:
            value = float(matched[3])
        except ValueError as error:
            raise TextError(f"line {number} has no number for its value") from error
        yield Series(matched[1], _labels(matched[2] or "", number), value)


def _labels(text: str, number: int) -> dict[str, str]:
    labels: dict[str, str] = {}
    at = 0
    while at < len(text):
        matched = _LABEL.match(text, at)
        if matched is None or matched[1] in labels:
            raise TextError(f"the labels of line {number} can't be read")
        labels[matched[1]] = _ESCAPE.sub(lambda escaped: "\n" if escaped[1] == "n" else escaped[1], matched[2])
        at = matched.end()
    return labels
