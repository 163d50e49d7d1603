"""The rows of a batch, written to PostgreSQL within a transaction of the caller's."""

from collections.abc import Mapping

import asyncpg
import msgspec

from kube_cost_aggregator.history.columns import MONEY_COLUMNS, TOTAL_COLUMNS, total_amounts
from kube_cost_aggregator.history.postgres_rows import Table, Type
from kube_cost_aggregator.history.store import Batch, Money, ObjectRow, Traffic

_STATES_AT_ONCE = 500
"""Of 50 pods each they are some 3 MB."""

_TEXT: Type = "text"
_WHOLE: Type = "bigint"
_REAL: Type = "double precision"
_HOUR: tuple[str, Type] = ("hour", "hour")
_SECONDS: tuple[tuple[str, Type], ...] = (("seconds", _REAL), ("estimated_seconds", _REAL))


def _all(kind: Type, *names: str) -> tuple[tuple[str, Type], ...]:
    return tuple((name, kind) for name in names)


NODES = Table(
    name="nodes",
    columns=(("node_id", _WHOLE), *_all(_TEXT, "uid", "name", "instance_type", "capacity_type", "node_pool")),
    keys=1,
)
NODE_STATES = Table(
    name="node_states", columns=(("uid", _TEXT), ("state", "bytea")), keys=1, chunk_rows=_STATES_AT_ONCE
)
PODS = Table(
    name="pods",
    columns=(
        ("pod_id", _WHOLE),
        *_all(_TEXT, "uid", "usage_uid", "namespace", "name"),
        ("node_id", _WHOLE),
        *_all(_TEXT, "workload_kind", "workload"),
        *_all(_WHOLE, "start_ns", "end_ns"),
        *_all(_REAL, "vcpu_request", "memory_gib_request", "gpus"),
        *_all(_TEXT, "claims", "labels"),
    ),
    keys=1,
)
OBJECTS = Table(
    name="objects",
    columns=(("object_id", _WHOLE), *_all(_TEXT, *ObjectRow._fields[1:])),
    keys=1,
)
OBJECT_STATES = Table(
    name="object_states", columns=(("uid", _TEXT), ("state", "bytea")), keys=1, chunk_rows=_STATES_AT_ONCE
)
OBJECT_HOURS = Table(
    name="object_hours",
    columns=(
        _HOUR,
        ("object_id", _WHOLE),
        *_all(_TEXT, "namespace", "claim"),
        *_all(_WHOLE, "paid_nano", "pods_nano"),
        *_SECONDS,
    ),
    keys=4,
)
POD_VOLUME_HOURS = Table(
    name="pod_volume_hours", columns=(_HOUR, *_all(_WHOLE, "pod_id", "object_id", "storage_nano")), keys=3
)
POD_HOURS = Table(
    name="pod_hours",
    columns=(
        _HOUR,
        *_all(_WHOLE, "pod_id", "cpu_nano", "memory_nano", "gpu_nano", "savings_nano", "network_nano"),
        *_SECONDS,
    ),
    keys=2,
)
NODE_HOURS = Table(
    name="node_hours",
    columns=(
        _HOUR,
        *_all(_WHOLE, "node_id", "paid_nano", "saved_nano"),
        *_all(_WHOLE, "system_cpu_nano", "system_memory_nano", "system_gpu_nano"),
        *_all(_WHOLE, "idle_cpu_nano", "idle_memory_nano", "idle_gpu_nano", "network_nano"),
        *_SECONDS,
    ),
    keys=2,
)
NAMESPACE_HOURS = Table(
    name="namespace_hours",
    columns=(_HOUR, ("namespace", _TEXT), *_all(_WHOLE, *MONEY_COLUMNS)),
    keys=2,
    added=True,
)
NAMESPACE_TOTALS = Table(name="namespace_totals", columns=(("namespace", _TEXT), *_all(_WHOLE, *TOTAL_COLUMNS)), keys=1)
NAMESPACE_TRAFFIC = Table(
    name="namespace_traffic", columns=(("namespace", _TEXT), *_all(_WHOLE, *Traffic._fields)), keys=1
)
COUNTERS = Table(name="counters", columns=(("name", _TEXT), ("whole", _WHOLE), ("fraction", _REAL)), keys=1)

PRICE_CHANGES = Table(
    name="price_changes",
    columns=(
        ("price_key", _TEXT),
        ("since_ns", _WHOLE),
        *_all(_TEXT, "provider", "region", "zone", "kind", "sku", "os", "capacity_type"),
        *_all(_REAL, "usd", "list_usd"),
        *_all(_TEXT, "unit", "source"),
    ),
    keys=2,
)


async def write_batch(
    db: asyncpg.Connection, cluster: int, batch: Batch, namespace_hours: Mapping[tuple[int, str], Money]
) -> None:
    """Write all that a batch holds but its cursor; what is to be added to `namespace_hours` is as given."""
    encode = msgspec.msgpack.encode
    nodes = list(batch.nodes.values())
    await NODES.write(
        db, cluster, [(n.node_id, n.uid, n.name, n.instance_type, n.capacity_type, n.node_pool) for n in nodes]
    )
    for start in range(0, len(nodes), _STATES_AT_ONCE):
        states = [(node.uid, encode(node)) for node in nodes[start : start + _STATES_AT_ONCE]]
        await NODE_STATES.write(db, cluster, states)
    await NODE_STATES.delete(db, cluster, list(batch.gone_nodes))
    await PODS.write(db, cluster, [msgspec.structs.astuple(pod) for pod in batch.pods.values()])
    await OBJECTS.write(db, cluster, list(batch.objects.values()))
    await OBJECT_STATES.write(db, cluster, [(one.uid, encode(one)) for one in batch.object_states.values()])
    await OBJECT_STATES.delete(db, cluster, list(batch.gone_objects))
    await _write_hours(db, cluster, batch)
    await NAMESPACE_HOURS.write(db, cluster, [(*key, *money) for key, money in namespace_hours.items()])
    await NAMESPACE_TOTALS.write(
        db, cluster, [(namespace, *total_amounts(total)) for namespace, total in batch.namespace_totals.items()]
    )
    await NAMESPACE_TRAFFIC.write(db, cluster, [(name, *traffic) for name, traffic in batch.namespace_traffic.items()])
    await COUNTERS.write(db, cluster, [_counter(name, value) for name, value in batch.counters.items()])
    await PRICE_CHANGES.write(db, cluster, list(batch.price_changes.values()))


async def _write_hours(db: asyncpg.Connection, cluster: int, batch: Batch) -> None:
    await OBJECT_HOURS.write(db, cluster, [(*key, *cost) for key, cost in batch.object_hours.items()])
    await POD_VOLUME_HOURS.write(db, cluster, [(*key, nano) for key, nano in batch.pod_volume_hours.items()])
    await POD_HOURS.write(
        db,
        cluster,
        [
            (*key, *row.money[:4], row.money.network, row.seconds, row.estimated_seconds)
            for key, row in batch.pod_hours.items()
        ],
    )
    await NODE_HOURS.write(
        db,
        cluster,
        [
            (*key, row.paid, row.saved, *row.system[:3], *row.idle[:3], row.network, row.seconds, row.estimated_seconds)
            for key, row in batch.node_hours.items()
        ],
    )


def _counter(name: str, value: float) -> tuple[str, int | None, float | None]:
    return (name, value, None) if isinstance(value, int) else (name, None, value)
