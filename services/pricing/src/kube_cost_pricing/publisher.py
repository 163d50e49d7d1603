"""Answers the demand: decides each price anew, and writes to the bucket what has changed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, Protocol

from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.prices import (
    LABELS_KEY,
    UNPRICED_KEY,
    PriceRecord,
    Unpriced,
    UnpricedRequests,
    WantedLabels,
)
from kube_cost_common.messages.status import Reading
from kube_cost_common.runtime.bus import BusError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_pricing.catalog import Catalog
from kube_cost_pricing.changes import Answered, Change, Delete, Put, changes, in_force, same_price
from kube_cost_pricing.demand import Asked, Demand
from kube_cost_pricing.held import Held

FORGET_SECONDS = 3600.0
"""How long a price that is bound to labels stays though nobody asks for it: the rule that it is from may be gone, and a
node that is settled last, 10 minutes after its end, doesn't need it any longer."""

_WRITES_AT_ONCE = 64
_DECISIONS_AT_ONCE = 100
_RETRY_SECONDS = 1.0
_SHOWN = 5
_TOLD = 500
"""Requests without a price that the bucket names: a demand with more of them has one fault, and these show it."""

_UNPRICED = "unpriced"


class Bucket(Protocol):
    """Where prices are written."""

    async def put(self, key: str, payload: bytes) -> int:
        """Set the value of a key and return its revision; raise BusError."""
        ...

    async def delete(self, key: str) -> None:
        """Delete a key; raise BusError."""
        ...


