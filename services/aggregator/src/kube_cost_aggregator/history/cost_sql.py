"""The SQL of what windows cost, for any database that has the ledger's tables. Parameters are named, `:like_this`."""

# ruff: noqa: S608 - only our own column names and parameters' names are put into it

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kube_cost_aggregator.history.queries import CostFilter, CostQuery, glob_matches
from kube_cost_aggregator.history.store import Money

MONEY = Money._fields
POD_MONEY = ("cpu", "memory", "gpu", "savings", "storage", "network")
"""What a pod's amounts are made of, in the order of the columns below."""

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400
NS_PER_SECOND = 1_000_000_000

POD_GROUPS: Mapping[str, tuple[str, ...]] = {
    "cluster": (),
    "resource": (),
    "namespace": ("p.namespace",),
    "workload": ("p.namespace", "p.workload_kind", "p.workload"),
    "pod": ("p.namespace", "p.name", "n.name"),
    "node": ("n.name", "n.instance_type", "n.node_pool"),
    "node_pool": ("n.node_pool",),
    "label": ("p.namespace", "p.labels"),
}
"""The columns that pods are added up by."""


class Dialect(NamedTuple):
    """What databases write differently."""

    newline: str
    """The character, as an expression."""
    pattern: Callable[[str], tuple[str, str]]
    """Of a pattern in which `*` is any text: the operator, and the pattern that it takes."""
    moment: Callable[[str], str]
    """A parameter of Unix seconds as what hours and days are compared with."""
    seconds: Callable[[str], str]
    """An hour or a day as whole Unix seconds."""


class Statement(NamedTuple):
    """SQL and the values of its named parameters."""

    sql: str
    values: Mapping[str, object]


class Parts(NamedTuple):
    """Of a window (Unix seconds) the days that are added up already, and the hours before and after them."""

    hours: Sequence[tuple[int, int]]
    days: tuple[int, int] | None = None


