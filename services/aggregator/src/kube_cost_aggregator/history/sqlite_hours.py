"""The ledger's hours row by row, read from SQLite; see `HourRows`."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from kube_cost_aggregator.history.columns import MONEY_COLUMNS, NODES_COUNTER, TOTAL_COLUMNS, namespace_total
from kube_cost_aggregator.history.hours import (
    PODS_AT_A_TIME,
    CapacityHour,
    KeptFrom,
    NamespaceBase,
    NamespaceHour,
    NodeSpan,
    ObjectSpan,
    PodPage,
    PodSpan,
    VolumePage,
    VolumePart,
    unsettled_hour,
)
from kube_cost_aggregator.history.sqlite_days import read_kept
from kube_cost_aggregator.history.store import Money

T = TypeVar("T")


class Read(Protocol):
    """Does some reading, of one moment, in the thread for it; raises StoreError."""

    async def __call__(self, doing: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns; `doing` says what it is about."""
        ...


class SqliteHours:
    """The hours of a ledger in SQLite; for each method see `HourRows`."""

    def __init__(self, *, read: Read) -> None:
        self._read = read

    async def settled_until(self) -> int | None:
        """Return the hour that isn't settled to its end."""
        return await self._read("read how far all is settled", read_settled_until)

    async def kept_from(self) -> KeptFrom | None:
        """Return from which hour on there is everything."""
        return await self._read("read since when hours are kept", read_kept_from)

    async def pods(self, *, hours: Sequence[int], first: int = 0) -> PodPage:
        """Return a page of pods."""
        return await self._read("read the pods' hours", partial(read_pods, hours=hours, first=first))

    async def volume_parts(self, *, hour: int, first: int = 0) -> VolumePage:
        """Return a page of what pods paid of volumes."""
        return await self._read("read the pods' volumes", partial(read_volume_parts, hour=hour, first=first))

    async def nodes(self, *, hours: Sequence[int]) -> list[NodeSpan]:
        """Return nodes."""
        return await self._read("read the nodes' hours", partial(read_nodes, hours=hours))

    async def objects(self, *, hours: Sequence[int]) -> list[ObjectSpan]:
        """Return objects by owner."""
        return await self._read("read the objects' hours", partial(read_objects, hours=hours))

    async def namespaces(self, *, start: int, end: int) -> list[NamespaceHour]:
        """Return the hours of namespaces."""
        return await self._read("read the namespaces' hours", partial(read_namespaces, start=start, end=end))

    async def capacities(self, *, start: int, end: int) -> list[CapacityHour]:
        """Return what nodes cost by hour and capacity type."""
        return await self._read("read the nodes' hours", partial(read_capacities, start=start, end=end))

    async def namespaces_before(self, start: int) -> list[NamespaceBase]:
        """Return all namespaces as they were when an hour began."""
        return await self._read("read the namespaces' totals", partial(read_namespaces_before, start=start))

    async def capacities_before(self, start: int) -> dict[str, int]:
        """Return what nodes had cost by then."""
        return await self._read("read the nodes' totals", partial(read_capacities_before, start=start))


def read_settled_until(db: sqlite3.Connection) -> int | None:
    """Return the hour that isn't settled to its end; see `HourRows.settled_until`."""
    states = db.execute("SELECT state FROM node_states UNION ALL SELECT state FROM object_states")
    return unsettled_hour(state for (state,) in states)


def read_kept_from(db: sqlite3.Connection) -> KeptFrom | None:
    """Return from which hour on there is everything; see `HourRows.kept_from`."""
    (first,) = db.execute("SELECT min(hour) FROM namespace_hours").fetchone()
    if first is None:
        return None
    kept = read_kept(db)
    namespaces = max(int(first), kept.namespace_hours_from)
    return KeptFrom(max(namespaces, kept.pod_hours_from), namespaces)


