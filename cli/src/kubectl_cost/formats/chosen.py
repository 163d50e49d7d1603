"""The formats by their names."""

from collections.abc import Callable, Mapping
from functools import partial

from kubectl_cost.formats import machine, text
from kubectl_cost.report import Report

FORMATS: Mapping[str, Callable[[Report], str]] = {
    "table": partial(text.table, wide=False),
    "wide": partial(text.table, wide=True),
    "json": machine.as_json,
    "yaml": machine.as_yaml,
    "csv": machine.as_csv,
    "markdown": text.markdown,
}

NARROW = frozenset({"table", "markdown"})
"""Formats that leave wide columns out."""
