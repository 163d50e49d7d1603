"""What windows of the ledger cost, read from SQLite."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from kube_cost_aggregator.history.sqlite_writes import MONEY_COLUMNS, PAID_COLUMNS
from kube_cost_aggregator.history.store import CostRow, GroupBy, Money, PodsHour

_SUMS = ", ".join(f"sum({column})" for column in MONEY_COLUMNS)

# A group's rows may be several: adding those of a name up here costs half of a GROUP BY of texts.
_COSTS: dict[GroupBy, str] = {
    "namespace": f"""
        WITH counted AS (
            SELECT p.namespace, count(DISTINCT pod_id) AS pods FROM pod_hours JOIN pods p USING (pod_id)
            WHERE hour >= :start AND hour < :end GROUP BY p.namespace)
        SELECT namespace, {_SUMS}, 0, 0, coalesce(pods, 0)
        FROM namespace_hours LEFT JOIN counted USING (namespace)
        WHERE hour >= :start AND hour < :end GROUP BY namespace""",  # noqa: S608 - our own column names
    "pod": """
        WITH counted AS (
            SELECT pod_id, sum(cpu_nano) AS cpu, sum(memory_nano) AS memory, sum(gpu_nano) AS gpu,
                   sum(savings_nano) AS savings, sum(network_nano) AS network, sum(seconds) AS seconds,
                   sum(estimated_seconds) AS estimated
            FROM pod_hours WHERE hour >= :start AND hour < :end GROUP BY pod_id),
        stored AS (
            SELECT pod_id, sum(storage_nano) AS storage FROM pod_volume_hours
            WHERE hour >= :start AND hour < :end GROUP BY pod_id)
        SELECT p.namespace, p.name, p.node_id, cpu, memory, gpu, savings, 0, network, 0, 0, 0, seconds, estimated, 1
        FROM counted JOIN pods p USING (pod_id)
        UNION ALL
        SELECT p.namespace, p.name, p.node_id, 0, 0, 0, 0, storage, 0, 0, 0, 0, 0, 0,
               pod_id NOT IN (SELECT pod_id FROM counted)
        FROM stored JOIN pods p USING (pod_id)""",
    "node": """
        WITH counted AS (
            SELECT p.node_id, count(DISTINCT pod_id) AS pods FROM pod_hours JOIN pods p USING (pod_id)
            WHERE hour >= :start AND hour < :end GROUP BY p.node_id)
        SELECT n.name, n.instance_type, sum(paid_nano), 0, 0, sum(saved_nano), 0, 0, 0, 0, 0,
               sum(seconds), sum(estimated_seconds), coalesce(pods, 0)
        FROM node_hours JOIN nodes n USING (node_id) LEFT JOIN counted USING (node_id)
        WHERE hour >= :start AND hour < :end GROUP BY n.node_id""",
    "workload": """
        SELECT p.namespace, p.workload_kind, p.workload, sum(cpu_nano), sum(memory_nano), sum(gpu_nano),
               sum(savings_nano), 0, sum(network_nano), 0, 0, 0,
               sum(seconds), sum(estimated_seconds), count(DISTINCT pod_id)
        FROM pod_hours JOIN pods p USING (pod_id)
        WHERE hour >= :start AND hour < :end GROUP BY p.namespace, p.workload_kind, p.workload
        UNION ALL
        SELECT p.namespace, p.workload_kind, p.workload, 0, 0, 0, 0, sum(storage_nano), 0, 0, 0, 0, 0, 0, 0
        FROM pod_volume_hours JOIN pods p USING (pod_id)
        WHERE hour >= :start AND hour < :end GROUP BY p.namespace, p.workload_kind, p.workload""",
}


def read_costs(db: sqlite3.Connection, *, by: GroupBy, start: int, end: int) -> list[CostRow]:
    """Return what the hours from `start` up to `end` (Unix seconds) cost, dearest first."""
    rows = db.execute(_COSTS[by], {"start": start, "end": end})
    return _dearest_first(_with_node_names(db, rows) if by == "pod" else rows)


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


def _with_node_names(db: sqlite3.Connection, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Put the name of its node in place of its number; a name is one object for all of its rows, there are many."""
    nodes = dict(db.execute("SELECT node_id, name FROM nodes"))
    namespaces: dict[str, str] = {}
    for row in rows:
        yield namespaces.setdefault(row[0], row[0]), row[1], nodes[row[2]], *row[3:]


def _dearest_first(rows: Iterable[tuple[Any, ...]]) -> list[CostRow]:
    """Return a line for each group, whose rows are columns of text, those of money, 2 of seconds, a number of pods."""
    groups: dict[tuple[str, ...], CostRow] = {}
    width = len(MONEY_COLUMNS) + 3
    for row in rows:
        *amounts, seconds, estimated, pods = row[-width:]
        group, money = row[:-width], Money(*amounts)
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
    return -line.money.total, line.group
