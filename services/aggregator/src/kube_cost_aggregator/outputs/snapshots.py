"""The costs of a moment as records for the bus, once an interval."""

from collections.abc import Awaitable, Callable, Iterator
from typing import NoReturn

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.outputs.budget_rows import budget_costs
from kube_cost_aggregator.outputs.snapshot_rows import (
    MomentCosts,
    component_costs,
    namespace_costs,
    price_troubles,
)
from kube_cost_aggregator.state.totals import month_start
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.costs import MAX_SNAPSHOT_BYTES, BudgetCost, CostSnapshot, NamespaceCost
from kube_cost_common.messages.names import cost_message_id, cost_subject
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_common.runtime.periodic import every

MAX_FAULTS = 100
"""Sentences about budgets in a snapshot; the number of all is on /metrics."""

_ROOM_BYTES = 64
"""For what a part's own numbers and the lengths of its lists take beyond those of an empty snapshot."""


def cost_snapshots(cluster: str, costs: MomentCosts, *, max_bytes: int = MAX_SNAPSHOT_BYTES) -> list[CostSnapshot]:
    """Return the costs of a moment as one snapshot, or as parts of at most `max_bytes` each."""
    empty = CostSnapshot(
        cluster=cluster,
        at_ns=costs.at_ns,
        part=0,
        parts=1,
        currency="USD",
        month_start_ns=month_start(costs.at_ns) * NS_PER_SECOND,
        history_start_ns=costs.totals.started_at_ns,
        settled_through_ns=costs.totals.settled_through_ns or 0,
        namespaces=[],
        budgets=[],
        budget_faults=[],
        components=[],
        price_troubles=[],
    )
    first = msgspec.structs.replace(
        empty,
        budget_faults=list(costs.budgets.faults[:MAX_FAULTS]),
        components=component_costs(costs.overview),
        price_troubles=price_troubles(costs.overview),
    )
    head_bytes = [len(encode(first)), len(encode(empty))]
    spread = list(_spread(costs, [max_bytes - head - _ROOM_BYTES for head in head_bytes]))
    return [
        msgspec.structs.replace(
            empty if number else first, part=number, parts=len(spread), namespaces=namespaces, budgets=budgets
        )
        for number, (namespaces, budgets) in enumerate(spread)
    ]


def _spread(costs: MomentCosts, rooms: list[int]) -> Iterator[tuple[list[NamespaceCost], list[BudgetCost]]]:
    """Yield the rows of each part. `rooms` are the bytes for rows in the first part, and in each later one."""
    namespaces: list[NamespaceCost] = []
    budgets: list[BudgetCost] = []
    left, room = rooms
    rows: list[NamespaceCost | BudgetCost] = [*namespace_costs(costs), *budget_costs(costs)]
    for row in rows:
        size = len(msgspec.msgpack.encode(row))
        if size > left and (namespaces or budgets):
            yield namespaces, budgets
            namespaces, budgets, left = [], [], room
        if isinstance(row, NamespaceCost):
            namespaces.append(row)
        else:
            budgets.append(row)
        left -= size
    yield namespaces, budgets


class SnapshotPublisher:
    """Stores the costs of now on the bus, once an interval. `costs` gives None while there is nothing to tell."""

    def __init__(
        self,
        *,
        cluster: str,
        costs: Callable[[], Awaitable[MomentCosts | None]],
        interval_seconds: float,
        bus: Bus,
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
    ) -> None:
        self._cluster = cluster
        self._costs = costs
        self._interval_seconds = interval_seconds
        self._bus = bus
        self._clock = clock
        self._log = log
        self._counters = counters

    async def run(self) -> NoReturn:
        """Publish for ever. What couldn't be stored isn't tried again: the next one says more."""
        await every(
            self._interval_seconds,
            self.publish,
            name="cost snapshots",
            clock=self._clock,
            log=self._log,
            on_error=lambda _: self._counters.add("kube_cost_errors_total", component="aggregator", error_type="bus"),
        )

    async def publish(self) -> None:
        """Store the costs of now, as soon as the bus is there; raise BusError."""
        await self._bus.wait_connected()
        costs = await self._costs()
        if costs is None:
            return
        for part in cost_snapshots(self._cluster, costs):
            await self._bus.publish_to_stream(
                cost_subject(self._cluster),
                encode(part),
                message_id=cost_message_id(self._cluster, part.at_ns, part.part),
            )
