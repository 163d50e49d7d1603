"""The body of `/api/v1/costs`. Money is in USD, as decimal strings: JSON's numbers are floats to most readers."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from kube_cost_aggregator.history.store import GROUP_COLUMNS, NO_MONEY, CostRow, GroupBy, Money
from kube_cost_aggregator.outputs.windows import Window, rfc3339
from kube_cost_aggregator.state.ledger import Totals
from kube_cost_common.domain.money import HOURS_PER_MONTH, NS_PER_SECOND, format_usd


def costs_answer(*, by: GroupBy, asked: str, window: Window, rows: Sequence[CostRow], totals: Totals) -> dict[str, Any]:
    """Return what is answered. The split by resource and the covered seconds are None where the ledger has none.

    Nodes are kept whole, not by resource. Namespaces have no seconds of their own.
    """
    whole = reduce(Money.plus, (row.money for row in rows), NO_MONEY)
    settled_ns = totals.settled_through_ns
    return {
        "by": by,
        "window": {"asked": asked, "start": rfc3339(window.start), "end": rfc3339(window.end)},
        "history_start": rfc3339(totals.started_at_ns / NS_PER_SECOND) if totals.started_at_ns else None,
        "settled_through": None if settled_ns is None else rfc3339(settled_ns / NS_PER_SECOND),
        "currency": "USD",
        "hours_per_month": HOURS_PER_MONTH,
        "columns": list(GROUP_COLUMNS[by]),
        "costs": [_row(by, row) for row in rows],
        "total": {"cost": _money(by, whole), "spot_savings": format_usd(whole.savings)},
    }


def _row(by: GroupBy, row: CostRow) -> dict[str, Any]:
    seconds = (None, None) if by == "namespace" else (row.seconds, row.estimated_seconds)
    return {
        **dict(zip(GROUP_COLUMNS[by], row.group, strict=True)),
        "cost": _money(by, row.money),
        "spot_savings": format_usd(row.money.savings),
        "covered_seconds": seconds[0],
        "estimated_seconds": seconds[1],
        "pods": row.pods,
    }


def _money(by: GroupBy, money: Money) -> dict[str, str | None]:
    parts = (None, None, None) if by == "node" else tuple(map(format_usd, (money.cpu, money.memory, money.gpu)))
    return {"total": format_usd(money.total), **dict(zip(("cpu", "memory", "gpu"), parts, strict=True))}
