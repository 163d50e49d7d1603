"""From rows of the ledger to the lines of an answer. Pure: which statements to run comes out, their rows come in."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from kube_cost_aggregator.history.cost_sql import (
    POD_GROUPS,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    Dialect,
    Statement,
    labels_match,
    namespace_costs,
    node_costs,
    parts,
    pod_costs,
    pod_counts,
)
from kube_cost_aggregator.history.queries import CostFilter, CostLine, CostQuery, Costs
from kube_cost_aggregator.history.store import NO_MONEY, Money

Rows = Iterable[tuple[Any, ...]]
Reading = Generator[Statement, Rows, Costs]
"""Yields a statement, is sent its rows, and returns the answer."""


class Kept(NamedTuple):
    """What of the history there is, in Unix seconds at full days.

    Days before `days_through` are added up; hours of pods and of all else are there from so on.
    """

    days_through: int = 0
    pod_hours_from: int = 0
    namespace_hours_from: int = 0


def reading(query: CostQuery, kept: Kept, dialect: Dialect) -> Reading:
    """Return how a query is answered."""
    chosen = query.filter
    if query.whole_nodes:
        return _whole_nodes(query, kept, dialect)
    if query.by in {"cluster", "namespace", "resource"} and not (chosen.of_pods or chosen.labels):
        return _namespaces(query, kept, dialect)
    return _pods(query, kept, dialect)


def _whole_nodes(query: CostQuery, kept: Kept, dialect: Dialect) -> Reading:
    query = _from(query, kept.namespace_hours_from)
    rows = yield node_costs(query, dialect)
    counts = None if query.step else {tuple(group): count for *group, count in (yield pod_counts(query))}
    lines = []
    for start, name, instance_type, pool, paid, saved, system, idle, seconds, estimated in rows:
        group = (name, instance_type, pool) if query.by == "node" else (pool,)
        money = Money(cpu=paid, savings=saved)
        lines.append(CostLine(group, _start(query, start), money, seconds, estimated, None, idle, system))
    return _answer(query, lines, counts)


def _namespaces(query: CostQuery, kept: Kept, dialect: Dialect) -> Reading:
    query = _widened(query, kept.namespace_hours_from)
    window = parts(query.start, query.end, step=query.step, days_through=kept.days_through)
    lines = [
        CostLine((namespace,), _start(query, start), Money(*amounts), 0.0, 0.0, None)
        for start, namespace, *amounts in (yield namespace_costs(query, window, dialect))
    ]
    counts: Mapping[tuple[str, ...], int] | None = None
    if query.step is None and query.by != "resource":
        rows = yield pod_counts(_by_namespace(query))
        known = {line.group for line in lines}
        by_namespace: dict[tuple[str, ...], int] = {(name,): count for name, count in rows if (name,) in known}
        counts = by_namespace if query.by == "namespace" else {(): sum(by_namespace.values())}
    return _answer(query, _regrouped(query, lines), counts)


def _pods(query: CostQuery, kept: Kept, dialect: Dialect) -> Reading:
    hours_from = kept.pod_hours_from
    with_rest = query.by in {"cluster", "namespace", "resource", "label"} and not query.filter.of_pods
    query = _widened(query, max(hours_from, kept.namespace_hours_from) if with_rest else hours_from)
    window = parts(query.start, query.end, step=query.step, days_through=kept.days_through)
    only = None
    groups = None
    if query.step and query.limit is not None and query.by in {"pod", "workload"}:
        whole = _whole(query)
        in_all = parts(query.start, query.end, step=None, days_through=kept.days_through)
        dearest = _answer(whole, _pod_lines(whole, (yield pod_costs(whole, in_all, dialect))))
        groups = {line.group for line in dearest.lines}
        only = sorted({(group[0], group[1] if query.by == "pod" else group[2]) for group in groups})
        if not only:
            return dearest
    lines = _pod_lines(query, (yield pod_costs(query, window, dialect, only=only)))
    if groups is not None:
        answer = _answer(query, [line for line in lines if line.group in groups])
        return answer._replace(total=dearest.total, groups=dearest.groups)
    rests: list[CostLine] = []
    if with_rest:
        of_pods = lines  # whose groups begin with the namespace, where they aren't `()`
        if query.filter.labels or query.by in {"cluster", "resource"}:
            every = _by_namespace(query, filtered=False)
            of_pods = _pod_lines(every, (yield pod_costs(every, window, dialect)))
        rests = list(_rests(query, of_pods, (yield namespace_costs(query, window, dialect))))
    if query.by == "label":
        lines = [line._replace(group=(_label_of(query, *line.group),)) for line in lines]
    return _answer(query, _regrouped(query, lines + rests) if query.by == "resource" else lines + rests)


def _pod_lines(query: CostQuery, rows: Rows) -> list[CostLine]:
    """Return a line for each row of pods; those by label are by namespace and all their labels."""
    width = 1 + len(POD_GROUPS[query.by])
    if query.step:
        return [
            CostLine(row[1:width], row[0], Money(*row[width : width + 6]), row[width + 6], row[width + 7], None)
            for row in rows
        ]
    return [CostLine(row[1:width], None, Money(*row[width : width + 6]), *row[width + 6 :]) for row in rows]


def _label_of(query: CostQuery, namespace: str, text: str) -> str:
    for line in text.split("\n"):
        name, found, value = line.partition("=")
        if found and name == query.label:
            return value
    return query.namespace_labels.get(namespace, {}).get(query.label, "")


def _rests(query: CostQuery, of_pods: Iterable[CostLine], rows: Rows) -> Iterator[CostLine]:
    """Return what namespaces cost beside their pods, as far as their labels are what is asked for."""
    pods: dict[tuple[int | None, str], Money] = {}
    for line in of_pods:
        key = (line.start, line.group[0])
        pods[key] = pods.get(key, NO_MONEY).plus(line.money)
    whole: dict[tuple[int | None, str], Money] = {}
    for start, namespace, *amounts in rows:
        key = (_start(query, start), namespace)
        whole[key] = whole.get(key, NO_MONEY).plus(Money(*amounts))
    for (start, namespace), money in whole.items():
        labels = query.namespace_labels.get(namespace, {})
        if all(
            labels_match(labels, name, patterns) or ("" in patterns and name not in labels)
            for name, patterns in query.filter.labels.items()
        ):
            rest = money.minus(pods.get((start, namespace), NO_MONEY))
            if any(rest):
                yield CostLine(_rest_group(query, namespace, labels), start, rest, 0.0, 0.0, None if query.step else 0)


def _rest_group(query: CostQuery, namespace: str, labels: Mapping[str, str]) -> tuple[str, ...]:
    match query.by:
        case "namespace":
            return (namespace,)
        case "label":
            return (namespace if namespace.startswith("__") else labels.get(query.label, ""),)
        case _:
            return ()


def _regrouped(query: CostQuery, lines: Iterable[CostLine]) -> Iterator[CostLine]:
    """Return lines of namespaces as those of what is asked for."""
    for line in lines:
        if query.by == "cluster":
            yield line._replace(group=())
        elif query.by == "resource":
            for resource, nano in zip(Money._fields, line.money, strict=True):
                if nano:
                    yield line._replace(group=(resource,), money=NO_MONEY._replace(**{resource: nano}), pods=None)
        else:
            yield line


def _answer(query: CostQuery, lines: Iterable[CostLine], counts: Mapping[tuple[str, ...], int] | None = None) -> Costs:
    """Add up the lines of a group and a step, sort the groups, leave out what is over the limit."""
    found: dict[tuple[tuple[str, ...], int | None], CostLine] = {}
    paid: dict[tuple[str, ...], int] = {}
    moneys: list[Money] = []
    for line in lines:
        group, start, money = line[:3]
        moneys.append(money)
        known = found.get((group, start))
        found[group, start] = line if known is None else _added(known, line)
        paid[group] = paid.get(group, 0) + sum(money) - money[3]
    if query.by == "resource":
        paid.pop(("savings",), None)
    sign = -1 if query.descending else 1
    if query.sort == "cost":
        ordered = [group for _, group in sorted((sign * nano, group) for group, nano in paid.items())]
    else:
        ordered = sorted(paid, reverse=query.descending)
    kept = ordered if query.limit is None else ordered[: query.limit]
    if query.step:
        starts = sorted({start for _, start in found if start is not None})
        shown = [found[group, start] for group in kept for start in starts if (group, start) in found]
    else:
        shown = [found[group, None] for group in kept]
    if counts is not None:
        shown = [line._replace(pods=counts.get(line.group, 0)) for line in shown]
    total = Money(*map(sum, zip(*moneys, strict=True))) if moneys else NO_MONEY
    return Costs(shown, total, len(paid), query.start, query.end)


def _added(one: CostLine, other: CostLine) -> CostLine:
    pods = None if one.pods is None and other.pods is None else (one.pods or 0) + (other.pods or 0)
    return CostLine(
        one.group,
        one.start,
        one.money.plus(other.money),
        one.seconds + other.seconds,
        one.estimated_seconds + other.estimated_seconds,
        pods,
        one.idle + other.idle,
        one.system + other.system,
    )


def _start(query: CostQuery, start: int) -> int | None:
    return start if query.step else None


def _whole(query: CostQuery) -> CostQuery:
    return replace(query, step=None)


def _by_namespace(query: CostQuery, *, filtered: bool = True) -> CostQuery:
    chosen = query.filter if filtered else CostFilter(namespaces=query.filter.namespaces)
    return replace(query, by="namespace", filter=chosen)


def _from(query: CostQuery, hours_from: int) -> CostQuery:
    start = max(query.start, hours_from)
    return replace(query, start=start, end=max(query.end, start))


def _widened(query: CostQuery, hours_from: int) -> CostQuery:
    """Return the query for full days where hours are gone, or from the first hour on where hours are asked for."""
    if query.start >= hours_from:
        return query
    if query.step == SECONDS_PER_HOUR:
        return _from(query, hours_from)
    start = query.start // SECONDS_PER_DAY * SECONDS_PER_DAY
    end = query.end if query.end >= hours_from else -(-query.end // SECONDS_PER_DAY) * SECONDS_PER_DAY
    return replace(query, start=start, end=end)
