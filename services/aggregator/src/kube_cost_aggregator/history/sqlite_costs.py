"""What windows of the ledger cost, read from SQLite."""

import sqlite3

from kube_cost_aggregator.history.columns import PAID_COLUMNS
from kube_cost_aggregator.history.cost_lines import Rows, reading
from kube_cost_aggregator.history.cost_sql import Dialect, Statement
from kube_cost_aggregator.history.queries import CostQuery, Costs
from kube_cost_aggregator.history.sqlite_days import read_kept
from kube_cost_aggregator.history.store import PodsHour


def _glob(pattern: str) -> tuple[str, str]:
    return "GLOB", pattern.replace("[", "[[]").replace("?", "[?]")


DIALECT = Dialect(newline="char(10)", pattern=_glob, moment=lambda name: name, seconds=lambda column: column)


def read_costs(db: sqlite3.Connection, query: CostQuery) -> Costs:
    """Return what a window cost; see `CostReader.query`."""

    def rows(statement: Statement) -> Rows:
        return db.execute(statement.sql, statement.values)

    db.execute("BEGIN")  # all that an answer is made of is of one moment
    try:
        steps = reading(query, read_kept(db), DIALECT)
        statement = next(steps)
        while True:
            statement = steps.send(rows(statement))
    except StopIteration as answer:
        costs: Costs = answer.value
        return costs
    finally:
        db.execute("ROLLBACK")


def read_pods_by_hour(db: sqlite3.Connection, *, start: int, end: int) -> list[PodsHour]:
    """Return what pods cost in each hour; see `HourReader.pods_by_hour`."""
    who = "hour, p.namespace, p.workload_kind, p.workload, p.labels"
    rows = db.execute(
        f"""SELECT {who}, sum(cpu_nano + memory_nano + gpu_nano + network_nano)
            FROM pod_hours JOIN pods p USING (pod_id) WHERE hour >= :start AND hour < :end GROUP BY {who}
            UNION ALL
            SELECT {who}, sum(storage_nano)
            FROM pod_volume_hours JOIN pods p USING (pod_id) WHERE hour >= :start AND hour < :end GROUP BY {who}""",  # noqa: S608 - our own column names
        {"start": start, "end": end},
    )
    return list(map(PodsHour._make, rows))


def read_namespaces_by_hour(db: sqlite3.Connection, *, start: int, end: int) -> dict[tuple[int, str], int]:
    """Return what namespaces cost in each hour; see `HourReader.namespaces_by_hour`."""
    rows = db.execute(
        f"SELECT hour, namespace, {' + '.join(PAID_COLUMNS)} FROM namespace_hours WHERE hour >= ? AND hour < ?",  # noqa: S608 - likewise
        (start, end),
    )
    return {(hour, namespace): nano for hour, namespace, nano in rows}
