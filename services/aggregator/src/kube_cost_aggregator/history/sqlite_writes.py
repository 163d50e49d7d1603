"""The rows of a batch, written to SQLite within a transaction of the caller's."""

import sqlite3
from collections.abc import Iterable

import msgspec

from kube_cost_aggregator.history.columns import MONEY_COLUMNS, TOTAL_COLUMNS, total_amounts
from kube_cost_aggregator.history.store import Batch, PodRow, PriceChangeRow


def write_batch(db: sqlite3.Connection, batch: Batch) -> None:
    """Write all that a batch holds."""
    if batch.stream is not None:
        db.execute(
            "UPDATE ledger SET stream_created_ns = ?, stream_sequence = ?, stream_stored_at_ns = ?", batch.stream
        )
    _write_nodes_and_pods(db, batch)
    _write_objects(db, batch)
    _write_money(db, batch)
    db.executemany(
        f"INSERT OR REPLACE INTO price_changes VALUES ({_marks(PriceChangeRow._fields)})",  # noqa: S608 - question marks
        batch.price_changes.values(),
    )


def _write_nodes_and_pods(db: sqlite3.Connection, batch: Batch) -> None:
    db.executemany(
        """INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE SET
           name = excluded.name, instance_type = excluded.instance_type, capacity_type = excluded.capacity_type,
           node_pool = excluded.node_pool""",
        [(n.node_id, n.uid, n.name, n.instance_type, n.capacity_type, n.node_pool) for n in batch.nodes.values()],
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


def _write_objects(db: sqlite3.Connection, batch: Batch) -> None:
    db.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)", batch.objects.values())
    db.executemany(
        "INSERT OR REPLACE INTO object_states VALUES (?, ?)",
        [(state.uid, msgspec.msgpack.encode(state)) for state in batch.object_states.values()],
    )
    db.executemany("DELETE FROM object_states WHERE uid = ?", [(uid,) for uid in batch.gone_objects])
    db.executemany(
        "INSERT OR REPLACE INTO object_hours VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(*key, *cost) for key, cost in batch.object_hours.items()],
    )
    db.executemany(
        "INSERT OR REPLACE INTO pod_volume_hours VALUES (?, ?, ?, ?)",
        [(*key, nano) for key, nano in batch.pod_volume_hours.items()],
    )


def _write_money(db: sqlite3.Connection, batch: Batch) -> None:
    db.executemany(
        """INSERT OR REPLACE INTO pod_hours (hour, pod_id, cpu_nano, memory_nano, gpu_nano, savings_nano, network_nano,
           seconds, estimated_seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (*key, *row.money[:4], row.money.network, row.seconds, row.estimated_seconds)
            for key, row in batch.pod_hours.items()
        ],
    )
    db.executemany(
        "INSERT OR REPLACE INTO node_hours VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*key, row.paid, row.saved, *row.system[:3], *row.idle[:3], row.seconds, row.estimated_seconds, row.network)
            for key, row in batch.node_hours.items()
        ],
    )
    columns = ("hour", "namespace", *MONEY_COLUMNS)
    added = ", ".join(f"{column} = {column} + excluded.{column}" for column in MONEY_COLUMNS)
    db.executemany(
        f"""INSERT INTO namespace_hours ({", ".join(columns)}) VALUES ({_marks(columns)})
            ON CONFLICT DO UPDATE SET {added}""",  # noqa: S608 - our own column names
        [(*key, *money) for key, money in batch.namespace_hours.items()],
    )
    columns = ("namespace", *TOTAL_COLUMNS)
    db.executemany(
        f"INSERT OR REPLACE INTO namespace_totals ({', '.join(columns)}) VALUES ({_marks(columns)})",  # noqa: S608 - likewise
        [(namespace, *total_amounts(total)) for namespace, total in batch.namespace_totals.items()],
    )
    db.executemany(
        "INSERT OR REPLACE INTO namespace_traffic VALUES (?, ?, ?, ?, ?, ?)",
        [(namespace, *traffic) for namespace, traffic in batch.namespace_traffic.items()],
    )
    db.executemany("INSERT OR REPLACE INTO counters VALUES (?, ?)", batch.counters.items())


def _marks(columns: Iterable[object]) -> str:
    return ", ".join("?" for _ in columns)
