"""Days added up from hours in PostgreSQL, and hours that are old enough to go."""

from collections.abc import Iterable

import asyncpg

from kube_cost_aggregator.history.columns import HOUR_TABLES, MONEY_COLUMNS
from kube_cost_aggregator.history.cost_lines import Kept
from kube_cost_aggregator.history.cost_sql import SECONDS_PER_DAY, SECONDS_PER_HOUR
from kube_cost_aggregator.history.store import Batch, Retention

_OF_DAY = f"""cluster = $1 AND hour >= to_timestamp($2::bigint)
              AND hour < to_timestamp($2::bigint + {SECONDS_PER_DAY})"""

_POD_DAYS = f"""
    INSERT INTO pod_days (cluster, day, pod_id, cpu_nano, memory_nano, gpu_nano, savings_nano, storage_nano,
                          network_nano, seconds, estimated_seconds)
    SELECT $1, to_timestamp($2::bigint), pod_id, sum(cpu), sum(memory), sum(gpu), sum(savings), sum(storage),
           sum(network), sum(seconds), sum(estimated)
    FROM (SELECT pod_id, cpu_nano AS cpu, memory_nano AS memory, gpu_nano AS gpu, savings_nano AS savings, 0 AS storage,
                 network_nano AS network, seconds, estimated_seconds AS estimated
          FROM pod_hours WHERE {_OF_DAY} {{chosen}}
          UNION ALL
          SELECT pod_id, 0, 0, 0, 0, storage_nano, 0, 0.0, 0.0
          FROM pod_volume_hours WHERE {_OF_DAY} {{chosen}}) AS amounts
    GROUP BY pod_id"""  # noqa: S608 - our own numbers
_NAMESPACE_DAYS = f"""
    INSERT INTO namespace_days (cluster, day, namespace, {", ".join(MONEY_COLUMNS)})
    SELECT $1, to_timestamp($2::bigint), namespace, {", ".join(f"sum({column})" for column in MONEY_COLUMNS)}
    FROM namespace_hours WHERE {_OF_DAY} {{chosen}} GROUP BY namespace"""  # noqa: S608 - our own column names


async def read_kept(db: asyncpg.Connection, cluster: int) -> Kept:
    """Return what of the history there is."""
    row = await db.fetchrow(
        "SELECT days_through, pod_hours_from, namespace_hours_from FROM ledger WHERE cluster = $1", cluster
    )
    return Kept(*row) if row else Kept()


async def add_up_day(db: asyncpg.Connection, cluster: int, through: int) -> bool:
    """Add the first day up that isn't yet and ended before `through` (Unix seconds); say whether there was one."""
    done = (await read_kept(db, cluster)).days_through
    first = await db.fetchval(
        """SELECT extract(epoch FROM min(hour))::bigint FROM namespace_hours
           WHERE cluster = $1 AND hour >= to_timestamp($2::bigint)""",
        cluster,
        done,
    )
    if first is None or (day := first // SECONDS_PER_DAY * SECONDS_PER_DAY) + SECONDS_PER_DAY > through:
        return False
    for table, insert in (("pod_days", _POD_DAYS), ("namespace_days", _NAMESPACE_DAYS)):
        await db.execute(f"DELETE FROM {table} WHERE cluster = $1 AND day = to_timestamp($2::bigint)", cluster, day)  # noqa: S608 - our own names
        await db.execute(insert.format(chosen=""), cluster, day)
    await db.execute("UPDATE ledger SET days_through = $2 WHERE cluster = $1", cluster, day + SECONDS_PER_DAY)
    return True


async def add_late(db: asyncpg.Connection, cluster: int, batch: Batch, through: int) -> None:
    """Add anew the days before `through` (Unix seconds) that a batch writes hours of after they were added up."""
    pods = [*batch.pod_hours, *((hour, pod_id) for hour, pod_id, _ in batch.pod_volume_hours)]
    for table, column, kind, insert, keys in (
        ("pod_days", "pod_id", "bigint", _POD_DAYS, pods),
        ("namespace_days", "namespace", "text", _NAMESPACE_DAYS, list(batch.namespace_hours)),
    ):
        chosen = f"AND {column} = ANY($3::{kind}[])"
        for day, late in _late(keys, through).items():
            await db.execute(
                f"DELETE FROM {table} WHERE cluster = $1 AND day = to_timestamp($2::bigint) {chosen}",  # noqa: S608 - our own names
                cluster,
                day,
                late,
            )
            await db.execute(insert.format(chosen=chosen), cluster, day, late)


async def forget_hours(db: asyncpg.Connection, cluster: int, now: int, retention: Retention) -> bool:
    """Delete an hour of each kind that is older than it is kept; say whether more may be to delete.

    Only hours of days that are added up go.
    """
    kept = await read_kept(db, cluster)
    more = False
    for column, days in (
        ("pod_hours_from", retention.pod_hours_days),
        ("namespace_hours_from", retention.namespace_hours_days),
    ):
        if not days:
            continue
        tables = HOUR_TABLES[column]
        until = min(now // SECONDS_PER_DAY * SECONDS_PER_DAY - days * SECONDS_PER_DAY, kept.days_through)
        found = [await _oldest(db, cluster, table) for table in tables]
        oldest = min((hour for hour in found if hour is not None), default=until)
        if oldest >= until:
            continue
        # Said before the first hour of a day goes: what is left of a day is no day.
        await db.execute(f"UPDATE ledger SET {column} = greatest({column}, $2) WHERE cluster = $1", cluster, until)  # noqa: S608 - our own names
        for table in tables:
            await db.execute(
                f"DELETE FROM {table} WHERE cluster = $1 AND hour < to_timestamp($2::bigint)",  # noqa: S608 - likewise
                cluster,
                oldest + SECONDS_PER_HOUR,
            )
        more = True
    return more


async def forget_days(db: asyncpg.Connection, cluster: int, now: int, retention: Retention) -> None:
    """Delete days that are older than they are kept."""
    if retention.days_days:
        until = now // SECONDS_PER_DAY * SECONDS_PER_DAY - retention.days_days * SECONDS_PER_DAY
        for table in ("pod_days", "namespace_days"):
            await db.execute(
                f"DELETE FROM {table} WHERE cluster = $1 AND day < to_timestamp($2::bigint)",  # noqa: S608 - our own names
                cluster,
                until,
            )


async def _oldest(db: asyncpg.Connection, cluster: int, table: str) -> int | None:
    hour: int | None = await db.fetchval(
        f"SELECT extract(epoch FROM min(hour))::bigint FROM {table} WHERE cluster = $1",  # noqa: S608 - our own names
        cluster,
    )
    return hour


def _late(keys: Iterable[tuple[int, object]], through: int) -> dict[int, list[object]]:
    """Return what is late by its day."""
    late: dict[int, dict[object, None]] = {}
    for hour, key in keys:
        if hour < through:
            late.setdefault(hour // SECONDS_PER_DAY * SECONDS_PER_DAY, {})[key] = None
    return {day: list(found) for day, found in late.items()}
