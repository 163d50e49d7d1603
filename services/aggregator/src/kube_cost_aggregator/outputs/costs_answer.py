"""The body of `/api/v1/costs`. Money is in USD, as decimal strings: JSON's numbers are floats to most readers."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from kube_cost_aggregator.history.queries import GROUP_COLUMNS, CostLine, Costs, Grouping
from kube_cost_aggregator.history.store import Money
from kube_cost_aggregator.outputs.csv_text import Cell, csv_pieces
from kube_cost_aggregator.outputs.windows import rfc3339
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.money import HOURS_PER_MONTH, NS_PER_SECOND, format_usd

LINES_AT_A_TIME = 1_000
"""Lines that are made before they are written: a hundred thousand of them at once would be 50 MB of small objects."""

_MONEY_CELLS = ("cpu", "memory", "gpu", "storage", "network", "load_balancer", "control_plane", "shared")


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
    idle: str | None = None
    system: str | None = None


# Not dicts: there may be a hundred thousand lines, and the garbage collector would look at each again and again.
def _line_type(by: Grouping, *, stepped: bool) -> Callable[..., msgspec.Struct]:
    start = ["start"] if stepped else []
    rest = ["cost", "spot_savings", "covered_seconds", "estimated_seconds", "pods"]
    return msgspec.defstruct(f"{by.title()}Costs", [*start, *GROUP_COLUMNS[by], *rest], gc=False)


_LINES: Mapping[tuple[Grouping, bool], Callable[..., msgspec.Struct]] = {
    (by, stepped): _line_type(by, stepped=stepped) for by in GROUP_COLUMNS for stepped in (False, True)
}


class AnswerHead(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an answer beside its lines."""

    by: str
    group: Grouping
    step: int | None
    """Seconds, None where lines are of the whole window."""
    asked: str
    whole_nodes: bool
    cluster: str
    totals: Totals


def costs_answer(head: AnswerHead, costs: Costs) -> Iterator[bytes]:
    """Yield what is answered, as JSON in pieces. The lines are taken out of the list as they are written.

    Whole nodes aren't by resource. What isn't known or isn't counted is null.
    """
    settled_ns, totals = head.totals.settled_through_ns, head.totals
    shown = len({line.group for line in costs.lines})
    said = {
        "by": head.by,
        "cluster": head.cluster or None,
        "window": {"asked": head.asked, "start": rfc3339(costs.start), "end": rfc3339(costs.end)},
        "history_start": rfc3339(totals.started_at_ns / NS_PER_SECOND) if totals.started_at_ns else None,
        "settled_through": None if settled_ns is None else rfc3339(settled_ns / NS_PER_SECOND),
        "currency": "USD",
        "hours_per_month": HOURS_PER_MONTH,
        "columns": columns(head),
        "left_out": costs.groups - shown,
    }
    encoder = msgspec.json.Encoder()
    yield encoder.encode(said)[:-1] + b',"costs":['
    comma = b""
    lines = costs.lines
    while lines:
        written = encoder.encode([_line(head, line) for line in lines[:LINES_AT_A_TIME]])
        del lines[:LINES_AT_A_TIME]
        yield comma + written[1:-1]
        comma = b","
    total = {"cost": _cost(head, costs.total), "spot_savings": format_usd(costs.total.savings)}
    yield b'],"total":' + encoder.encode(total) + b"}"


def costs_csv(head: AnswerHead, costs: Costs) -> Iterator[bytes]:
    """Yield the lines as CSV: the window's start and end, or the step's, the group, the money in USD, the coverage."""
    header = ["start", "end", *GROUP_COLUMNS[head.group], "total"]
    header += ["idle", "system"] if head.whole_nodes else _MONEY_CELLS
    header += ["spot_savings", "covered_seconds", "estimated_seconds", "pods"]
    return csv_pieces(header, (_cells(head, costs, line) for line in costs.lines))


def columns(head: AnswerHead) -> list[str]:
    """Return the names of what tells lines apart."""
    return [*(["start"] if head.step else []), *GROUP_COLUMNS[head.group]]


def _cells(head: AnswerHead, costs: Costs, line: CostLine) -> Sequence[Cell]:
    money, start = line.money, costs.start if line.start is None else max(line.start, costs.start)
    end = costs.end if head.step is None else min((line.start or 0) + head.step, costs.end)
    if head.whole_nodes:
        parts = [format_usd(line.idle), format_usd(line.system)]
    else:
        parts = [format_usd(getattr(money, name)) for name in _MONEY_CELLS]
    covered: list[Cell] = [line.seconds, line.estimated_seconds] if _has_seconds(head) else [None, None]
    amounts = [format_usd(money.total), *parts, format_usd(money.savings)]
    return [rfc3339(start), rfc3339(end), *line.group, *amounts, *covered, line.pods]


def _line(head: AnswerHead, line: CostLine) -> msgspec.Struct:
    group, start, money, seconds, estimated_seconds, pods, idle, system = line
    covered = (seconds, estimated_seconds) if _has_seconds(head) else (None, None)
    cost = _cost(head, money)
    if head.whole_nodes:
        cost.idle, cost.system = format_usd(idle), format_usd(system)
    begins = () if start is None else (rfc3339(start),)
    made = _LINES[head.group, start is not None]
    return made(*begins, *group, cost, format_usd(money[3]), *covered, pods)


def _has_seconds(head: AnswerHead) -> bool:
    """Whether seconds mean something: those of nodes, pods and workloads do, of many of them at once they don't."""
    return head.group in {"pod", "workload", "node", "node_pool"}


def _cost(head: AnswerHead, money: Money) -> _Cost:
    if head.whole_nodes:
        return _Cost(format_usd(money.total), None, None, None)
    cpu, memory, gpu, _, *others = money
    if not any(others):
        return _Cost(format_usd(cpu + memory + gpu), format_usd(cpu), format_usd(memory), format_usd(gpu))
    return _Cost(
        format_usd(money.total), format_usd(cpu), format_usd(memory), format_usd(gpu), *map(format_usd, others)
    )
