"""The past as OpenMetrics text with a sample at each hour's end, as `promtool tsdb create-blocks-from` takes it.

Counters are what they were: the running total up to the end of that hour, from today's back. They never fall, and end
at or below what is exposed now, so that what is scraped later goes on from them without a reset. Rates are the mean of
the hour that ended.

https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kube_cost_aggregator.history.hours import HourRows, NamespaceBase
from kube_cost_aggregator.history.store import NO_MONEY, Money
from kube_cost_aggregator.outputs.breakdown_families import (
    CLUSTER_HOURLY,
    CLUSTER_TOTAL,
    RESOURCE_HOURLY,
    RESOURCE_TOTAL,
    RESOURCES,
)
from kube_cost_aggregator.outputs.families import FAMILIES
from kube_cost_aggregator.outputs.text import series_prefix, to_bytes
from kube_cost_aggregator.outputs.windows import DAY, HOUR, Window
from kube_cost_aggregator.state.totals import COMPONENTS
from kube_cost_common.domain.money import HOURS_PER_DAY, format_usd

HOURS_AT_A_TIME = 24 * 7
"""Hours that are read at once."""

SERIES_HOURS = 500_000
"""Samples of one family that are held at once, 8 bytes each: a thousand namespaces' three weeks. For more series than
that the hours are read again.
"""

END = b"# EOF\n"

DAY_HOURS = DAY // HOUR

Wanted = Callable[[str], bool]
Key = tuple[str, ...]
Hourly = Iterable[tuple[int, Key, int]]
"""An hour, a series' label values, and its nano-USD in that hour."""


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A family as it is written of one and the same sums: a running total, the mean of an hour, or a day's sum."""

    name: str
    what: Literal["total", "hour", "day"]
    help: str
    type: Literal["counter", "gauge", "unknown"]
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class _Sums:
    """What families show by the same labels. `ceilings` are what the counters show now."""

    labels: tuple[str, ...]
    shown: tuple[_Shown, ...]
    bases: Mapping[Key, int]
    ceilings: Mapping[Key, int]
    read: Callable[[int, int], AsyncIterator[Hourly]]


def _family(name: str, what: Literal["total", "hour"], times: int = 1) -> _Shown:
    return _Shown(
        name=name, what=what, help=FAMILIES[name].help, type="counter" if what == "total" else "gauge", times=times
    )


def _rule(name: str, what: Literal["total", "hour", "day"], of: str) -> _Shown:
    kind: Literal["gauge", "unknown"] = "unknown" if what == "total" else "gauge"
    return _Shown(name=name, what=what, help=f"The recording rule, of {of}.", type=kind)


_NAMESPACE = "kube_cost_namespace_usd_total"
_NAMESPACE_HOURLY = "kube_cost_namespace_hourly_usd"
_SAVINGS = "kube_cost_spot_savings_usd_total"
_NODES = "kube_cost_nodes_usd_total"

NAMESPACE_SHOWN = (
    _family(_NAMESPACE, "total"),
    _family(_NAMESPACE_HOURLY, "hour"),
    _family("kube_cost_namespace_daily_usd", "hour", HOURS_PER_DAY),
    _rule(f"namespace:{_NAMESPACE}:max", "total", _NAMESPACE),
    _rule(f"namespace:{_NAMESPACE_HOURLY}:max", "hour", _NAMESPACE_HOURLY),
    _rule("namespace:kube_cost_namespace_usd:increase1d", "day", _NAMESPACE),
)
SAVINGS_SHOWN = (
    # Not as a counter: OpenMetrics would name that family as the recording rule is named.
    _Shown(name=_SAVINGS, what="total", help=FAMILIES[_SAVINGS].help, type="unknown"),
    _rule(_SAVINGS.removesuffix("_total"), "total", _SAVINGS),
)
RESOURCE_SHOWN = (
    _family(RESOURCE_TOTAL, "total"),
    _family(RESOURCE_HOURLY, "hour"),
    _rule(f"namespace_resource:{RESOURCE_TOTAL}:max", "total", RESOURCE_TOTAL),
)
COMPONENT_SHOWN = (
    _family(CLUSTER_TOTAL, "total"),
    _family(CLUSTER_HOURLY, "hour"),
    _rule(f"component:{CLUSTER_TOTAL}:max", "total", CLUSTER_TOTAL),
    _rule(f"component:{CLUSTER_HOURLY}:max", "hour", CLUSTER_HOURLY),
    _rule("component:kube_cost_cluster_usd:increase1d", "day", CLUSTER_TOTAL),
)
CAPACITY_SHOWN = (
    _family(_NODES, "total"),
    _rule(f"capacity_type:{_NODES}:max", "total", _NODES),
)


