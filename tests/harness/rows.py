"""What stands in a ledger's file, read with plain SQL, and the sums that have to hold in it."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

MONEY = "cpu_nano + memory_nano + gpu_nano"
NODE_SUMS = """
    SELECT hour, node_id, paid_nano, saved_nano,
           system_cpu_nano + system_memory_nano + system_gpu_nano + idle_cpu_nano + idle_memory_nano + idle_gpu_nano
             + (SELECT coalesce(sum(cpu_nano + memory_nano + gpu_nano), 0) FROM pod_hours h JOIN pods p USING (pod_id)
                WHERE h.hour = n.hour AND p.node_id = n.node_id) AS given
    FROM node_hours n"""


class PodMoney(NamedTuple):
    """All of a pod's hours: nano-USD by resource, what spot saved, seconds, and how many of them are estimated."""

    cpu: int
    memory: int
    gpu: int
    savings: int
    seconds: float
    estimated_seconds: float

    @property
    def total(self) -> int:
        return self.cpu + self.memory + self.gpu


@contextmanager
def opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection of one's own to the ledger in a folder."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        yield db


def pods(folder: Path) -> dict[str, PodMoney]:
    """Each pod's money by uid; two rows of one uid are added up."""
    with opened(folder) as db:
        rows = db.execute(
            """SELECT uid, sum(cpu_nano), sum(memory_nano), sum(gpu_nano), sum(savings_nano), sum(seconds),
                      sum(estimated_seconds) FROM pod_hours JOIN pods USING (pod_id) GROUP BY uid"""
        )
        return {uid: PodMoney(*amounts) for uid, *amounts in rows}


def namespaces(folder: Path) -> dict[str, int]:
    """Nano-USD of machines by namespace, pseudo-namespaces too; who has none of these isn't in it."""
    with opened(folder) as db:
        rows = db.execute(f"SELECT namespace, sum({MONEY}) AS nano FROM namespace_hours GROUP BY namespace HAVING nano")
        return dict(rows)


def node_hours(folder: Path) -> dict[tuple[str, int], tuple[int, int, int, float]]:
    """Paid, system and idle nano-USD and estimated seconds by node uid and hour."""
    with opened(folder) as db:
        rows = db.execute(
            """SELECT uid, hour, paid_nano, system_cpu_nano + system_memory_nano + system_gpu_nano,
                      idle_cpu_nano + idle_memory_nano + idle_gpu_nano, estimated_seconds
               FROM node_hours JOIN nodes USING (node_id)"""
        )
        return {(uid, hour): (paid, system, idle, estimated) for uid, hour, paid, system, idle, estimated in rows}


def node_seconds(folder: Path) -> dict[str, float]:
    """Settled seconds by node uid."""
    with opened(folder) as db:
        return dict(db.execute("SELECT uid, sum(seconds) FROM node_hours JOIN nodes USING (node_id) GROUP BY uid"))


def all_rows(folder: Path) -> Mapping[str, Mapping[tuple[str, ...], tuple[int, ...]]]:
    """Every row of money by what it is of, for comparing ledgers. Numbers that a ledger gives out aren't in it."""
    with opened(folder) as db:
        queries = {
            "pods": """SELECT uid, hour, cpu_nano, memory_nano, gpu_nano, savings_nano
                       FROM pod_hours JOIN pods USING (pod_id)""",
            "nodes": """SELECT uid, hour, paid_nano, saved_nano, system_cpu_nano, system_memory_nano, system_gpu_nano,
                        idle_cpu_nano, idle_memory_nano, idle_gpu_nano FROM node_hours JOIN nodes USING (node_id)""",
            "namespaces": "SELECT namespace, hour, cpu_nano, memory_nano, gpu_nano, savings_nano FROM namespace_hours",
        }
        return {
            table: {(str(row[0]), str(row[1])): tuple(row[2:]) for row in db.execute(query)}
            for table, query in queries.items()
        }


def check_sums(folder: Path) -> None:
    """Assert that every node-hour is given out to the nano-USD, and that the namespaces' hours are the nodes' hours."""
    with opened(folder) as db:
        for hour, node_id, paid, _, given in db.execute(NODE_SUMS):
            assert paid == given, f"node {node_id} in hour {hour}: paid {paid}, given out {given}"
        by_nodes = dict(db.execute("SELECT hour, sum(paid_nano) FROM node_hours GROUP BY hour"))
        by_namespaces = dict(db.execute(f"SELECT hour, sum({MONEY}) FROM namespace_hours GROUP BY hour"))
        assert by_nodes == by_namespaces
        saved = dict(db.execute("SELECT hour, sum(saved_nano) FROM node_hours GROUP BY hour"))
        saved_by = dict(db.execute("SELECT hour, sum(savings_nano) FROM namespace_hours GROUP BY hour"))
        assert saved == saved_by
        (orphans,) = db.execute(
            """SELECT (SELECT count(*) FROM node_hours WHERE node_id NOT IN (SELECT node_id FROM nodes))
                    + (SELECT count(*) FROM pod_hours WHERE pod_id NOT IN (SELECT pod_id FROM pods))
                    + (SELECT count(*) FROM pods WHERE node_id NOT IN (SELECT node_id FROM nodes))"""
        ).fetchone()
        assert orphans == 0
