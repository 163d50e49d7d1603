"""The ledger's hours row by row, read from PostgreSQL; see `HourRows`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol, TypeVar

import asyncpg

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
from kube_cost_aggregator.history.postgres_days import read_kept
from kube_cost_aggregator.history.postgres_sql import fetch
from kube_cost_aggregator.history.store import Money

_AMONG = "hour = ANY(:hours::timestamptz[])"
_WINDOW = "hour >= to_timestamp(:start::bigint) AND hour < to_timestamp(:end::bigint)"


T = TypeVar("T")


class Read(Protocol):
    """Does some reading, of one moment and one cluster; raises StoreError."""

    async def __call__(self, doing: str, work: Callable[[asyncpg.Connection, int], Awaitable[T]]) -> T:
        """Return what `work` returns; `doing` says what it is about."""
        ...


class PostgresHours:
    """The hours of a cluster's ledger in PostgreSQL; for each method see `HourRows`."""

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


async def read_settled_until(db: asyncpg.Connection, cluster: int) -> int | None:
    """Return the hour that isn't settled to its end; see `HourRows.settled_until`."""
    states = await fetch(db, cluster, "SELECT state FROM node_states UNION ALL SELECT state FROM object_states")
    return unsettled_hour(state for (state,) in states)


async def read_kept_from(db: asyncpg.Connection, cluster: int) -> KeptFrom | None:
    """Return from which hour on there is everything; see `HourRows.kept_from`."""
    ((first,),) = await fetch(db, cluster, "SELECT extract(epoch FROM min(hour))::bigint FROM namespace_hours")
    if first is None:
        return None
    kept = await read_kept(db, cluster)
    namespaces = max(int(first), kept.namespace_hours_from)
    return KeptFrom(max(namespaces, kept.pod_hours_from), namespaces)


async def read_pods(db: asyncpg.Connection, cluster: int, *, hours: Sequence[int], first: int) -> PodPage:
    """Return a page of pods; see `HourRows.pods`."""
    begin = await _next_pod(db, cluster, hours, first)
    if begin is None:
        return PodPage([], None)
    past = begin + PODS_AT_A_TIME
    within = f"{_AMONG} AND pod_id >= :begin AND pod_id < :past"
    rows = await fetch(
        db,
        cluster,
        f"""WITH amounts AS (
                SELECT pod_id, cpu_nano, memory_nano, gpu_nano, savings_nano, 0 AS storage_nano, network_nano,
                       seconds, estimated_seconds FROM pod_hours WHERE {within}
                UNION ALL
                SELECT pod_id, 0, 0, 0, 0, storage_nano, 0, 0.0, 0.0 FROM pod_volume_hours WHERE {within}),
            sums AS (
                SELECT pod_id, sum(cpu_nano) AS cpu, sum(memory_nano) AS memory, sum(gpu_nano) AS gpu,
                       sum(savings_nano) AS savings, sum(storage_nano) AS storage, sum(network_nano) AS network,
                       sum(seconds) AS covered, sum(estimated_seconds) AS estimated
                FROM amounts GROUP BY pod_id)
            SELECT p.pod_id, p.uid, p.namespace, p.name, p.workload_kind, p.workload, p.labels, n.node_id, n.name,
                   cpu, memory, gpu, savings, storage, network, covered, estimated
            FROM sums JOIN pods p USING (pod_id) JOIN nodes n ON n.node_id = p.node_id ORDER BY p.pod_id""",  # noqa: S608 - our own names
        {"hours": _moments(hours), "begin": begin, "past": past},
    )
    spans = [PodSpan._make((*row[:9], Money(*row[9:15]), *row[15:])) for row in rows]
    return PodPage(spans, await _next_pod(db, cluster, hours, past))


async def read_volume_parts(db: asyncpg.Connection, cluster: int, *, hour: int, first: int) -> VolumePage:
    """Return a page of what pods paid of volumes; see `HourRows.volume_parts`."""
    begin = await _first_of(db, cluster, "pod_volume_hours", hour, first)
    if begin is None:
        return VolumePage([], None)
    past = begin + PODS_AT_A_TIME
    rows = await fetch(
        db,
        cluster,
        """SELECT p.pod_id, p.uid, p.namespace, p.name, p.workload_kind, p.workload, p.labels, object_id, storage_nano
           FROM pod_volume_hours JOIN pods p USING (pod_id)
           WHERE hour = to_timestamp(:hour::bigint) AND pod_id >= :begin AND pod_id < :past
           ORDER BY pod_id, object_id""",
        {"hour": hour, "begin": begin, "past": past},
    )
    more = await _first_of(db, cluster, "pod_volume_hours", hour, past)
    return VolumePage(list(map(VolumePart._make, rows)), more)


async def read_nodes(db: asyncpg.Connection, cluster: int, *, hours: Sequence[int]) -> list[NodeSpan]:
    """Return nodes; see `HourRows.nodes`."""
    rows = await fetch(
        db,
        cluster,
        f"""SELECT n.node_id, n.uid, n.name, n.instance_type, n.capacity_type, sum(paid_nano), sum(saved_nano),
                   sum(network_nano), sum(seconds), sum(estimated_seconds),
                   sum(system_cpu_nano), sum(system_memory_nano), sum(system_gpu_nano),
                   sum(idle_cpu_nano), sum(idle_memory_nano), sum(idle_gpu_nano)
            FROM node_hours JOIN nodes n USING (node_id)
            WHERE {_AMONG}
            GROUP BY n.node_id, n.uid, n.name, n.instance_type, n.capacity_type ORDER BY n.node_id""",  # noqa: S608 - our own names
        {"hours": _moments(hours)},
    )
    sent = dict(
        await fetch(
            db,
            cluster,
            f"""SELECT p.node_id, sum(network_nano) FROM pod_hours JOIN pods p USING (pod_id)
                WHERE {_AMONG} GROUP BY p.node_id""",  # noqa: S608 - our own names
            {"hours": _moments(hours)},
        )
    )
    return [NodeSpan._make((*row[:10], Money(*row[10:13]), Money(*row[13:16]), sent.get(row[0], 0))) for row in rows]


