"""Who may keep the ledger, each empty and one's own: a file of SQLite, a database of PostgreSQL."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from kube_cost_aggregator.history.postgres import PostgresStore, open_postgres
from kube_cost_aggregator.history.schema import STEPS
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store

AnyStore = SqliteStore | PostgresStore

Tables = Mapping[str, list[tuple[Any, ...]]]
"""All rows by table, as a ledger in a file has them, in one order."""


_SHOWN = {
    "hour": "extract(epoch FROM hour)::bigint",
    "day": "extract(epoch FROM day)::bigint",
    "value": "NULL",
    "one": "1",
    "cluster_id": "''",
}
"""What stands for a file's columns in a database."""


class Keeper(Protocol):
    """Where a ledger is kept."""

    async def open(self) -> AnyStore:
        """Open the ledger, as another process would."""
        ...

    async def tables(self) -> Tables:
        """Return everything that it holds."""
        ...


class FileKeeper:
    """A ledger in a folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ledger.sqlite"

    async def open(self) -> SqliteStore:
        return open_store(self._file)

    async def tables(self) -> Tables:
        with closing(sqlite3.connect(self._file)) as db:
            return {
                table: sorted(db.execute(f"SELECT {', '.join(columns)} FROM {table}"), key=repr)
                for table, columns in columns_by_table().items()
            }


class DatabaseKeeper:
    """The ledger of a cluster in a database."""

    def __init__(self, dsn: str, cluster: str = "default") -> None:
        self.dsn = dsn
        self.cluster = cluster

    async def open(self) -> PostgresStore:
        return await open_postgres(self.dsn, self.cluster)

    async def fetch(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Ask the database past the store."""
        db = await asyncpg.connect(self.dsn)
        try:
            return [tuple(row) for row in await db.fetch(statement, *arguments)]
        finally:
            await db.close()

    async def tables(self) -> Tables:
        ((number,),) = await self.fetch("SELECT cluster FROM clusters WHERE name = $1", self.cluster)
        tables = {}
        for table, columns in columns_by_table().items():
            selected = ", ".join(_SHOWN.get(column, column) for column in columns)
            rows = await self.fetch(f"SELECT {selected} FROM {table} WHERE cluster = $1", number)
            tables[table] = sorted(rows, key=repr)
        counters = await self.fetch("SELECT name, whole, fraction FROM counters WHERE cluster = $1", number)
        tables["counters"] = sorted((name, fraction if whole is None else whole) for name, whole, fraction in counters)
        return tables


def columns_by_table() -> dict[str, list[str]]:
    """The tables of a ledger in a file, and the columns of each."""
    with closing(sqlite3.connect(":memory:")) as db:
        for step in STEPS:
            db.executescript(step)
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")] for name in names}
