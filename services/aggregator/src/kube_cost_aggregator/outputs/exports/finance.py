"""What everything cost as a plain table, by the day or the hour: a line for each pod, and for what is no pod's.

All lines of a period together are what the cluster cost in it, to the nano-USD.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator

from kube_cost_aggregator.history.hours import HourRows, NodeSpan, ObjectSpan, PodSpan, all_pods
from kube_cost_aggregator.history.store import NO_MONEY, Money
from kube_cost_aggregator.outputs.csv_text import Cell
from kube_cost_aggregator.outputs.windows import DAY, HOUR, Window, rfc3339
from kube_cost_aggregator.state.totals import CLUSTER, IDLE, SYSTEM
from kube_cost_common.domain.money import format_usd

_RESOURCES = ("cpu", "memory", "gpu", "storage", "network", "load_balancer", "control_plane", "shared")

COLUMNS = (
    "period_start",
    "period_end",
    "cluster",
    "namespace",
    "workload_kind",
    "workload",
    "pod",
    "node",
    *(f"{resource}_usd" for resource in _RESOURCES),
    "total_usd",
    "spot_savings_usd",
    "covered_seconds",
    "estimated_seconds",
)

Row = tuple[Cell, ...]
Wanted = Callable[[str], bool]


def periods(window: Window, step: int) -> Iterator[Window]:
    """Yield the days or hours of a window (`step` in seconds), the first and the last day as far as they are in it."""
    start = window.start
    while start < window.end:
        end = min(window.end, (start // step + 1) * step)
        yield Window(start, end)
        start = end


async def finance_rows(rows: HourRows, *, period: Window, cluster: str, wanted: Wanted) -> AsyncIterator[list[Row]]:
    """Yield the lines of a period of at most a day, some thousands at a time, of the namespaces that are wanted."""
    if period.end - period.start > DAY:
        raise ValueError("a period is at most a day")
    hours = list(range(period.start, period.end, HOUR))
    lines = _Lines(period, cluster, wanted)
    nodes = await rows.nodes(hours=hours)
    saved: dict[int, int] = defaultdict(int)
    async for pods in all_pods(rows, hours):
        for pod in pods:
            saved[pod.node_id] += pod.money.savings
        yield await asyncio.to_thread(lines.of_pods, pods)
    yield list(lines.of_nodes(nodes, saved))
    yield list(lines.of_objects(await rows.objects(hours=hours)))
    shared: dict[str, int] = defaultdict(int)
    for one in await rows.namespaces(start=period.start, end=period.end):
        shared[one.namespace] += one.money.shared
    yield list(lines.of_sharing(shared))


class _Lines:
    """Makes lines of a period."""

    def __init__(self, period: Window, cluster: str, wanted: Wanted) -> None:
        self._cells = (rfc3339(period.start), rfc3339(period.end), cluster or None)
        self._wanted = wanted

    def of_pods(self, pods: list[PodSpan]) -> list[Row]:
        return [
            self._line(
                pod.namespace,
                pod.money,
                kind=pod.workload_kind,
                name=pod.workload,
                pod=pod.name,
                node=pod.node,
                seconds=(pod.seconds, pod.estimated_seconds),
            )
            for pod in pods
            if self._wanted(pod.namespace)
        ]

    def of_nodes(self, nodes: list[NodeSpan], saved: dict[int, int]) -> Iterator[Row]:
        for node in nodes:
            seconds = (node.seconds, node.estimated_seconds)
            idle = node.idle._replace(savings=node.saved - saved[node.node_id])
            for namespace, money in ((SYSTEM, node.system), (IDLE, idle), (CLUSTER, Money(network=node.network))):
                if any(money) and self._wanted(namespace):
                    yield self._line(namespace, money, node=node.name, seconds=seconds)

    def of_objects(self, objects: list[ObjectSpan]) -> Iterator[Row]:
        for one in objects:
            left = one.paid - one.pods
            if not left or not self._wanted(one.namespace):
                continue
            seconds = (one.seconds, one.estimated_seconds)
            match one.kind:
                case "volume":
                    kind, name = ("PersistentVolumeClaim", one.claim) if one.claim else ("PersistentVolume", one.name)
                    yield self._line(one.namespace, Money(storage=left), kind=kind, name=name, seconds=seconds)
                case "load_balancer":
                    money = Money(load_balancer=left)
                    yield self._line(one.namespace, money, kind="Service", name=one.name, seconds=seconds)
                case "control_plane":
                    yield self._line(one.namespace, Money(control_plane=left), seconds=seconds)

    def of_sharing(self, shared: dict[str, int]) -> Iterator[Row]:
        for namespace, nano in shared.items():
            if nano and self._wanted(namespace):
                yield self._line(namespace, NO_MONEY._replace(shared=nano))

    def _line(
        self,
        namespace: str,
        money: Money,
        *,
        kind: str = "",
        name: str = "",
        pod: str = "",
        node: str = "",
        seconds: tuple[float, float] | None = None,
    ) -> Row:
        return (
            *self._cells,
            namespace,
            kind or None,
            name or None,
            pod or None,
            node or None,
            *(format_usd(getattr(money, resource)) for resource in _RESOURCES),
            format_usd(money.total),
            format_usd(money.savings),
            *((None, None) if seconds is None else (round(seconds[0], 3), round(seconds[1], 3))),
        )
