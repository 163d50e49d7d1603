"""How rows get into a table of PostgreSQL: as arrays, a column each, thousands of rows in a statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg

from kube_cost_aggregator.history.postgres_sql import storable

Type = Literal["bigint", "double precision", "text", "bytea", "hour"]
"""A column's type; an `hour` is a Unix second in a batch and a `timestamptz` in a table."""

CHUNK_ROWS = 5_000
"""Rows in a statement. Packing a chunk keeps the interpreter for some 10 ms, which everything else waits for."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table's columns beside the cluster's number. The first `keys` of them, and that number, say which row it is.

    A row that is there is replaced, or, where `added`, what comes is added to it.
    """

    name: str
    columns: tuple[tuple[str, Type], ...]
    keys: int
    added: bool = False
    chunk_rows: int = CHUNK_ROWS

    async def write(self, db: asyncpg.Connection, cluster: int, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows, no two of one key."""
        for start in range(0, len(rows), self.chunk_rows):
            chunk = list(zip(*rows[start : start + self.chunk_rows], strict=True))
            statement, arguments = self._insert(chunk)
            await db.execute(statement, cluster, *arguments)

    async def delete(self, db: asyncpg.Connection, cluster: int, keys: Sequence[str]) -> None:
        """Delete the rows of keys, where there are such: the first column's."""
        if keys:
            statement = f"DELETE FROM {self.name} WHERE cluster = $1 AND {self.columns[0][0]} = ANY($2::text[])"  # noqa: S608 - our own names
            await db.execute(statement, cluster, [storable(key) for key in keys])

    def _insert(self, chunk: list[tuple[Any, ...]]) -> tuple[str, list[Any]]:
        """Return a statement that writes a chunk, and its arguments after the cluster's number.

        A column that is one value in all rows is sent as that: most are, and arrays take half of the time.
        """
        arguments: list[Any] = []
        arrays, values = [], []
        for place, ((name, kind), column) in enumerate(zip(self.columns, chunk, strict=True)):
            sent = [storable(value) for value in column] if kind == "text" else column
            sent_kind = "bigint" if kind == "hour" else kind
            mark = f"${len(arguments) + 2}::{sent_kind}"
            if place != self.keys - 1 and sent.count(sent[0]) == len(sent):
                arguments.append(sent[0])
                value = mark
            else:
                arguments.append(sent)
                arrays.append((name, f"{mark}[]"))
                value = f"sent.{name}"
            values.append(f"to_timestamp({value})" if kind == "hour" else value)
        names = ", ".join(name for name, _ in self.columns)
        statement = (
            f"INSERT INTO {self.name} AS kept (cluster, {names}) SELECT $1::integer, {', '.join(values)} "  # noqa: S608 - our own names
            f"FROM unnest({', '.join(mark for _, mark in arrays)}) AS sent ({', '.join(name for name, _ in arrays)}) "
            f"ON CONFLICT (cluster, {', '.join(name for name, _ in self.columns[: self.keys])}) "
            f"DO UPDATE SET {', '.join(self._changes())}"
        )
        return statement, arguments

    def _changes(self) -> Iterator[str]:
        for name, _ in self.columns[self.keys :]:
            yield f"{name} = kept.{name} + excluded.{name}" if self.added else f"{name} = excluded.{name}"
