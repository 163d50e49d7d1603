"""The body of `/api/v1/costs`. Money is in USD, as decimal strings: JSON's numbers are floats to most readers."""

from collections.abc import Callable, Mapping

import msgspec

from kube_cost_aggregator.history.store import GROUP_COLUMNS, NO_MONEY, CostRow, GroupBy, Money
from kube_cost_aggregator.outputs.windows import Window, rfc3339
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.money import HOURS_PER_MONTH, NANO_PER_USD, NS_PER_SECOND, format_usd

LINES_AT_A_TIME = 1_000
"""Lines that are made before they are written: a hundred thousand of them at once would be 50 MB of small objects."""


def costs_answer(*, by: GroupBy, asked: str, window: Window, rows: list[CostRow], totals: Totals) -> list[bytes]:
    """Return what is answered, as JSON in pieces. The rows are taken out of the list as they are written.

    Nodes are kept whole, not by resource. Namespaces have no seconds of their own. What isn't there is null.
    """
    everything = Money(*map(sum, zip(*(row.money for row in rows), strict=True))) if rows else NO_MONEY
    settled_ns = totals.settled_through_ns
    head = {
        "by": by,
        "window": {"asked": asked, "start": rfc3339(window.start), "end": rfc3339(window.end)},
        "history_start": rfc3339(totals.started_at_ns / NS_PER_SECOND) if totals.started_at_ns else None,
        "settled_through": None if settled_ns is None else rfc3339(settled_ns / NS_PER_SECOND),
        "currency": "USD",
        "hours_per_month": HOURS_PER_MONTH,
        "columns": list(GROUP_COLUMNS[by]),
    }
    total = {"cost": _cost(by, everything), "spot_savings": _usd(everything.savings)}
    encoder = msgspec.json.Encoder()
    pieces = [encoder.encode(head)[:-1], b',"costs":[']
    comma = b""
    while rows:
        lines = encoder.encode([_line(by, row) for row in rows[:LINES_AT_A_TIME]])
        del rows[:LINES_AT_A_TIME]
        pieces.append(comma + lines[1:-1])
        comma = b","
    pieces.append(b'],"total":' + encoder.encode(total) + b"}")
    return pieces


class _Cost(msgspec.Struct, gc=False, omit_defaults=True):
    """A line's money by resource, None where the ledger has no split. What few lines have is left out where it is 0."""

    total: str
    cpu: str | None
    memory: str | None
    gpu: str | None
    storage: str = "0"
    network: str = "0"
    load_balancer: str = "0"
    control_plane: str = "0"
    shared: str = "0"


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
    group, money, seconds, estimated_seconds, pods = row
    covered = (None, None) if by == "namespace" else (seconds, estimated_seconds)
    return _LINES[by](*group, _cost(by, money), _usd(money[3]), *covered, pods)


def _cost(by: GroupBy, money: Money) -> _Cost:
    if by == "node":
        return _Cost(_usd(money.total), None, None, None)
    cpu, memory, gpu, _, *others = money
    if not any(others):
        return _Cost(_usd(cpu + memory + gpu), _usd(cpu), _usd(memory), _usd(gpu))
    return _Cost(_usd(money.total), _usd(cpu), _usd(memory), _usd(gpu), *map(_usd, others))


def _usd(nano: int) -> str:
    if 0 < nano < NANO_PER_USD:  # nearly all of them, and format_usd's own way with them
        return f"0.{nano:09d}".rstrip("0")
    return format_usd(nano)