def read_pods(db: sqlite3.Connection, *, hours: Sequence[int], first: int) -> PodPage:
    """Return a page of pods; see `HourRows.pods`."""
    begin = _next_pod(db, hours, first)
    if begin is None:
        return PodPage([], None)
    past = begin + PODS_AT_A_TIME
    within = f"hour IN ({_marks(hours)}) AND pod_id >= ? AND pod_id < ?"
    rows = db.execute(
        f"""WITH amounts AS (
                SELECT pod_id, cpu_nano, memory_nano, gpu_nano, savings_nano, 0 AS storage_nano, network_nano,
                       seconds, estimated_seconds FROM pod_hours WHERE {within}
                UNION ALL
                SELECT pod_id, 0, 0, 0, 0, storage_nano, 0, 0, 0 FROM pod_volume_hours WHERE {within}),
            sums AS (
                SELECT pod_id, sum(cpu_nano) AS cpu, sum(memory_nano) AS memory, sum(gpu_nano) AS gpu,
                       sum(savings_nano) AS savings, sum(storage_nano) AS storage, sum(network_nano) AS network,
                       sum(seconds) AS covered, sum(estimated_seconds) AS estimated
                FROM amounts GROUP BY pod_id)
            SELECT p.pod_id, p.uid, p.namespace, p.name, p.workload_kind, p.workload, p.labels, n.node_id, n.name,
                   cpu, memory, gpu, savings, storage, network, covered, estimated
            FROM sums JOIN pods p USING (pod_id) JOIN nodes n ON n.node_id = p.node_id ORDER BY p.pod_id""",  # noqa: S608 - question marks
        (*hours, begin, past, *hours, begin, past),
    )
    spans = [PodSpan._make((*row[:9], Money(*row[9:15]), *row[15:])) for row in rows]
    return PodPage(spans, _next_pod(db, hours, past))


def read_volume_parts(db: sqlite3.Connection, *, hour: int, first: int) -> VolumePage:
    """Return a page of what pods paid of volumes; see `HourRows.volume_parts`."""
    begin = _first_of(db, "pod_volume_hours", hour, first)
    if begin is None:
        return VolumePage([], None)
    past = begin + PODS_AT_A_TIME
    rows = db.execute(
        """SELECT p.pod_id, p.uid, p.namespace, p.name, p.workload_kind, p.workload, p.labels, object_id, storage_nano
           FROM pod_volume_hours JOIN pods p USING (pod_id)
           WHERE hour = ? AND pod_id >= ? AND pod_id < ? ORDER BY pod_id, object_id""",
        (hour, begin, past),
    )
    return VolumePage(list(map(VolumePart._make, rows)), _first_of(db, "pod_volume_hours", hour, past))


def read_nodes(db: sqlite3.Connection, *, hours: Sequence[int]) -> list[NodeSpan]:
    """Return nodes; see `HourRows.nodes`."""
    rows = db.execute(
        f"""SELECT n.node_id, n.uid, n.name, n.instance_type, n.capacity_type, sum(paid_nano), sum(saved_nano),
                   sum(network_nano), sum(seconds), sum(estimated_seconds),
                   sum(system_cpu_nano), sum(system_memory_nano), sum(system_gpu_nano),
                   sum(idle_cpu_nano), sum(idle_memory_nano), sum(idle_gpu_nano)
            FROM node_hours JOIN nodes n USING (node_id)
            WHERE hour IN ({_marks(hours)})
            GROUP BY n.node_id, n.uid, n.name, n.instance_type, n.capacity_type ORDER BY n.node_id""",  # noqa: S608 - question marks
        tuple(hours),
    )
    sent = dict(
        db.execute(
            f"""SELECT p.node_id, sum(network_nano) FROM pod_hours JOIN pods p USING (pod_id)
                WHERE hour IN ({_marks(hours)}) GROUP BY p.node_id""",  # noqa: S608 - question marks
            tuple(hours),
        )
    )
    return [
        NodeSpan._make((*row[:10], Money(*row[10:13]), Money(*row[13:16]), sent.get(row[0], 0)))
        for row in rows.fetchall()
    ]