class Publisher:
    """Keeps the price bucket at what the catalog decides, for all that is asked for.

    `wake` is called when the demand, the bucket or a source has changed; a pass then looks at everything, which takes
    no call to anybody, and writes the differences.
    """

    def __init__(
        self,
        *,
        bucket: Bucket,
        demand: Demand,
        held: Held,
        catalog: Catalog,
        wanted_labels: Callable[[], tuple[str, ...] | None],
        on_settled: Callable[[], None],
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
        problems: Problems,
    ) -> None:
        """Take the parts.

        `wanted_labels` returns the labels that prices depend on, None while that isn't known; `on_settled` is called
        after each pass that left nothing unwritten.
        """
        self._bucket = bucket
        self._demand = demand
        self._held = held
        self._catalog = catalog
        self._wanted_labels = wanted_labels
        self._on_settled = on_settled
        self._clock = clock
        self._log = log
        self._counters = counters
        self._problems = problems
        self._wake = asyncio.Event()
        self._unrequested_since: dict[str, float] = {}
        self._fetched_at_ns: dict[tuple[str, str], int] = {}
        self._failing = False

    def wake(self) -> None:
        """Let a pass begin at once."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Do a pass at each wake, for ever; one that fails is done again after a second."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                complete = await self.settle()
            except Exception as error:  # noqa: BLE001 - the loop's edge: one failed pass must not end the service
                self._counters.add("kube_cost_errors_total", component="pricing", error_type="pricing_fetch")
                self._log.error("prices couldn't be decided", error=repr(error), exc_info=error)
                complete = False
            if not complete:
                await self._clock.sleep(_RETRY_SECONDS)
                self.wake()

    async def settle(self) -> bool:
        """Do one pass; return whether everything that had to be written was."""
        held = self._held.prices()
        requests = self._demand.requests
        now_ns = self._clock.now_ns()
        answered = []
        for place, asked in enumerate(requests):
            decision = await self._catalog.price(asked.request, held=in_force(asked, held), now_ns=now_ns)
            answered.append(Answered(asked=asked, decision=decision))
            if place % _DECISIONS_AT_ONCE == 0:
                await self._clock.sleep(0)  # others have work too
        labels_written = await self._write_labels()
        written = await self._write([*changes(answered, held), *self._forgotten(requests, held)])
        held = self._held.prices()
        self._fetched_at_ns = _oldest(answered, held)
        unpriced = [one for one in answered if in_force(one.asked, held) is None]
        self._say_unpriced(unpriced)
        complete = await self._write_unpriced(unpriced) and labels_written and written
        if complete:
            self._on_settled()
        return complete

    def ages(self) -> list[Reading]:
        """Return the age of the oldest price in use, by provider and kind, in seconds."""
        now_ns = self._clock.now_ns()
        return [
            Reading(
                name="kube_cost_price_age_seconds",
                labels={"provider": provider, "kind": kind},
                value=max(0, now_ns - fetched_at_ns) / 1e9,
            )
            for (provider, kind), fetched_at_ns in sorted(self._fetched_at_ns.items())
        ]

    def _forgotten(self, requests: Sequence[Asked], held: Mapping[str, PriceRecord]) -> list[Change]:
        """Return the deletion of prices bound to labels that nobody has asked for in a long time."""
        requested = {asked.labels_key for asked in requests}
        now = self._clock.monotonic()
        since = self._unrequested_since
        self._unrequested_since = {
            key: since.get(key, now) for key, record in held.items() if record.labels_hash and key not in requested
        }
        return [Delete(key=key) for key, start in self._unrequested_since.items() if now - start >= FORGET_SECONDS]

    async def _write_labels(self) -> bool:
        names = self._wanted_labels()
        if names is None or names == (self._held.labels or ()):
            return True
        try:
            await self._bucket.put(LABELS_KEY, encode(WantedLabels(names=list(names))))
        except BusError as error:
            self._failed(error)
            return False
        self._held.labels = names
        return True

    async def _write_unpriced(self, unpriced: Sequence[Answered]) -> bool:
        told = tuple(
            Unpriced(key=one.asked.key, code=one.decision.code, reason=one.decision.reason) for one in unpriced[:_TOLD]
        )
        if told == (self._held.unpriced or ()):
            return True
        try:
            await self._bucket.put(UNPRICED_KEY, encode(UnpricedRequests(requests=list(told))))
        except BusError as error:
            self._failed(error)
            return False
        self._held.unpriced = told
        return True

    async def _write(self, wanted: Sequence[Change]) -> bool:
        """Write all changes, some at once; return whether all were."""
        written = True
        for batch in (wanted[start : start + _WRITES_AT_ONCE] for start in range(0, len(wanted), _WRITES_AT_ONCE)):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._write_one(change)) for change in batch]
            written = written and all(task.result() for task in tasks)
        if wanted and written:
            self._log.info("prices changed", prices=len(wanted), first=[_said(change) for change in wanted[:_SHOWN]])
        if written and self._failing:
            self._failing = False
            self._log.info("prices are written again")
        return written

    async def _write_one(self, change: Change) -> bool:
        try:
            if isinstance(change, Put):
                self._held.wrote(change.key, change.record, await self._bucket.put(change.key, encode(change.record)))
                self._log.debug("price changed", key=change.key, usd=change.record.usd, source=change.record.source)
            else:
                await self._bucket.delete(change.key)
                self._held.deleted(change.key)
                self._log.debug("price withdrawn", key=change.key)
        except BusError as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: BusError) -> None:
        self._counters.add("kube_cost_errors_total", component="pricing", error_type="bus")
        if not self._failing:
            self._log.warning("prices can't be written", error=str(error))
        self._failing = True

    def _say_unpriced(self, unpriced: Sequence[Answered]) -> None:
        if not unpriced:
            self._problems.over(_UNPRICED)
            return
        shown = "; ".join(_why(one) for one in unpriced[:_SHOWN])
        more = f"; and {len(unpriced) - _SHOWN} more" if len(unpriced) > _SHOWN else ""
        if self._problems.say(_UNPRICED, f"no price is known for {shown}{more}"):
            self._log.warning("no price is known", requests=[_why(one) for one in unpriced])


def _oldest(answered: Sequence[Answered], held: Mapping[str, PriceRecord]) -> dict[tuple[str, str], int]:
    """Return when the oldest price in force was fetched, by provider and kind: the last time that it was the same."""
    oldest: dict[tuple[str, str], int] = {}
    for one in answered:
        record, decided = in_force(one.asked, held), one.decision.record
        if record is not None:
            fetched_at_ns = record.fetched_at_ns
            if decided is not None and same_price(decided, record):
                fetched_at_ns = max(fetched_at_ns, decided.fetched_at_ns)
            key = (record.provider, record.kind)
            oldest[key] = min(oldest.get(key, fetched_at_ns), fetched_at_ns)
    return oldest


def _said(change: Change) -> str:
    if isinstance(change, Delete):
        return f"{change.key}: withdrawn"
    return f"{change.key}: {change.record.usd} ({change.record.source})"


def _why(one: Answered) -> str:
    request = one.asked.request
    place = "/".join(part for part in (request.provider, request.zone or request.region) if part)
    what = " ".join(part for part in (request.kind, request.sku, request.capacity) if part)
    return f"{what} in {place} ({one.decision.reason or 'not yet written'})"
