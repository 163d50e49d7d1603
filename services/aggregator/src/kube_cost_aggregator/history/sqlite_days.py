"""Days added up from hours in SQLite, and hours that are old enough to go."""

import sqlite3
from collections.abc import Iterable

from kube_cost_aggregator.history.columns import HOUR_TABLES, MONEY_COLUMNS
from kube_cost_aggregator.history.cost_lines import Kept
from kube_cost_aggregator.history.cost_sql import SECONDS_PER_DAY, SECONDS_PER_HOUR
from kube_cost_aggregator.history.store import Batch, Retention

_HOURS = ", ".join(f":day + {SECONDS_PER_HOUR * number}" for number in range(24))
"""Of a day, one by one: each is looked up, also for a single pod."""

_POD_DAYS = f"""
    INSERT OR REPLACE INTO pod_days
    SELECT :day, pod_id, sum(cpu), sum(memory), sum(gpu), sum(savings), sum(storage), sum(network), sum(seconds),
           sum(estimated)
    FROM (SELECT pod_id, cpu_nano AS cpu, memory_nano AS memory, gpu_nano AS gpu, savings_nano AS savings, 0 AS storage,
                 network_nano AS network, seconds, estimated_seconds AS estimated
          FROM pod_hours WHERE hour IN ({_HOURS}) {{of_pod}}
          UNION ALL
          SELECT pod_id, 0, 0, 0, 0, storage_nano, 0, 0.0, 0.0
          FROM pod_volume_hours WHERE hour IN ({_HOURS}) {{of_pod}})
    GROUP BY pod_id"""  # noqa: S608 - our own numbers
_NAMESPACE_DAYS = f"""
    INSERT OR REPLACE INTO namespace_days
    SELECT :day, namespace, {", ".join(f"sum({column})" for column in MONEY_COLUMNS)}
    FROM namespace_hours WHERE hour IN ({_HOURS}) {{of_namespace}} GROUP BY namespace"""  # noqa: S608 - our own column names


def read_kept(db: sqlite3.Connection) -> Kept:
    """Return what of the history there is."""
    row = db.execute("SELECT days_through, pod_hours_from, namespace_hours_from FROM ledger").fetchone()
    return Kept(*row) if row else Kept()


def add_up_day(db: sqlite3.Connection, through: int) -> bool:
    """Add the first day up that isn't yet and ended before `through` (Unix seconds); say whether there was one."""
    done = read_kept(db).days_through
    first = db.execute("SELECT min(hour) FROM namespace_hours WHERE hour >= ?", (done,)).fetchone()[0]
    if first is None or (day := first // SECONDS_PER_DAY * SECONDS_PER_DAY) + SECONDS_PER_DAY > through:
        return False
    db.execute(_POD_DAYS.format(of_pod=""), {"day": day})
    db.execute(_NAMESPACE_DAYS.format(of_namespace=""), {"day": day})
    db.execute("UPDATE ledger SET days_through = ?", (day + SECONDS_PER_DAY,))
    return True


def add_late(db: sqlite3.Connection, batch: Batch) -> None:
    """Add anew the days that a batch writes hours of after they were added up."""
    through = read_kept(db).days_through
    pods = [*batch.pod_hours, *((hour, pod_id) for hour, pod_id, _ in batch.pod_volume_hours)]
    for day, pod_id in _days(pods, through):
        db.execute(_POD_DAYS.format(of_pod="AND pod_id = :pod_id"), {"day": day, "pod_id": pod_id})
    for day, namespace in _days(batch.namespace_hours, through):
        values = {"day": day, "namespace": namespace}
        db.execute(_NAMESPACE_DAYS.format(of_namespace="AND namespace = :namespace"), values)


def forget_hours(db: sqlite3.Connection, now: int, retention: Retention) -> bool:
    """Delete an hour of each kind that is older than it is kept; say whether more may be to delete.

    Only hours of days that are added up go.
    """
    kept = read_kept(db)
    more = False
    for column, days in (
        ("pod_hours_from", retention.pod_hours_days),
        ("namespace_hours_from", retention.namespace_hours_days),
    ):
        if not days:
            continue
        tables = HOUR_TABLES[column]
        until = min(now // SECONDS_PER_DAY * SECONDS_PER_DAY - days * SECONDS_PER_DAY, kept.days_through)
        oldest = min((hour for table in tables if (hour := _oldest(db, table)) is not None), default=until)
        if oldest >= until:
            continue
        # Said before the first hour of a day goes: what is left of a day is no day.
        db.execute(f"UPDATE ledger SET {column} = max({column}, ?)", (until,))  # noqa: S608 - our own names
        for table in tables:
            db.execute(f"DELETE FROM {table} WHERE hour < ?", (oldest + SECONDS_PER_HOUR,))  # noqa: S608 - likewise
        more = True
    return more


def forget_days(db: sqlite3.Connection, now: int, retention: Retention) -> None:
    """Delete days that are older than they are kept."""
    if retention.days_days:
        until = now // SECONDS_PER_DAY * SECONDS_PER_DAY - retention.days_days * SECONDS_PER_DAY
        for table in ("pod_days", "namespace_days"):
            db.execute(f"DELETE FROM {table} WHERE day < ?", (until,))  # noqa: S608 - likewise


def _oldest(db: sqlite3.Connection, table: str) -> int | None:
    hour: int | None = db.execute(f"SELECT min(hour) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
    return hour


def _days(keys: Iterable[tuple[int, object]], through: int) -> set[tuple[int, object]]:
    return {(hour // SECONDS_PER_DAY * SECONDS_PER_DAY, key) for hour, key in keys if hour < through}