def read_objects(db: sqlite3.Connection, *, hours: Sequence[int]) -> list[ObjectSpan]:
    """Return objects; see `HourRows.objects`."""
    rows = db.execute(
        f"""SELECT o.object_id, o.uid, o.kind, o.namespace, o.name, o.storage_class, h.namespace, h.claim,
                   sum(paid_nano), sum(pods_nano), sum(seconds), sum(estimated_seconds)
            FROM object_hours h JOIN objects o USING (object_id)
            WHERE hour IN ({_marks(hours)})
            GROUP BY o.object_id, o.uid, o.kind, o.namespace, o.name, o.storage_class, h.namespace, h.claim
            ORDER BY o.object_id, h.namespace, h.claim""",  # noqa: S608 - question marks
        tuple(hours),
    )
    return list(map(ObjectSpan._make, rows))


def read_namespaces(db: sqlite3.Connection, *, start: int, end: int) -> list[NamespaceHour]:
    """Return the hours of namespaces; see `HourRows.namespaces`."""
    rows = db.execute(
        f"""SELECT hour, namespace, {", ".join(MONEY_COLUMNS)} FROM namespace_hours
            WHERE hour >= ? AND hour < ? ORDER BY hour, namespace""",  # noqa: S608 - our own column names
        (start, end),
    )
    return [NamespaceHour(hour, namespace, Money(*money)) for hour, namespace, *money in rows]


def read_capacities(db: sqlite3.Connection, *, start: int, end: int) -> list[CapacityHour]:
    """Return what nodes cost; see `HourRows.capacities`."""
    rows = db.execute(
        """SELECT hour, capacity_type, sum(paid_nano) FROM node_hours JOIN nodes USING (node_id)
           WHERE hour >= ? AND hour < ? GROUP BY hour, capacity_type ORDER BY hour, capacity_type""",
        (start, end),
    )
    return list(map(CapacityHour._make, rows))


def read_namespaces_before(db: sqlite3.Connection, *, start: int) -> list[NamespaceBase]:
    """Return all namespaces as they were; see `HourRows.namespaces_before`.

    From what they have cost by now backwards: that is right whether or not the hours before are still there.
    """
    since = {
        namespace: Money(*money)
        for namespace, *money in db.execute(
            f"""SELECT namespace, {", ".join(f"sum({column})" for column in MONEY_COLUMNS)} FROM namespace_hours
                WHERE hour >= ? GROUP BY namespace""",  # noqa: S608 - our own column names
            (start,),
        )
    }
    bases = []
    for namespace, *amounts in db.execute(
        f"SELECT namespace, {', '.join(TOTAL_COLUMNS)} FROM namespace_totals ORDER BY namespace"  # noqa: S608 - likewise
    ):
        total = namespace_total(amounts)
        before = total.money.minus(since.get(namespace, Money()))
        bases.append(
            NamespaceBase(namespace, before, total.resource_counters, total.counter, total.savings_counter),
        )
    return bases


def read_capacities_before(db: sqlite3.Connection, *, start: int) -> dict[str, int]:
    """Return what nodes had cost by then; see `HourRows.capacities_before`."""
    since = dict(
        db.execute(
            """SELECT capacity_type, sum(paid_nano) FROM node_hours JOIN nodes USING (node_id)
               WHERE hour >= ? GROUP BY capacity_type""",
            (start,),
        )
    )
    prefix = NODES_COUNTER + "."
    counters = db.execute("SELECT name, value FROM counters WHERE name LIKE ? ORDER BY name", (prefix + "%",))
    now = {name.removeprefix(prefix): int(value) for name, value in counters}
    return {capacity: max(0, total - since.get(capacity, 0)) for capacity, total in now.items()}


def _next_pod(db: sqlite3.Connection, hours: Sequence[int], first: int) -> int | None:
    """Return the least number from `first` on of a pod that has a row in any of these hours."""
    found = [
        pod_id
        for hour in hours
        for table in ("pod_hours", "pod_volume_hours")
        if (pod_id := _first_of(db, table, hour, first)) is not None
    ]
    return min(found, default=None)


def _first_of(db: sqlite3.Connection, table: str, hour: int, first: int) -> int | None:
    query = f"SELECT pod_id FROM {table} WHERE hour = ? AND pod_id >= ? ORDER BY pod_id LIMIT 1"  # noqa: S608 - our own table
    row = db.execute(query, (hour, first)).fetchone()
    return None if row is None else int(row[0])


def _marks(hours: Sequence[int]) -> str:
    return ", ".join("?" for _ in hours)