async def openmetrics(
    rows: HourRows, *, window: Window, cluster: str, wanted: Wanted, whole: bool
) -> AsyncIterator[bytes]:
    """Yield the text of a window of settled hours, `# EOF` last. Without `whole` what isn't by namespace is left out.

    A day before the window is read too, for the recording rules of a day's increase.
    """
    first = window.start - DAY
    bases = [base for base in await rows.namespaces_before(first) if whole or wanted(base.namespace)]
    for sums in _by_namespace(rows, [base for base in bases if wanted(base.namespace)]):
        async for piece in _written(sums, window, cluster):
            yield piece
    if whole:
        yielded = (_by_component(rows, bases), await _by_capacity(rows, first))
        for sums in yielded:
            async for piece in _written(sums, window, cluster):
                yield piece
    yield END


def _by_namespace(rows: HourRows, bases: Sequence[NamespaceBase]) -> Iterator[_Sums]:
    known = {base.namespace for base in bases}

    def read(amount: Callable[[Money], int]) -> Callable[[int, int], AsyncIterator[Hourly]]:
        async def hourly(start: int, end: int) -> AsyncIterator[Hourly]:
            for begin in range(start, end, HOURS_AT_A_TIME * HOUR):
                read = await rows.namespaces(start=begin, end=min(end, begin + HOURS_AT_A_TIME * HOUR))
                yield [(one.hour, (one.namespace,), amount(one.money)) for one in read if one.namespace in known]

        return hourly

    async def by_resource(start: int, end: int) -> AsyncIterator[Hourly]:
        for begin in range(start, end, HOURS_AT_A_TIME * HOUR):
            read = await rows.namespaces(start=begin, end=min(end, begin + HOURS_AT_A_TIME * HOUR))
            yield [
                (one.hour, (one.namespace, resource), getattr(one.money, resource))
                for one in read
                if one.namespace in known
                for resource in RESOURCES
            ]

    yield _Sums(
        labels=("namespace",),
        shown=NAMESPACE_SHOWN,
        bases={(base.namespace,): base.money.total for base in bases},
        ceilings={(base.namespace,): base.counter for base in bases},
        read=read(lambda money: money.total),
    )
    yield _Sums(
        labels=("namespace",),
        shown=SAVINGS_SHOWN,
        bases={(base.namespace,): base.money.savings for base in bases},
        ceilings={(base.namespace,): base.savings_counter for base in bases},
        read=read(lambda money: money.savings),
    )
    yield _Sums(
        labels=("namespace", "resource"),
        shown=RESOURCE_SHOWN,
        bases={(base.namespace, one): getattr(base.money, one) for base in bases for one in RESOURCES},
        ceilings={(base.namespace, one): getattr(base.counters, one) for base in bases for one in RESOURCES},
        read=by_resource,
    )


def _by_component(rows: HourRows, bases: Iterable[NamespaceBase]) -> _Sums:
    before = NO_MONEY
    for base in bases:
        before = before.plus(base.money)

    async def read(start: int, end: int) -> AsyncIterator[Hourly]:
        for begin in range(start, end, HOURS_AT_A_TIME * HOUR):
            hours = await rows.namespaces(start=begin, end=min(end, begin + HOURS_AT_A_TIME * HOUR))
            yield [(one.hour, (name,), nano) for one in hours for name, nano in _components(one.money) if nano]

    return _Sums(
        labels=("component",),
        shown=COMPONENT_SHOWN,
        bases={(name,): nano for name, nano in _components(before)},
        ceilings={},
        read=read,
    )


