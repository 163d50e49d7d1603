"""Reads the cost snapshots in their order, and has each looked at once: intents first, then how far it has read."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NoReturn, Protocol

from structlog.typing import FilteringBoundLogger

from kube_cost_alerts.evaluator import PLATFORM, Moment, evaluate, evaluate_platform
from kube_cost_alerts.memory import Memory
from kube_cost_alerts.outbox import Outbox
from kube_cost_alerts.routing import Routing, Telling
from kube_cost_common.messages.alerts import AlertCursor, AlertMemory
from kube_cost_common.messages.codec import DecodeError, RecordDecoder
from kube_cost_common.messages.costs import BudgetCost, CostSnapshot
from kube_cost_common.runtime.bus import BusError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters

BATCH = 16
TAKE_OVER_AFTER_NS = 2 * 3600 * 10**9
"""What another process was to send so long ago it won't send any more: it had an hour for it."""

_RETRY_SECONDS = 1.0


class SnapshotMessage(Protocol):
    """A message of the stream of cost snapshots."""

    @property
    def payload(self) -> bytes:
        """The snapshot's bytes."""
        ...

    @property
    def stream_sequence(self) -> int:
        """Its number in the stream."""
        ...

    @property
    def stored_at_ns(self) -> int:
        """When the server stored it."""
        ...

    @property
    def stream_created_ns(self) -> int:
        """When the stream was made."""
        ...

    async def ack(self) -> None:
        """Say that it is done with."""
        ...


class SnapshotReader(Protocol):
    """Hands out the messages of the stream."""

    async def fetch(self, max_messages: int, /) -> Sequence[SnapshotMessage]:
        """Return what is there, or comes in a moment."""
        ...

    def restart_after(
        self, sequence: int, *, stream_created_ns: int | None = None, stored_at_ns: int | None = None
    ) -> None:
        """Hand out next what follows."""
        ...


class SnapshotIntake:
    """Looks at each snapshot, part by part: a budget stands in one of them."""

    def __init__(
        self,
        *,
        cluster: str,
        owner: str,
        reader: SnapshotReader,
        newest: Callable[[], Awaitable[AlertCursor]],
        memory: Memory,
        outbox: Outbox,
        routing: Callable[[], Routing],
        on_loaded: Callable[[], None],
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
    ) -> None:
        self._cluster = cluster
        self._owner = owner
        self._reader = reader
        self._newest = newest
        self._memory = memory
        self._outbox = outbox
        self._routing = routing
        self._on_loaded = on_loaded
        self._clock = clock
        self._log = log
        self._counters = counters
        self._decoder = RecordDecoder(CostSnapshot)
        self._cursor: AlertCursor | None = None
        self._refused = False
        self._failing = False

    async def run(self) -> NoReturn:
        """Take up what was left to be sent, and read snapshots for ever."""
        while not await self._attempted(self._begin):
            await self._clock.sleep(_RETRY_SECONDS)
        self._on_loaded()
        while True:
            for message in await self._reader.fetch(BATCH):
                if not await self._attempted(partial(self.take, message)):
                    self._restart()
                    await self._clock.sleep(_RETRY_SECONDS)
                    break
                await message.ack()

    async def take(self, message: SnapshotMessage) -> None:
        """Look at one message; raise BusError, after which it is to be looked at again."""
        snapshot = self._read(message.payload)
        if snapshot is not None:
            await self._look(snapshot)
        self._cursor = AlertCursor(
            cluster=self._cluster,
            stream_created_ns=message.stream_created_ns,
            sequence=message.stream_sequence,
            stored_at_ns=message.stored_at_ns,
        )
        await self._memory.note_cursor(self._cursor)

    async def _look(self, snapshot: CostSnapshot) -> None:
        routing, moment = self._routing(), Moment.of(snapshot, owner=self._owner)
        for cost in snapshot.budgets if snapshot.settled_through_ns else ():
            telling = routing.telling(cost.scope_kind, cost.scope_name)
            await self._change(cost.budget, partial(_evaluated, cost=cost, telling=telling, moment=moment))
        if snapshot.part == 0:
            await self._change(
                PLATFORM,
                lambda memory: evaluate_platform(snapshot.price_troubles, memory, routing.platform, moment),
            )
        await self._take_over(before_ns=self._clock.now_ns() - TAKE_OVER_AFTER_NS)

    async def _change(self, budget: str, change: Callable[[AlertMemory | None], AlertMemory]) -> None:
        memory = await self._memory.change(budget, change)
        for intent in memory.intents:
            if intent.owner == self._owner:
                self._outbox.put(budget, intent)

    async def _begin(self) -> None:
        """Read the memory, take over what the process before us was to send, and go to where it had read."""
        cursor = await self._memory.load()
        await self._take_over(before_ns=self._clock.now_ns() + TAKE_OVER_AFTER_NS)
        if cursor is None:
            # The first start there ever was: what is to be told of costs now stands in the next snapshot.
            cursor = await self._newest()
            await self._memory.note_cursor(cursor)
        self._cursor = cursor
        self._restart()

    async def _take_over(self, *, before_ns: int) -> None:
        await self._memory.take_over(before_ns=before_ns)
        for budget, intent in self._memory.intents():
            self._outbox.put(budget, intent, may_be_there=True)

    async def _attempted(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do `work`; return whether the bus let it be done."""
        try:
            await work()
        except BusError as error:
            self._counters.add("kube_cost_errors_total", component="alerts", error_type="bus")
            if not self._failing:
                self._failing = True
                self._log.warning("what is to be told can't be noted", error=str(error))
            return False
        self._failing = False
        return True

    def _restart(self) -> None:
        assert self._cursor is not None, "the memory has been read"
        self._reader.restart_after(
            self._cursor.sequence,
            stream_created_ns=self._cursor.stream_created_ns,
            stored_at_ns=self._cursor.stored_at_ns,
        )

    def _read(self, payload: bytes) -> CostSnapshot | None:
        try:
            snapshot = self._decoder.decode(payload)
        except DecodeError as error:
            fault = str(error)
        else:
            if snapshot.cluster == self._cluster:
                return snapshot
            fault = f"it is of the cluster {snapshot.cluster[:100]!r}"
        self._counters.add("kube_cost_errors_total", component="alerts", error_type="bus")
        if not self._refused:
            self._refused = True
            self._log.warning("cost snapshot refused", error=fault)
        return None


def _evaluated(memory: AlertMemory | None, *, cost: BudgetCost, telling: Telling, moment: Moment) -> AlertMemory:
    return evaluate(cost, memory, telling, moment)