async def read_objects(db: asyncpg.Connection, cluster: int, *, hours: Sequence[int]) -> list[ObjectSpan]:
    """Return objects; see `HourRows.objects`."""
    rows = await fetch(
        db,
        cluster,
        f"""SELECT o.object_id, o.uid, o.kind, o.namespace, o.name, o.storage_class, h.namespace, h.claim,
                   sum(paid_nano), sum(pods_nano), sum(seconds), sum(estimated_seconds)
            FROM object_hours h JOIN objects o USING (object_id)
            WHERE {_AMONG}
            GROUP BY o.object_id, o.uid, o.kind, o.namespace, o.name, o.storage_class, h.namespace, h.claim
            ORDER BY o.object_id, h.namespace COLLATE "C", h.claim COLLATE "C" """,  # noqa: S608 - our own names
        {"hours": _moments(hours)},
    )
    return list(map(ObjectSpan._make, rows))


async def read_namespaces(db: asyncpg.Connection, cluster: int, *, start: int, end: int) -> list[NamespaceHour]:
    """Return the hours of namespaces; see `HourRows.namespaces`."""
    rows = await fetch(
        db,
        cluster,
        f"""SELECT extract(epoch FROM hour)::bigint, namespace, {", ".join(MONEY_COLUMNS)} FROM namespace_hours
            WHERE {_WINDOW} ORDER BY hour, namespace COLLATE "C" """,  # noqa: S608 - our own names
        {"start": start, "end": end},
    )
    return [NamespaceHour(hour, namespace, Money(*money)) for hour, namespace, *money in rows]


async def read_capacities(db: asyncpg.Connection, cluster: int, *, start: int, end: int) -> list[CapacityHour]:
    """Return what nodes cost; see `HourRows.capacities`."""
    rows = await fetch(
        db,
        cluster,
        f"""SELECT extract(epoch FROM hour)::bigint, capacity_type, sum(paid_nano)
            FROM node_hours JOIN nodes USING (node_id)
            WHERE {_WINDOW} GROUP BY hour, capacity_type ORDER BY hour, capacity_type COLLATE "C" """,  # noqa: S608 - our own names
        {"start": start, "end": end},
    )
    return list(map(CapacityHour._make, rows))


async def read_namespaces_before(db: asyncpg.Connection, cluster: int, *, start: int) -> list[NamespaceBase]:
    """Return all namespaces as they were; see `HourRows.namespaces_before`.

    From what they have cost by now backwards: that is right whether or not the hours before are still there.
    """
    since = {
        namespace: Money(*money)
        for namespace, *money in await fetch(
            db,
            cluster,
            f"""SELECT namespace, {", ".join(f"sum({column})" for column in MONEY_COLUMNS)} FROM namespace_hours
                WHERE hour >= to_timestamp(:start::bigint) GROUP BY namespace""",  # noqa: S608 - our own names
            {"start": start},
        )
    }
    bases = []
    for namespace, *amounts in await fetch(
        db,
        cluster,
        f'SELECT namespace, {", ".join(TOTAL_COLUMNS)} FROM namespace_totals ORDER BY namespace COLLATE "C"',  # noqa: S608 - likewise
    ):
        total = namespace_total(amounts)
        before = total.money.minus(since.get(namespace, Money()))
        bases.append(
            NamespaceBase(namespace, before, total.resource_counters, total.counter, total.savings_counter),
        )
    return bases


async def read_capacities_before(db: asyncpg.Connection, cluster: int, *, start: int) -> dict[str, int]:
    """Return what nodes had cost by then; see `HourRows.capacities_before`."""
    since = dict(
        await fetch(
            db,
            cluster,
            """SELECT capacity_type, sum(paid_nano) FROM node_hours JOIN nodes USING (node_id)
               WHERE hour >= to_timestamp(:start::bigint) GROUP BY capacity_type""",
            {"start": start},
        )
    )
    prefix = NODES_COUNTER + "."
    counters = await fetch(
        db,
        cluster,
        """SELECT name, whole, fraction FROM counters WHERE starts_with(name, :prefix) ORDER BY name COLLATE "C" """,
        {"prefix": prefix},
    )
    now = {name.removeprefix(prefix): int(fraction if whole is None else whole) for name, whole, fraction in counters}
    return {capacity: max(0, total - since.get(capacity, 0)) for capacity, total in now.items()}


async def _next_pod(db: asyncpg.Connection, cluster: int, hours: Sequence[int], first: int) -> int | None:
    """Return the least number from `first` on of a pod that has a row in any of these hours."""
    found = [
        pod_id
        for hour in hours
        for table in ("pod_hours", "pod_volume_hours")
        if (pod_id := await _first_of(db, cluster, table, hour, first)) is not None
    ]
    return min(found, default=None)


async def _first_of(db: asyncpg.Connection, cluster: int, table: str, hour: int, first: int) -> int | None:
    rows = await fetch(
        db,
        cluster,
        f"SELECT pod_id FROM {table} WHERE hour = to_timestamp(:hour::bigint) AND pod_id >= :first"  # noqa: S608 - our own table
        " ORDER BY pod_id LIMIT 1",
        {"hour": hour, "first": first},
    )
    return int(rows[0][0]) if rows else None


def _moments(hours: Sequence[int]) -> list[datetime]:
    return [datetime.fromtimestamp(hour, UTC) for hour in hours]