async def _by_capacity(rows: HourRows, first: int) -> _Sums:
    async def read(start: int, end: int) -> AsyncIterator[Hourly]:
        for begin in range(start, end, HOURS_AT_A_TIME * HOUR):
            hours = await rows.capacities(start=begin, end=min(end, begin + HOURS_AT_A_TIME * HOUR))
            yield [(one.hour, (one.capacity_type,), one.paid) for one in hours]

    before = await rows.capacities_before(first)
    return _Sums(
        labels=("capacity_type",),
        shown=CAPACITY_SHOWN,
        bases={(capacity,): nano for capacity, nano in before.items()},
        ceilings={},
        read=read,
    )


async def _written(sums: _Sums, window: Window, cluster: str) -> AsyncIterator[bytes]:
    """Yield families one after another, each with its series one after another, as OpenMetrics wants them."""
    first = window.start - DAY
    count = (window.end - first) // HOUR
    labels, values = (("cluster", *sums.labels), (cluster,)) if cluster else (sums.labels, ())
    keys = sorted(sums.bases)
    at_a_time = max(1, SERIES_HOURS // count)
    groups = [keys[begin : begin + at_a_time] for begin in range(0, len(keys), at_a_time)]
    kept: dict[Key, array[int]] = {}
    for shown in sums.shown:
        yield _header(shown)
        for group in groups:
            if len(groups) > 1 or not kept:
                kept = await _read(sums, group, first, count)
            for key, hours in kept.items():
                if not any(hours):
                    continue  # nothing changed: there is nothing to ask of it
                prefix = series_prefix(shown.name, labels, (*values, *key))
                lines = _lines(shown, prefix, hours, base=sums.bases[key], ceiling=sums.ceilings.get(key), first=first)
                yield to_bytes("".join(lines))


async def _read(sums: _Sums, group: Sequence[Key], first: int, count: int) -> "dict[Key, array[int]]":
    kept = {key: array("q", bytes(8 * count)) for key in group}
    async for hourly in sums.read(first, first + count * HOUR):
        for hour, key, nano in hourly:
            if (series := kept.get(key)) is not None:
                series[(hour - first) // HOUR] += nano
    return kept


def _lines(
    shown: _Shown, prefix: str, hours: "array[int]", *, base: int, ceiling: int | None, first: int
) -> Iterator[str]:
    """Yield a series' samples; its first day is there for a day's sums alone."""
    total = top = base
    day = sum(hours[1:DAY_HOURS])
    for index, nano in enumerate(hours):
        if index == DAY_HOURS and shown.what == "total":
            yield f"{prefix} {format_usd(_capped(top, ceiling))} {first + DAY}\n"  # what the window begins with
        total += nano
        top = max(top, total)
        if index < DAY_HOURS:
            continue
        day += nano - (hours[index - DAY_HOURS] if index > DAY_HOURS else 0)
        match shown.what:
            case "total":
                value = _capped(top, ceiling)
            case "hour":
                value = nano * shown.times
            case "day":
                value = day
        yield f"{prefix} {format_usd(value)} {first + (index + 1) * HOUR}\n"


def _capped(nano: int, ceiling: int | None) -> int:
    return max(0, nano if ceiling is None else min(nano, ceiling))


def _components(money: Money) -> Iterator[tuple[str, int]]:
    compute = money.cpu + money.memory + money.gpu
    amounts = (compute, money.storage, money.network, money.load_balancer, money.control_plane)
    return zip(COMPONENTS, amounts, strict=True)


def _header(shown: _Shown) -> bytes:
    name = shown.name.removesuffix("_total") if shown.type == "counter" else shown.name
    escaped = shown.help.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f"# TYPE {name} {shown.type}\n# HELP {name} {escaped}\n".encode()
