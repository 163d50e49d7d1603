"""What a window has cost, by whatever tells lines apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kubectl_cost.client.server import Query, Server
from kubectl_cost.report import Column, Report, Row, Value
from kubectl_cost.tables.amounts import average, hours_between, monthly, summed
from kubectl_cost.tables.prices_known import MONTH, prices_known

SORTS = {"cost": "-cost", "name": "name"}
"""The API's word for each order."""

TOTAL = Column("TOTAL COST", "total_usd", "money")
MONTHLY = Column("MONTHLY COST", "monthly_usd", "money")
PODS = Column("POD COUNT", "pods", "number")
AVERAGE = Column("AVG POD COST", "average_pod_usd", "money")
SPOT = Column("SPOT SAVINGS", "spot_savings_usd", "money", wide=True)
HOURS = Column("HOURS", "covered_seconds", "hours", wide=True)
ESTIMATED = Column("ESTIMATED HOURS", "estimated_seconds", "hours", wide=True)

_RESOURCES = ("cpu", "memory", "gpu", "storage", "network", "load_balancer", "control_plane", "shared")
BY_RESOURCE = tuple(Column(name.replace("_", " ").upper(), f"{name}_usd", "money", wide=True) for name in _RESOURCES)


@dataclass(frozen=True, kw_only=True)
class CostQuestion:
    """What a command asks of `/api/v1/costs`. `keep` is which lines it means where the API has no filter for it.

    `columns` are those of the names; `more` are those after the money.
    """

    kind: str
    by: str
    window: str
    columns: Sequence[Column]
    more: Sequence[Column]
    query: Query
    monthly: bool
    sort: str
    limit: int | None
    keep: Callable[[Mapping[str, Any]], bool] | None = None
    beside: Callable[[Server, Sequence[Mapping[str, Any]]], Sequence[Row]] | None = None
    """What other answers know of each line: asked for wide columns alone."""


def costs(server: Server, asked: CostQuestion, *, wide: bool) -> Report:
    """Return the report of an answer."""
    limit = [("limit", str(asked.limit))] if asked.limit and asked.keep is None else []
    answer = server.ask(
        "costs", [("by", asked.by), ("window", asked.window), ("sort", SORTS[asked.sort]), *asked.query, *limit]
    )
    lines, total, left_out = answer["costs"], answer["total"], answer["left_out"]
    if asked.keep is not None:
        lines = [line for line in lines if asked.keep(line)]
        total = _added(lines)
        left_out = max(0, len(lines) - (asked.limit or len(lines)))
        lines = lines[: asked.limit]
    hours = _settled_hours(answer)
    known = asked.beside(server, lines) if asked.beside and wide else [{}] * len(lines)
    rows = [
        {**{name: line[name] for name in answer["columns"]}, **_money(line, hours), **_pods(line), **more}
        for line, more in zip(lines, known, strict=True)
    ]
    prices = prices_known(server)
    counts = [row["pods"] for row in rows if isinstance(row["pods"], int)]
    sums: dict[str, Value] = {"pods": sum(counts)} if counts and not left_out else {}
    for key in ("idle_usd", "system_usd"):
        if rows and not left_out and all(key in row for row in rows):
            sums[key] = summed(str(row[key]) for row in rows)
    columns = [*asked.columns, TOTAL, *([MONTHLY] if asked.monthly else []), *asked.more]
    sums.update(_money(total, hours))
    return Report(
        kind=asked.kind,
        columns=columns,
        rows=rows,
        summed={column.key: sums[column.key] for column in columns if column.key in sums},
        left_out=left_out,
        facts={
            **{name: answer[name] for name in ("cluster", "window", "history_start", "settled_through", "currency")},
            "hours_per_month": answer["hours_per_month"],
            **prices.facts,
        },
        footer=[*window_footer(answer, hours if asked.monthly else None, left_out), *prices.footer, MONTH],
    )


def window_footer(answer: Mapping[str, Any], hours: Decimal | None, left_out: int) -> list[str]:
    """Return the sentences on what was answered."""
    window = answer["window"]
    lines = [f"Window {window['asked']}: {moment(window['start'])} to {moment(window['end'])} UTC."]
    if answer["settled_through"] is None:
        lines.append("Nothing is settled yet.")
    elif answer["settled_through"] < window["end"]:
        lines.append(f"Settled up to {moment(answer['settled_through'])}.")
    if answer["history_start"] is not None and answer["history_start"] > window["start"]:
        lines.append(f"Nothing is known from before {moment(answer['history_start'])}.")
    if hours:
        lines.append(f"Monthly is what the {hours:,.1f} h that are settled of it cost, ÷ these, × 730 h.")
    if left_out:
        lines.append(f"{left_out} more rows are left out by --limit; they are in the sum.")
    return lines


def moment(time: str) -> str:
    """Return a time of RFC 3339 to the minute."""
    return time[:16].replace("T", " ")


def _settled_hours(answer: Mapping[str, Any]) -> Decimal | None:
    """Return how many hours of the window there is money of."""
    window, settled, began = answer["window"], answer["settled_through"], answer["history_start"]
    if settled is None:
        return None
    return hours_between(max(window["start"], began or window["start"]), min(window["end"], settled))


def _money(line: Mapping[str, Any], hours: Decimal | None) -> dict[str, str | None]:
    cost = line["cost"]
    split = cost["cpu"] is not None
    return {
        "total_usd": cost["total"],
        "monthly_usd": monthly(cost["total"], hours),
        **{f"{name}_usd": cost.get(name, "0") if split else None for name in _RESOURCES},
        **{f"{name}_usd": cost[name] for name in ("idle", "system") if name in cost},
        "spot_savings_usd": line["spot_savings"],
    }


def _pods(line: Mapping[str, Any]) -> Row:
    return {
        "pods": line["pods"],
        "average_pod_usd": average(line["cost"]["total"], line["pods"]),
        "covered_seconds": line["covered_seconds"],
        "estimated_seconds": line["estimated_seconds"],
    }


def _added(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the sum of lines."""
    cost = {name: summed(line["cost"].get(name, "0") for line in lines) for name in ("total", *_RESOURCES)}
    return {"cost": cost, "spot_savings": summed(line["spot_savings"] for line in lines)}
