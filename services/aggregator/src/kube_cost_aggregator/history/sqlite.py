"""The ledger in one SQLite file, in WAL mode: one writing connection and one reading, each in a thread of its own."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kube_cost_aggregator.history.schema import STEPS
from kube_cost_aggregator.history.store import (
    Batch,
    CostRow,
    GroupBy,
    LedgerState,
    Money,
    NamespaceTotal,
    NodeState,
    PodRow,
    StoreError,
    StreamCursor,
)

BUSY_SECONDS = 5.0
"""How long to wait for a lock that another process (a backup, a curious person) holds."""

GONE_NODES = 10_000
"""The last of the nodes that are gone, for who asks whether one is: no list is so stale that it had an older one."""

_SECONDS_PER_DAY = 86_400

# A group's rows may be several: adding those of a name up here costs half of a GROUP BY of texts.
_COSTS: dict[GroupBy, str] = {
    "namespace": """
        WITH counted AS (
            SELECT p.namespace, count(DISTINCT pod_id) AS pods FROM pod_hours JOIN pods p USING (pod_id)
            WHERE hour >= :start AND hour < :end GROUP BY p.namespace)
        SELECT namespace, sum(cpu_nano), sum(memory_nano), sum(gpu_nano), sum(savings_nano), 0, 0, coalesce(pods, 0)
        FROM namespace_hours LEFT JOIN counted USING (namespace)
        WHERE hour >= :start AND hour < :end GROUP BY namespace""",
    "pod": """
        WITH counted AS (
            SELECT pod_id, sum(cpu_nano) AS cpu, sum(memory_nano) AS memory, sum(gpu_nano) AS gpu,
                   sum(savings_nano) AS savings, sum(seconds) AS seconds, sum(estimated_seconds) AS estimated
            FROM pod_hours WHERE hour >= :start AND hour < :end GROUP BY pod_id)
        SELECT p.namespace, p.name, p.node_id, cpu, memory, gpu, savings, seconds, estimated, 1
        FROM counted JOIN pods p USING (pod_id)""",
    "node": """
        WITH counted AS (
            SELECT p.node_id, count(DISTINCT pod_id) AS pods FROM pod_hours JOIN pods p USING (pod_id)
            WHERE hour >= :start AND hour < :end GROUP BY p.node_id)
        SELECT n.name, n.instance_type, sum(paid_nano), 0, 0, sum(saved_nano), sum(seconds), sum(estimated_seconds),
               coalesce(pods, 0)
        FROM node_hours JOIN nodes n USING (node_id) LEFT JOIN counted USING (node_id)
        WHERE hour >= :start AND hour < :end GROUP BY n.node_id""",
    "workload": """
        SELECT p.namespace, p.workload_kind, p.workload, sum(cpu_nano), sum(memory_nano), sum(gpu_nano),
               sum(savings_nano), sum(seconds), sum(estimated_seconds), count(DISTINCT pod_id)
        FROM pod_hours JOIN pods p USING (pod_id)
        WHERE hour >= :start AND hour < :end GROUP BY p.namespace, p.workload_kind, p.workload""",
}

T = TypeVar("T")


class SqliteStore:
    """Keeps the ledger in the file at `path`. Made by `open_store`, ended by `close`."""

    def __init__(self, *, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._write_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-write")
        self._read_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-read")
        self._states = msgspec.msgpack.Decoder(NodeState)

    async def load(self, *, now_ns: int, month_start: int) -> LedgerState:
        """Return what was committed; see `Store.load`."""
        return await self._in(self._write_thread, "read the ledger", lambda: self._load(now_ns, month_start))

    async def commit(self, batch: Batch) -> None:
        """Write a batch in one transaction; see `Store.commit`."""
        await self._in(self._write_thread, "write the ledger", lambda: self._commit(batch))

    async def costs(self, *, by: GroupBy, start: int, end: int) -> list[CostRow]:
        """Return what the hours in a window cost; see `Store.costs`."""

        def read() -> list[CostRow]:
            rows = self._reader.execute(_COSTS[by], {"start": start, "end": end})
            return _dearest_first(_with_node_names(self._reader, rows) if by == "pod" else rows)

        return await self._in(self._read_thread, "read costs", read)

    def close(self) -> None:
        """Finish what is being written, and close the file."""
        self._write_thread.shutdown()
        self._read_thread.shutdown()
        self._reader.close()
        self._writer.close()

    async def _in(self, thread: ThreadPoolExecutor, doing: str, work: Callable[[], T]) -> T:
        future = asyncio.get_running_loop().run_in_executor(thread, work)
        cancelled = 0
        while not future.done():
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:  # the thread goes on all the same, and what it did has to be known
                cancelled += 1
        if cancelled and (task := asyncio.current_task()) is not None:
            for _ in range(cancelled):
                task.uncancel()
            for _ in range(cancelled):  # comes at the next await
                task.cancel()
        try:
            return future.result()
        except (sqlite3.Error, msgspec.MsgspecError, OverflowError) as error:
            raise StoreError(f"can't {doing}: {error}") from error

    def _load(self, now_ns: int, month_start: int) -> LedgerState:
        db = self._writer
        with db:
            db.execute("INSERT OR IGNORE INTO ledger (one, started_at_ns) VALUES (1, ?)", (now_ns,))
        started_at_ns, *stream = db.execute(
            "SELECT started_at_ns, stream_created_ns, stream_sequence, stream_stored_at_ns FROM ledger"
        ).fetchone()
        return LedgerState(
            started_at_ns=started_at_ns,
            stream=None if stream[0] is None else StreamCursor(*stream),
            nodes=[self._states.decode(state) for (state,) in db.execute("SELECT state FROM node_states")],
            open_pods=[
                PodRow(**dict(zip(PodRow.__struct_fields__, row, strict=True)))
                for row in db.execute(f"SELECT {', '.join(PodRow.__struct_fields__)} FROM pods WHERE end_ns IS NULL")  # noqa: S608 - our own field names
            ],
            next_pod_id=db.execute("SELECT coalesce(max(pod_id), 0) + 1 FROM pods").fetchone()[0],
            next_node_id=db.execute("SELECT coalesce(max(node_id), 0) + 1 FROM nodes").fetchone()[0],
            namespace_totals={
                namespace: NamespaceTotal(Money(*money), counter, savings_counter)
                for namespace, *money, counter, savings_counter in db.execute("SELECT * FROM namespace_totals")
            },
            namespace_days={
                (namespace, day): nano
                for namespace, day, nano in db.execute(
                    """SELECT namespace, hour / ?, sum(cpu_nano + memory_nano + gpu_nano)
                       FROM namespace_hours WHERE hour >= ? GROUP BY 1, 2""",
                    (_SECONDS_PER_DAY, month_start),
                )
            },
            counters=dict(db.execute("SELECT name, value FROM counters")),
            gone_nodes=frozenset(
                uid
                for (uid,) in db.execute(
                    """SELECT uid FROM nodes WHERE uid NOT IN (SELECT uid FROM node_states)
                       ORDER BY node_id DESC LIMIT ?""",
                    (GONE_NODES,),
                )
            ),
        )

    def _commit(self, batch: Batch) -> None:
        db = self._writer
        with db:
            db.execute("BEGIN IMMEDIATE")
            if batch.stream is not None:
                db.execute(
                    "UPDATE ledger SET stream_created_ns = ?, stream_sequence = ?, stream_stored_at_ns = ?",
                    batch.stream,
                )
            _write_objects(db, batch)
            _write_money(db, batch)


def open_store(path: Path) -> SqliteStore:
    """Open the ledger at `path`, made and brought to this version's tables where needed.

    Raises StoreError where the file can't be opened, is no ledger, or is one of a newer version.
    """
    with contextlib.ExitStack() as opened:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = opened.enter_context(contextlib.closing(_connect(path)))
            _migrate(writer, path)
            reader = opened.enter_context(contextlib.closing(_connect(path)))
            reader.execute("PRAGMA query_only = ON")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"can't open the ledger {path}: {error}") from error
        opened.pop_all()
        return SqliteStore(writer=writer, reader=reader)


def _connect(path: Path) -> sqlite3.Connection:
    # Autocommit: transactions are begun by name. The store's own threads take turns, so one connection serves one.
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # a commit that was acknowledged to the bus survives a power cut
    db.execute("PRAGMA cache_size = -8192")  # 8 MiB a connection
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    (done,) = db.execute("PRAGMA user_version").fetchone()
    if done > len(STEPS):
        raise StoreError(f"the ledger {path} is of a newer version ({done}; this program knows {len(STEPS)})")
    for number, step in enumerate(STEPS[done:], start=done + 1):
        db.executescript(f"BEGIN; {step}; PRAGMA user_version = {number}; COMMIT;")


def _write_objects(db: sqlite3.Connection, batch: Batch) -> None:
    db.executemany(
        """INSERT INTO nodes VALUES (?, ?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE SET
           name = excluded.name, instance_type = excluded.instance_type, capacity_type = excluded.capacity_type""",
        [(n.node_id, n.uid, n.name, n.instance_type, n.capacity_type) for n in batch.nodes.values()],
    )
    db.executemany(
        "INSERT OR REPLACE INTO node_states VALUES (?, ?)",
        [(node.uid, msgspec.msgpack.encode(node)) for node in batch.nodes.values()],
    )
    db.executemany("DELETE FROM node_states WHERE uid = ?", [(uid,) for uid in batch.gone_nodes])
    db.executemany(
        f"INSERT OR REPLACE INTO pods VALUES ({_marks(PodRow.__struct_fields__)})",  # noqa: S608 - question marks
        map(msgspec.structs.astuple, batch.pods.values()),
    )


def _write_money(db: sqlite3.Connection, batch: Batch) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO pod_hours VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(*key, *row.money, row.seconds, row.estimated_seconds) for key, row in batch.pod_hours.items()],
    )
    db.executemany(
        "INSERT OR REPLACE INTO node_hours VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*key, row.paid, row.saved, *row.system[:3], *row.idle[:3], row.seconds, row.estimated_seconds)
            for key, row in batch.node_hours.items()
        ],
    )
    db.executemany(
        """INSERT INTO namespace_hours VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
           cpu_nano = cpu_nano + excluded.cpu_nano, memory_nano = memory_nano + excluded.memory_nano,
           gpu_nano = gpu_nano + excluded.gpu_nano, savings_nano = savings_nano + excluded.savings_nano""",
        [(*key, *money) for key, money in batch.namespace_hours.items()],
    )
    db.executemany(
        "INSERT OR REPLACE INTO namespace_totals VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (namespace, *total.money, total.counter, total.savings_counter)
            for namespace, total in batch.namespace_totals.items()
        ],
    )
    db.executemany("INSERT OR REPLACE INTO counters VALUES (?, ?)", batch.counters.items())


def _marks(columns: Iterable[object]) -> str:
    return ", ".join("?" for _ in columns)


def _with_node_names(db: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Put the name of its node in place of its number; a name is one object for all of its rows, there are many."""
    nodes = dict(db.execute("SELECT node_id, name FROM nodes"))
    namespaces: dict[str, str] = {}
    for row in rows:
        yield namespaces.setdefault(row[0], row[0]), row[1], nodes[row[2]], *row[3:]


def _dearest_first(rows: Iterable[tuple[Any, ...]]) -> list[CostRow]:
    """Return a line for each group, whose rows are columns of text, 4 of money, 2 of seconds and a number of pods."""
    groups: dict[tuple[str, ...], CostRow] = {}
    for row in rows:
        cpu, memory, gpu, savings, seconds, estimated, pods = row[-7:]
        group, money = row[:-7], Money(cpu, memory, gpu, savings)
        known = groups.setdefault(group, line := CostRow(group, money, float(seconds), float(estimated), pods))
        if known is not line:
            groups[group] = CostRow(
                group,
                money.plus(known.money),
                seconds + known.seconds,
                estimated + known.estimated_seconds,
                pods + known.pods,
            )
    return sorted(groups.values(), key=_by_money_and_name)


def _by_money_and_name(line: CostRow) -> tuple[int, tuple[str, ...]]:
    cpu, memory, gpu, _ = line.money
    return -cpu - memory - gpu, line.group
