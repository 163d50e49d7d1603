"""What windows of the ledger cost, read from PostgreSQL."""

import asyncpg

from kube_cost_aggregator.history.columns import PAID_COLUMNS
from kube_cost_aggregator.history.cost_lines import reading
from kube_cost_aggregator.history.postgres_days import read_kept
from kube_cost_aggregator.history.postgres_sql import DIALECT, fetch
from kube_cost_aggregator.history.queries import CostQuery, Costs
from kube_cost_aggregator.history.store import PodsHour

_HOUR = "extract(epoch FROM hour)::bigint"
_WINDOW = "hour >= to_timestamp(:start::bigint) AND hour < to_timestamp(:end::bigint)"
_WHO = "p.namespace, p.workload_kind, p.workload, p.labels"


async def read_costs(db: asyncpg.Connection, cluster: int, query: CostQuery) -> Costs:
    """Return what a window cost; see `CostReader.query`."""
    steps = reading(query, await read_kept(db, cluster), DIALECT)
    try:
        statement = next(steps)
        while True:
            statement = steps.send(await fetch(db, cluster, statement.sql, statement.values))
    except StopIteration as answer:
        costs: Costs = answer.value
        return costs


async def read_pods_by_hour(db: asyncpg.Connection, cluster: int, *, start: int, end: int) -> list[PodsHour]:
    """Return what pods cost in each hour; see `HourReader.pods_by_hour`."""
    rows = await fetch(
        db,
        cluster,
        f"""SELECT {_HOUR}, {_WHO}, sum(cpu_nano + memory_nano + gpu_nano + network_nano)
            FROM pod_hours JOIN pods p USING (pod_id) WHERE {_WINDOW} GROUP BY hour, {_WHO}
            UNION ALL
            SELECT {_HOUR}, {_WHO}, sum(storage_nano)
            FROM pod_volume_hours JOIN pods p USING (pod_id) WHERE {_WINDOW} GROUP BY hour, {_WHO}""",  # noqa: S608 - our own names
        {"start": start, "end": end},
    )
    return list(map(PodsHour._make, rows))


async def read_namespaces_by_hour(
    db: asyncpg.Connection, cluster: int, *, start: int, end: int
) -> dict[tuple[int, str], int]:
    """Return what namespaces cost in each hour; see `HourReader.namespaces_by_hour`."""
    rows = await fetch(
        db,
        cluster,
        f"SELECT {_HOUR}, namespace, {' + '.join(PAID_COLUMNS)} FROM namespace_hours WHERE {_WINDOW}",  # noqa: S608 - our own names
        {"start": start, "end": end},
    )
    return {(hour, namespace): nano for hour, namespace, nano in rows}
