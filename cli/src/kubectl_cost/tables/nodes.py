"""What is known of nodes now, beside what they have cost."""

from collections.abc import Mapping, Sequence
from typing import Any

from kubectl_cost.client.server import Server
from kubectl_cost.faults import CommandError
from kubectl_cost.report import Column, Row

NOW = (
    Column("ZONE", "zone", wide=True),
    Column("CAPACITY", "capacity_type", wide=True),
    Column("PRICE PER HOUR", "usd_per_hour", "price", wide=True),
    Column("PRICE FROM", "price_source", wide=True),
    Column("PRICE AGE", "price_age_seconds", "age", wide=True),
    Column("NO PRICE BECAUSE", "unpriced_detail", wide=True),
)
"""Of nodes that are there now."""


def nodes_now(server: Server, lines: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the values of these columns for each line; an answer stands without them."""
    try:
        known = {node["node"]: node for node in server.ask("nodes")["nodes"]}
    except CommandError:
        known = {}
    return [{column.key: known.get(line["node"], {}).get(column.key) for column in NOW} for line in lines]
