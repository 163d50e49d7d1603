"""How much of what is reserved is used now, beside what lines have cost."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from kubectl_cost.client.server import Server
from kubectl_cost.faults import CommandError
from kubectl_cost.report import Column, Row

COLUMNS = (
    Column("CPU USED", "cpu_used_percent", "percent", wide=True),
    Column("MEMORY USED", "memory_used_percent", "percent", wide=True),
)
"""Percent of what is reserved, by the pods that run now."""

_NONE: Row = {"cpu_used_percent": None, "memory_used_percent": None}
_KEYS = {"namespace": ("namespace",), "workload": ("namespace", "workload_kind", "workload")}


def efficiencies(
    server: Server, lines: Sequence[Mapping[str, Any]], *, by: Literal["namespace", "workload"]
) -> list[Row]:
    """Return the values of these columns for each line; an answer stands without them."""
    try:
        answer = server.ask("efficiency", [("by", by)])
    except CommandError:
        return [_NONE] * len(lines)
    known = {tuple(line[key] for key in _KEYS[by]): line["efficiency"] for line in answer["lines"]}
    return [_row(known.get(tuple(line[key] for key in _KEYS[by]))) for line in lines]


def _row(ratios: Mapping[str, float | None] | None) -> Row:
    if ratios is None:
        return _NONE
    return {"cpu_used_percent": _percent(ratios["vcpu"]), "memory_used_percent": _percent(ratios["memory_gib"])}


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else round(100 * ratio, 2)
