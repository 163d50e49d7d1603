"""The ledger in one SQLite file, in WAL mode: one writing connection and one reading, each in a thread of its own."""

import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from kube_cost_aggregator.history.columns import PAID_COLUMNS, TOTAL_COLUMNS, namespace_total
from kube_cost_aggregator.history.queries import CostQuery, Costs
from kube_cost_aggregator.history.schema import STEPS
from kube_cost_aggregator.history.sqlite_costs import read_costs, read_namespaces_by_hour, read_pods_by_hour
from kube_cost_aggregator.history.sqlite_days import add_late, add_up_day, forget_days, forget_hours
from kube_cost_aggregator.history.sqlite_hours import SqliteHours
from kube_cost_aggregator.history.sqlite_writes import write_batch
from kube_cost_aggregator.history.store import (
    Batch,
    LedgerState,
    NodeState,
    ObjectState,
    PodRow,
    PodsHour,
    Retention,
    StoreError,
    StreamCursor,
    Traffic,
)
from kube_cost_aggregator.history.threads import finish_in

BUSY_SECONDS = 5.0
"""How long to wait for a lock that another process (a backup, a curious person) holds."""

GONE_NODES = 10_000
"""The last of the nodes that are gone, for who asks whether one is: no list is so stale that it had an older one."""

_SECONDS_PER_DAY = 86_400

T = TypeVar("T")


class SqliteStore:
    """Keeps the ledger in the file at `path`. Made by `open_store`, ended by `close`."""

    def __init__(
        self, *, writer: sqlite3.Connection, reader: sqlite3.Connection, path: Path, cluster_id: str = ""
    ) -> None:
        self._path = path
        self._writer = writer
        self._cluster_id = cluster_id
        self._epoch = 0
        self._reader = reader
        self._write_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-write")
        self._read_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-read")
        self._states = msgspec.msgpack.Decoder(NodeState)
        self._object_states = msgspec.msgpack.Decoder(ObjectState)

    async def load(self, *, now_ns: int, month_start: int, hours_from: int = 0) -> LedgerState:
        """Return what was committed; see `Store.load`."""
        load = partial(self._load, now_ns, month_start, hours_from)
        return await self._in(self._write_thread, f"read the ledger {self._path}", load)

    async def commit(self, batch: Batch) -> None:
        """Write a batch in one transaction; see `Store.commit`."""
        await self._in(self._write_thread, f"write the ledger {self._path}", lambda: self._commit(batch))

    async def tidy(self, *, now: int, settled_through: int, retention: Retention) -> bool:
        """Do a piece of what is to do from time to time; see `Store.tidy`."""
        tidy = partial(self._tidy, now, settled_through, retention)
        return await self._in(self._write_thread, f"tidy the ledger {self._path}", tidy)

    async def query(self, query: CostQuery) -> Costs:
        """Return what a window cost; see `CostReader.query`."""
        return await self._in(self._read_thread, "read costs", partial(read_costs, self._reader, query))

    async def pods_by_hour(self, *, start: int, end: int) -> list[PodsHour]:
        """Return what pods cost in each hour; see `HourReader.pods_by_hour`."""
        read = partial(read_pods_by_hour, self._reader, start=start, end=end)
        return await self._in(self._read_thread, "read the pods' hours", read)

    async def namespaces_by_hour(self, *, start: int, end: int) -> dict[tuple[int, str], int]:
        """Return what namespaces cost in each hour; see `HourReader.namespaces_by_hour`."""
        read = partial(read_namespaces_by_hour, self._reader, start=start, end=end)
        return await self._in(self._read_thread, "read the namespaces' hours", read)

    @property
    def hours(self) -> SqliteHours:
        """The hours row by row."""
        return SqliteHours(read=self._read)

    async def _read(self, doing: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what several queries say of one moment."""

        def together() -> T:
            self._reader.execute("BEGIN")
            try:
                return work(self._reader)
            finally:
                if self._reader.in_transaction:  # what fails badly ends it too
                    self._reader.execute("ROLLBACK")

        return await self._in(self._read_thread, doing, together)

    def close(self) -> None:
        """Finish what is being written, and close the file."""
        self._write_thread.shutdown()
        self._read_thread.shutdown()
        self._reader.close()
        self._writer.close()

    async def _in(self, thread: ThreadPoolExecutor, doing: str, work: Callable[[], T]) -> T:
        try:
            return await finish_in(thread, work)
        except (sqlite3.Error, msgspec.MsgspecError, OverflowError) as error:
            raise StoreError(f"can't {doing}: {error}") from error

    def _load(self, now_ns: int, month_start: int, hours_from: int) -> LedgerState:
        db = self._writer
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT OR IGNORE INTO ledger (one, started_at_ns) VALUES (1, ?)", (now_ns,))
            if not self._epoch:
                db.execute("UPDATE ledger SET epoch = epoch + 1, cluster_id = ?", (self._cluster_id,))
                (self._epoch,) = db.execute("SELECT epoch FROM ledger").fetchone()
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
                namespace: namespace_total(amounts)
                for namespace, *amounts in db.execute(
                    f"SELECT namespace, {', '.join(TOTAL_COLUMNS)} FROM namespace_totals"  # noqa: S608 - our own names
                )
            },
            namespace_days={
                (namespace, day): nano
                for namespace, day, nano in db.execute(
                    f"""SELECT namespace, hour / ?, sum({" + ".join(PAID_COLUMNS)})
                        FROM namespace_hours WHERE hour >= ? GROUP BY 1, 2""",  # noqa: S608 - our own column names
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
            objects=[self._object_states.decode(state) for (state,) in db.execute("SELECT state FROM object_states")],
            next_object_id=db.execute("SELECT coalesce(max(object_id), 0) + 1 FROM objects").fetchone()[0],
            namespace_traffic={
                namespace: Traffic(*traffic) for namespace, *traffic in db.execute("SELECT * FROM namespace_traffic")
            },
            hours=_hours(db, hours_from),
        )

    def _commit(self, batch: Batch) -> None:
        db = self._writer
        with db:
            db.execute("BEGIN IMMEDIATE")
            (epoch,) = db.execute("SELECT epoch FROM ledger").fetchone() or (0,)
            if epoch != self._epoch:
                raise StoreError(f"can't write the ledger {self._path}: another process has taken it over")
            write_batch(db, batch)
            add_late(db, batch)

    def _tidy(self, now: int, settled_through: int, retention: Retention) -> bool:
        db = self._writer
        with db:
            db.execute("BEGIN IMMEDIATE")
            if add_up_day(db, settled_through) or forget_hours(db, now, retention):
                return True
            forget_days(db, now, retention)
            return False


def _hours(db: sqlite3.Connection, start: int) -> dict[tuple[int, str], tuple[int, int]]:
    paid = " + ".join(PAID_COLUMNS)
    rows = db.execute(f"SELECT hour, namespace, {paid}, shared_nano FROM namespace_hours WHERE hour >= ?", (start,))  # noqa: S608 - our own column names
    return {(hour, namespace): (nano, shared) for hour, namespace, nano, shared in rows}


def open_store(path: Path, *, cluster_id: str = "") -> SqliteStore:
    """Open the ledger at `path`, made and brought to this version's tables where needed.

    `cluster_id` is what its views call the cluster. Who loads it takes it over: who did before can't commit any more.

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
        return SqliteStore(writer=writer, reader=reader, path=path, cluster_id=cluster_id)


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
