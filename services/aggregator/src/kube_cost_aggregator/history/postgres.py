"""The ledger in PostgreSQL: one connection that writes and one that reads, and several clusters in one database.

A transaction may be committed while its answer is lost with the connection. Each commit has a number, which is written
with it into the cluster's row of `ledger`; the next commit, which holds that row locked, sees there which came before
it. An opening takes the next epoch in the same row, and whoever has an older one doesn't get to write any more.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import asyncpg

from kube_cost_aggregator.history.postgres_costs import read_costs, read_namespaces_by_hour, read_pods_by_hour
from kube_cost_aggregator.history.postgres_days import add_late, add_up_day, forget_days, forget_hours
from kube_cost_aggregator.history.postgres_dsn import Target, parse_dsn
from kube_cost_aggregator.history.postgres_hours import PostgresHours
from kube_cost_aggregator.history.postgres_link import Link, T
from kube_cost_aggregator.history.postgres_reads import read_state
from kube_cost_aggregator.history.postgres_schema import migrate
from kube_cost_aggregator.history.postgres_writes import write_batch
from kube_cost_aggregator.history.queries import CostQuery, Costs
from kube_cost_aggregator.history.store import (
    NO_MONEY,
    Batch,
    LedgerState,
    Money,
    PodsHour,
    Retention,
    StoreError,
)

WRITE_SECONDS = 60.0
"""For a transaction that writes; a minute of 100,000 pods takes about one."""

READ_SECONDS = 30.0

Hours = Mapping[tuple[int, str], Money]


def _writing(seconds: float) -> str:
    """Return what begins a transaction that writes; whoever is gone without a word keeps the ledger no longer."""
    return f"""
        BEGIN;
        SET LOCAL statement_timeout = {round(seconds * 1000)};
        SET LOCAL idle_in_transaction_session_timeout = {round(seconds * 1000)}"""


def _reading(seconds: float) -> str:
    """Return what begins a transaction that reads. Compiling takes longer than these queries."""
    return f"""
        BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
        SET LOCAL statement_timeout = {round(seconds * 1000)};
        SET LOCAL jit = off"""


class PostgresStore:
    """Keeps the ledger of one cluster in a database. Made by `open_postgres`, ended by `close`.

    After a commit that failed the next one has to be of the same batch, which may have grown meanwhile.
    """

    def __init__(self, *, target: Target, writer: Link, reader: Link, cluster: int, epoch: int, batch: int) -> None:
        self._target = target
        self._writer = writer
        self._reader = reader
        self._cluster = cluster
        self._epoch = epoch
        self._batch = batch
        """The number of the last commit that is known to be written."""
        self._written: Hours = {}
        """What of the batch that is to be tried again is known to have been added by a commit whose answer was lost."""
        self._in_doubt: Hours | None = None
        """What of it the commit after that has added, if it was written, which nobody knows."""

    async def load(self, *, now_ns: int, month_start: int, hours_from: int = 0) -> LedgerState:
        """Return what was committed; see `Store.load`."""

        async def load(db: asyncpg.Connection) -> LedgerState:
            await db.execute(_writing(self._writer.seconds))
            row = await self._locked(db)
            if row["started_at_ns"] is None:
                await db.execute("UPDATE ledger SET started_at_ns = $2 WHERE cluster = $1", self._cluster, now_ns)
                row = {**row, "started_at_ns": now_ns}
            state = await read_state(db, self._cluster, row, month_start=month_start, hours_from=hours_from)
            await db.execute("COMMIT")
            self._batch, self._written, self._in_doubt = row["batch"], {}, None
            return state

        return await self._writer.run("read the ledger", load)

    async def commit(self, batch: Batch) -> None:
        """Write a batch in one transaction; see `Store.commit`."""
        await self._writer.run("write the ledger", lambda db: self._commit(db, batch))

    async def tidy(self, *, now: int, settled_through: int, retention: Retention) -> bool:
        """Do a piece of what is to do from time to time; see `Store.tidy`."""

        async def tidy(db: asyncpg.Connection) -> bool:
            await db.execute(_writing(self._writer.seconds))
            await self._locked(db)
            more = await add_up_day(db, self._cluster, settled_through) or await forget_hours(
                db, self._cluster, now, retention
            )
            if not more:
                await forget_days(db, self._cluster, now, retention)
            await db.execute("COMMIT")
            return more

        return await self._writer.run("tidy the ledger", tidy)

    async def query(self, query: CostQuery) -> Costs:
        """Return what a window cost; see `CostReader.query`."""
        return await self._read("read costs", lambda db, cluster: read_costs(db, cluster, query))

    async def pods_by_hour(self, *, start: int, end: int) -> list[PodsHour]:
        """Return what pods cost in each hour; see `HourReader.pods_by_hour`."""
        read = partial(read_pods_by_hour, start=start, end=end)
        return await self._read("read the pods' hours", read)

    async def namespaces_by_hour(self, *, start: int, end: int) -> dict[tuple[int, str], int]:
        """Return what namespaces cost in each hour; see `HourReader.namespaces_by_hour`."""
        read = partial(read_namespaces_by_hour, start=start, end=end)
        return await self._read("read the namespaces' hours", read)

    @property
    def hours(self) -> PostgresHours:
        """The hours row by row."""
        return PostgresHours(read=self._read)

    def close(self) -> None:
        """Finish what is being written, and close both connections."""
        self._writer.close()
        self._reader.close()

    async def _read(self, doing: str, work: Callable[[asyncpg.Connection, int], Awaitable[T]]) -> T:
        """Return what several queries say of one moment."""

        async def read(db: asyncpg.Connection) -> T:
            await db.execute(_reading(self._reader.seconds))
            answer = await work(db, self._cluster)
            await db.execute("COMMIT")
            return answer

        return await self._reader.run(doing, read)

    async def _commit(self, db: asyncpg.Connection, batch: Batch) -> None:
        await db.execute(_writing(self._writer.seconds))
        ledger = await self._locked(db)
        self._settle_doubt(ledger["batch"])
        new_hours = {key: money.minus(self._written.get(key, NO_MONEY)) for key, money in batch.namespace_hours.items()}
        await write_batch(db, self._cluster, batch, new_hours)
        await add_late(db, self._cluster, batch, ledger["days_through"])
        if batch.stream is not None:
            await db.execute(
                """UPDATE ledger SET stream_created_ns = $2, stream_sequence = $3, stream_stored_at_ns = $4
                   WHERE cluster = $1""",
                self._cluster,
                *batch.stream,
            )
        await db.execute("UPDATE ledger SET batch = $2 WHERE cluster = $1", self._cluster, self._batch + 1)
        self._in_doubt = dict(batch.namespace_hours)
        await db.execute("COMMIT")
        self._batch, self._written, self._in_doubt = self._batch + 1, {}, None

    def _settle_doubt(self, committed: int) -> None:
        """Take up which commit was the last, as the ledger says. None runs now: this one holds the ledger locked."""
        if self._in_doubt is not None and committed == self._batch + 1:
            self._batch, self._written = committed, self._in_doubt
        self._in_doubt = None
        if committed != self._batch:
            raise StoreError(
                f"{self._target} isn't what was written to it: it ends with commit {committed}, the last one was "
                f"{self._batch}; where it was restored, start the aggregator anew"
            )

    async def _locked(self, db: asyncpg.Connection) -> Mapping[str, Any]:
        """Return the cluster's row of `ledger`, which is this transaction's until its end."""
        row = await db.fetchrow("SELECT * FROM ledger WHERE cluster = $1 FOR UPDATE", self._cluster)
        if row is None:
            raise StoreError(f"the ledger is gone from {self._target}")
        if row["epoch"] != self._epoch:
            raise StoreError(
                f"another aggregator has taken over the ledger in {self._target}: it has epoch {row['epoch']}, "
                f"this one {self._epoch}"
            )
        return dict(row)


async def open_postgres(
    dsn: str, cluster_id: str, *, write_seconds: float = WRITE_SECONDS, read_seconds: float = READ_SECONDS
) -> PostgresStore:
    """Open the ledger of a cluster, made and brought to this version's tables where needed; it is this process's then.

    Whatever takes longer than these seconds fails.

    Raises StoreError where the database can't be reached or used, or its ledger is one of a newer version.
    """
    target = parse_dsn(dsn)
    writer = Link(target=target, name="ledger-write", seconds=write_seconds)
    open_ledger = partial(_open, name=cluster_id, where=str(target), seconds=write_seconds)
    try:
        cluster, epoch, batch = await writer.run("open the ledger", open_ledger)
    except BaseException:
        writer.close()
        raise
    reader = Link(target=target, name="ledger-read", seconds=read_seconds)
    return PostgresStore(target=target, writer=writer, reader=reader, cluster=cluster, epoch=epoch, batch=batch)


async def _open(db: asyncpg.Connection, *, name: str, where: str, seconds: float) -> tuple[int, int, int]:
    """Return the cluster's number, this process's epoch, and the number of the last commit."""
    await db.execute(_writing(seconds))
    await migrate(db, where)
    cluster = await db.fetchval("SELECT cluster FROM clusters WHERE name = $1", name)
    if cluster is None:
        cluster = await db.fetchval("INSERT INTO clusters (name) VALUES ($1) RETURNING cluster", name)
    await db.execute("COMMIT")
    # By itself: it waits for the commit of an older process, and who opens another cluster's need not.
    epoch, batch = await db.fetchrow(
        """INSERT INTO ledger (cluster, epoch, batch) VALUES ($1, 1, 0)
           ON CONFLICT (cluster) DO UPDATE SET epoch = ledger.epoch + 1 RETURNING epoch, batch""",
        cluster,
    )
    return cluster, epoch, batch