def parts(start: int, end: int, *, step: int | None, days_through: int) -> Parts:
    """Return what to read for a window; days before `days_through` are added up."""
    first = -(-start // SECONDS_PER_DAY) * SECONDS_PER_DAY
    last = min(end // SECONDS_PER_DAY * SECONDS_PER_DAY, days_through)
    if step == SECONDS_PER_HOUR or first >= last:
        return Parts(((start, end),))
    return Parts(tuple(hours for hours in ((start, first), (last, end)) if hours[0] < hours[1]), (first, last))


class _Values:
    """Gives values names as they come."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def name(self, value: object) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def pod_costs(
    query: CostQuery, window: Parts, dialect: Dialect, *, only: Sequence[tuple[str, str]] | None = None
) -> Statement:
    """Return what pods cost: the step's start, the columns of the group, POD_MONEY, two of seconds, how many pods.

    `only` are the namespaces and names of the pods or workloads that are wanted.
    """
    values = _Values()
    group = POD_GROUPS[query.by]
    where = pod_conditions(query.filter, query.namespace_labels, dialect, values)
    if only is not None:
        name = "p.workload" if query.by == "workload" else "p.name"
        pairs = ", ".join(f"({values.name(namespace)}, {values.name(text)})" for namespace, text in only)
        where.append(f"(p.namespace, {name}) IN (VALUES {pairs})")
    chosen = ""
    if where:
        chosen = f"""AND pod_id IN (SELECT p.pod_id FROM pods p JOIN nodes n USING (node_id)
                                    WHERE {" AND ".join(where)})"""
    branches: list[str] = []
    for between in window.hours:
        at, bucket = _between("hour", between, query.step, dialect, values)
        branches += (
            f"""SELECT {bucket}pod_id, cpu_nano AS cpu, memory_nano AS memory, gpu_nano AS gpu, savings_nano AS savings,
                       0 AS storage, network_nano AS network, seconds, estimated_seconds AS estimated
                FROM pod_hours WHERE {at} {chosen}""",
            f"SELECT {bucket}pod_id, 0, 0, 0, 0, storage_nano, 0, 0.0, 0.0 FROM pod_volume_hours WHERE {at} {chosen}",
        )
    if window.days is not None:
        at, bucket = _between("day", window.days, query.step, dialect, values)
        branches.append(
            f"""SELECT {bucket}pod_id, cpu_nano AS cpu, memory_nano AS memory, gpu_nano AS gpu, savings_nano AS savings,
                       storage_nano AS storage, network_nano AS network, seconds, estimated_seconds AS estimated
                FROM pod_days WHERE {at} {chosen}"""
        )
    sums = ", ".join(f"sum({column}) AS {column}" for column in (*POD_MONEY, "seconds", "estimated"))
    t = "t, " if query.step else ""
    by_pod = f"SELECT {t}pod_id, {sums} FROM ({' UNION ALL '.join(branches)}) AS amounts GROUP BY {t}pod_id"
    columns = "".join(f", {column}" for column in group)
    start = "t" if query.step else "0"
    if query.by == "pod":  # those of one name are few, and added up by who reads: grouping by texts costs as much again
        amounts = ", ".join((*POD_MONEY, "seconds", "estimated", "1"))
        end = ""
    else:
        amounts = f"{sums}, count(*)"
        by = ", ".join((*(["t"] if query.step else []), *group))
        end = f" GROUP BY {by}" if by else " HAVING count(*) > 0"
    sql = f"""SELECT {start}{columns}, {amounts}
              FROM ({by_pod}) AS by_pod JOIN pods p USING (pod_id) JOIN nodes n USING (node_id){end}"""
    return Statement(sql, values.values)


def namespace_costs(query: CostQuery, window: Parts, dialect: Dialect) -> Statement:
    """Return what namespaces cost, pseudo-namespaces too: the step's start, the namespace, its MONEY."""
    values = _Values()
    where = _matching("namespace", query.filter.namespaces, dialect, values)
    chosen = "".join(f" AND {one}" for one in where)
    sums = ", ".join(f"sum({column}_nano)" for column in MONEY)
    by = "1, 2" if query.step else "namespace"
    branches: list[str] = []
    for between in window.hours:
        at, bucket = _between("hour", between, query.step, dialect, values)
        branches.append(f"SELECT {bucket}namespace, {sums} FROM namespace_hours WHERE {at}{chosen} GROUP BY {by}")
    if window.days is not None:
        at, bucket = _between("day", window.days, query.step, dialect, values)
        branches.append(f"SELECT {bucket}namespace, {sums} FROM namespace_days WHERE {at}{chosen} GROUP BY {by}")
    sql = " UNION ALL ".join(branches)
    return Statement(sql if query.step else f"SELECT 0, parts.* FROM ({sql}) AS parts", values.values)


def node_costs(query: CostQuery, dialect: Dialect) -> Statement:
    """Return what whole nodes cost, by name, type and pool: the step's start, those, what was paid and saved by spot.

    Then the parts of it that the system and nobody had, two columns of seconds.
    """
    values = _Values()
    at, bucket = _between("hour", (query.start, query.end), query.step, dialect, values)
    where = [
        *_matching("n.name", query.filter.nodes, dialect, values),
        *_matching("n.node_pool", query.filter.node_pools, dialect, values),
    ]
    sums = ", ".join(f"sum({part}_cpu_nano + {part}_memory_nano + {part}_gpu_nano)" for part in ("system", "idle"))
    by = f"{'1, ' if query.step else ''}n.name, n.instance_type, n.node_pool"
    return Statement(
        f"""SELECT {bucket or "0, "}n.name, n.instance_type, n.node_pool, sum(paid_nano), sum(saved_nano), {sums},
                   sum(seconds), sum(estimated_seconds)
            FROM node_hours JOIN nodes n USING (node_id) WHERE {" AND ".join([at, *where])} GROUP BY {by}""",
        values.values,
    )


def pod_counts(query: CostQuery) -> Statement:
    """Return how many pods ran in a window: the columns of the group, the number."""
    group = POD_GROUPS[query.by]
    values = {"start_ns": query.start * NS_PER_SECOND, "end_ns": query.end * NS_PER_SECOND}
    by = f" GROUP BY {', '.join(group)}" if group else ""
    return Statement(
        f"""SELECT {"".join(f"{column}, " for column in group)}count(*) FROM pods p JOIN nodes n USING (node_id)
            WHERE (p.end_ns IS NULL OR p.end_ns > :start_ns) AND p.start_ns < :end_ns{by}""",
        values,
    )


def pod_conditions(
    chosen: CostFilter, namespace_labels: Mapping[str, Mapping[str, str]], dialect: Dialect, values: "_Values"
) -> list[str]:
    """Return what a pod `p` on a node `n` must fulfil; one without a label has its namespace's."""
    conditions = [
        *_matching("p.namespace", chosen.namespaces, dialect, values),
        *_matching("p.workload", chosen.workloads, dialect, values),
        *_matching("p.name", chosen.pods, dialect, values),
        *_matching("n.name", chosen.nodes, dialect, values),
        *_matching("n.node_pool", chosen.node_pools, dialect, values),
    ]
    lines = f"({dialect.newline} || p.labels || {dialect.newline})"
    for name, patterns in chosen.labels.items():
        wanted = [f"\n{name}={pattern}\n" for pattern in patterns if pattern]
        own = [_like(lines, f"*{pattern}*", dialect, values) for pattern in wanted]
        has_it = _like(lines, f"*\n{name}=*", dialect, values)
        theirs = [name_ for name_, labels in namespace_labels.items() if labels_match(labels, name, patterns)]
        inherited = f"p.namespace IN ({', '.join(map(values.name, theirs))})" if theirs else ""
        if "" in patterns:
            having = [name_ for name_, labels in namespace_labels.items() if name in labels]
            others = f"p.namespace NOT IN ({', '.join(map(values.name, having))})" if having else "1 = 1"
            inherited = f"({inherited} OR {others})" if inherited else others
        if inherited:
            own.append(f"(NOT {has_it} AND {inherited})")
        conditions.append(f"({' OR '.join(own)})" if own else "1 = 0")
    return conditions


def labels_match(labels: Mapping[str, str], name: str, patterns: Sequence[str]) -> bool:
    """Say whether labels have one of that name that is one of these patterns; the empty pattern is no such label."""
    return name in labels and any(glob_matches(labels[name], pattern) for pattern in patterns if pattern)


def _matching(column: str, patterns: Sequence[str], dialect: Dialect, values: "_Values") -> list[str]:
    if not patterns:
        return []
    return [f"({' OR '.join(_like(column, pattern, dialect, values) for pattern in patterns)})"]


def _like(column: str, pattern: str, dialect: Dialect, values: "_Values") -> str:
    if "*" not in pattern:
        return f"{column} = {values.name(pattern)}"
    operator, text = dialect.pattern(pattern)
    return f"{column} {operator} {values.name(text)}"


def _between(
    column: str, between: tuple[int, int], step: int | None, dialect: Dialect, values: "_Values"
) -> tuple[str, str]:
    """Return the condition that a column is in a window, and its step's start as a column, with a comma, if any."""
    first, last = (dialect.moment(values.name(bound)) for bound in between)
    seconds = dialect.seconds(column)
    bucket = "" if step is None else f"{seconds} - {seconds} % {step} AS t, "
    return f"{column} >= {first} AND {column} < {last}", bucket
