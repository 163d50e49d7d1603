"""Answers of the API that are lists of what is now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubectl_cost.client.server import Query, Server
from kubectl_cost.report import Column, Report, Row
from kubectl_cost.tables.prices_known import MONTH, prices_known


@dataclass(frozen=True, kw_only=True)
class Listing:
    """An answer of `/api/v1/<name>` whose lines are `lines`, and what is shown of it.

    `sums` has the row of sums: by the column's key the field of the answer. `facts` are fields that are told as they
    are.
    """

    name: str
    kind: str
    lines: str
    columns: Sequence[Column]
    sums: Mapping[str, str] = field(default_factory=dict)
    facts: Sequence[str] = ()
    with_prices: bool = True


def listed(server: Server, listing: Listing, query: Query) -> tuple[Report, Mapping[str, Any]]:
    """Return the report of an answer, and the answer."""
    answer = server.ask(listing.name, query)
    prices = prices_known(server) if listing.with_prices else None
    left_out = [f"{answer['left_out']} more rows are left out by --limit."] if answer["left_out"] else []
    report = Report(
        kind=listing.kind,
        columns=listing.columns,
        rows=[_row(line, listing.columns) for line in answer[listing.lines]],
        summed={key: _at(answer, path) for key, path in listing.sums.items()} or None,
        left_out=answer["left_out"],
        facts={
            **{name: answer[name] for name in ("cluster", "generated_at", "currency", "hours_per_month")},
            **{name: answer[name] for name in listing.facts},
            **(prices.facts if prices else {}),
        },
        footer=[*left_out, *(prices.footer if prices else []), MONTH],
    )
    return report, answer


def _row(line: Mapping[str, Any], columns: Sequence[Column]) -> Row:
    return {column.key: line[column.key] for column in columns}


def _at(answer: Mapping[str, Any], path: str) -> Any:
    found: Any = answer
    for name in path.split("."):
        found = found[name]
    return found
