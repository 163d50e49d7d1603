"""The body of `/api/v1/costs`. Money is in USD, as decimal strings: JSON's numbers are floats to most readers."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import msgspec

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
        "costs": [_line(by, row) for row in rows],
        "total": {"cost": _cost(by, whole), "spot_savings": _usd(whole.savings)},
    }


class _Cost(msgspec.Struct, gc=False):
    """A line's money by resource, None where the ledger has no split."""

    total: str
    cpu: str | None
    memory: str | None
    gpu: str | None


# Not dicts: there may be a hundred thousand lines, and the garbage collector would look at each again and again.
_LINES: Mapping[GroupBy, Callable[..., msgspec.Struct]] = {
    by: msgspec.defstruct(
        f"{by.title()}Costs",
        [*columns, "cost", "spot_savings", "covered_seconds", "estimated_seconds", "pods"],
        gc=False,
    )
    for by, columns in GROUP_COLUMNS.items()
}


def _line(by: GroupBy, row: CostRow) -> msgspec.Struct:
    seconds = (None, None) if by == "namespace" else (row.seconds, row.estimated_seconds)
    return _LINES[by](*row.group, _cost(by, row.money), _usd(row.money.savings), *seconds, row.pods)


def _cost(by: GroupBy, money: Money) -> _Cost:
    if by == "node":
        return _Cost(_usd(money.total), None, None, None)
    return _Cost(_usd(money.total), _usd(money.cpu), _usd(money.memory), _usd(money.gpu))


def _usd(nano: int) -> str:
    return format_usd(nano) if nano else "0"
