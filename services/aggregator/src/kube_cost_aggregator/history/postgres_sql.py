"""How statements that know of one cluster only, and name their parameters, are asked of PostgreSQL."""

import re
from collections.abc import Mapping
from typing import Any

import asyncpg

from kube_cost_aggregator.history.cost_sql import Dialect

_TABLES = (
    *("pods", "nodes", "objects", "node_states", "object_states", "counters", "namespace_totals"),
    *("pod_hours", "pod_volume_hours", "node_hours", "namespace_hours", "object_hours", "pod_days", "namespace_days"),
)
_PARAMETER = re.compile(r"(?<!:):([a-z]\w*)")
_TABLE = re.compile(rf"\b(?:FROM|JOIN) ({'|'.join(_TABLES)})\b")


def _like(pattern: str) -> tuple[str, str]:
    for special in "\\%_":
        pattern = pattern.replace(special, f"\\{special}")
    return "LIKE", pattern.replace("*", "%")


DIALECT = Dialect(
    newline="chr(10)",
    pattern=_like,
    moment=lambda name: f"to_timestamp({name}::bigint)",
    seconds=lambda column: f"extract(epoch FROM {column})::bigint",
)


async def fetch(
    db: asyncpg.Connection, cluster: int, sql: str, values: Mapping[str, object] | None = None
) -> list[tuple[Any, ...]]:
    """Return the rows of a query, for which each table has the rows of one cluster only."""
    values, sql = values or {}, sql.strip()
    names = list(dict.fromkeys(_PARAMETER.findall(sql)))
    numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 2}", sql)
    own = ", ".join(
        f"{table} AS NOT MATERIALIZED (SELECT * FROM {table} WHERE cluster = $1)"  # noqa: S608 - our own names
        for table in dict.fromkeys(_TABLE.findall(sql))
    )
    rest = f", {numbered.removeprefix('WITH')}" if numbered.startswith("WITH") else f" {numbered}"
    statement = f"WITH {own}{rest}"
    return [tuple(row) for row in await db.fetch(statement, cluster, *(_sent(values[name]) for name in names))]


def storable(text: str) -> str:
    """Return a text without the one character that PostgreSQL doesn't store."""
    return text.replace("\0", "\ufffd")


def _sent(value: object) -> object:
    return storable(value) if isinstance(value, str) else value
