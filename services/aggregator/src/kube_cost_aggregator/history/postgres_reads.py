"""What the ledger starts from, read from PostgreSQL."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from kube_cost_aggregator.history.columns import PAID_COLUMNS, TOTAL_COLUMNS, namespace_total
from kube_cost_aggregator.history.store import LedgerState, NodeState, ObjectState, PodRow, StreamCursor, Traffic

GONE_NODES = 10_000
"""As many as of a ledger in a file."""

_SECONDS_PER_DAY = 86_400
_PAID = " + ".join(PAID_COLUMNS)
_POD = ", ".join(PodRow.__struct_fields__)


async def read_state(
    db: asyncpg.Connection, cluster: int, ledger: Mapping[str, Any], *, month_start: int, hours_from: int
) -> LedgerState:
    """Return all that was committed; `ledger` is the cluster's row of that table."""
    nodes, objects = msgspec.msgpack.Decoder(NodeState), msgspec.msgpack.Decoder(ObjectState)
    cursor = [ledger[name] for name in ("stream_created_ns", "stream_sequence", "stream_stored_at_ns")]

    async def rows(statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await db.fetch(statement, cluster, *arguments)]

    async def next_number(table: str, column: str) -> int:
        found = await db.fetchval(f"SELECT coalesce(max({column}), 0) + 1 FROM {table} WHERE cluster = $1", cluster)  # noqa: S608 - our own names
        return int(found)

    return LedgerState(
        started_at_ns=ledger["started_at_ns"],
        stream=None if cursor[0] is None else StreamCursor(*cursor),
        nodes=[nodes.decode(state) for (state,) in await rows("SELECT state FROM node_states WHERE cluster = $1")],
        open_pods=[
            PodRow(**dict(zip(PodRow.__struct_fields__, row, strict=True)))
            for row in await rows(f"SELECT {_POD} FROM pods WHERE cluster = $1 AND end_ns IS NULL")  # noqa: S608 - our own names
        ],
        next_pod_id=await next_number("pods", "pod_id"),
        next_node_id=await next_number("nodes", "node_id"),
        namespace_totals={
            namespace: namespace_total(amounts)
            for namespace, *amounts in await rows(
                f"SELECT namespace, {', '.join(TOTAL_COLUMNS)} FROM namespace_totals WHERE cluster = $1"  # noqa: S608 - our own names
            )
        },
        namespace_days={
            (namespace, day): nano
            for namespace, day, nano in await rows(
                f"""SELECT namespace, div(extract(epoch FROM hour), {_SECONDS_PER_DAY})::bigint, sum({_PAID})::bigint
                    FROM namespace_hours WHERE cluster = $1 AND hour >= to_timestamp($2::bigint)
                    GROUP BY 1, 2""",  # noqa: S608 - our own names
                month_start,
            )
        },
        counters={
            name: fraction if whole is None else whole
            for name, whole, fraction in await rows("SELECT name, whole, fraction FROM counters WHERE cluster = $1")
        },
        gone_nodes=frozenset(
            uid
            for (uid,) in await rows(
                """SELECT uid FROM nodes
                   WHERE cluster = $1
                         AND NOT EXISTS (SELECT FROM node_states s WHERE s.cluster = $1 AND s.uid = nodes.uid)
                   ORDER BY node_id DESC LIMIT $2""",
                GONE_NODES,
            )
        ),
        objects=[
            objects.decode(state) for (state,) in await rows("SELECT state FROM object_states WHERE cluster = $1")
        ],
        next_object_id=await next_number("objects", "object_id"),
        namespace_traffic={
            namespace: Traffic(*traffic)
            for namespace, *traffic in await rows(
                f"SELECT namespace, {', '.join(Traffic._fields)} FROM namespace_traffic WHERE cluster = $1"  # noqa: S608 - our own names
            )
        },
        hours={
            (hour, namespace): (nano, shared)
            for hour, namespace, nano, shared in await rows(
                f"""SELECT extract(epoch FROM hour)::bigint, namespace, {_PAID}, shared_nano
                    FROM namespace_hours WHERE cluster = $1 AND hour >= to_timestamp($2::bigint)""",  # noqa: S608 - our own names
                hours_from,
            )
        },
    )
