"""The one loop that settles: samples strictly in the stream's order, each committed before it is acknowledged."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.history.store import StoreError, StreamCursor
from kube_cost_aggregator.inputs.samples import SampleError, SampleReader
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.settlement import Outcome, Settlement
from kube_cost_aggregator.state.standing import StandingCosts
from kube_cost_aggregator.state.timings import Timings
from kube_cost_common.messages.usage import UsageSample
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.pull import Message, PullReader

BATCH = 64
"""Samples to a transaction at the most: one fsync for all of them."""

FETCH_SECONDS = 1.0
GATHER_SECONDS = 2.0
"""Between rounds while nothing more waits on the bus: what comes meanwhile is one transaction, and one fsync."""

LONGEST_GATHER_SECONDS = 5.0
ROUNDS_AN_INTERVAL = 12
"""Long intervals have so many rounds, up to 5 s apart: each of them asks the bus, commits and copies totals."""

BREATH_SECONDS = 0.002
"""How long settling what isn't a node's holds the loop at a stretch."""

CATCH_UP_SECONDS = 5.0
COMMIT_RETRY_SECONDS = 2.0
REFUSED_SECONDS = 600.0
"""How long after the last sample that was refused for a reason that is still a problem."""

UNKNOWN_NODE_SECONDS = 600.0
"""How long samples wait for their node while the watch that would tell of it is broken, all of them together."""


class UsageIntake:
    """Feeds the settlement, and commits. `last_sample_ns` holds each node's last sample's end, in Unix nanoseconds.

    Once an interval it has settled too what costs by its mere being, as far as `objects_known_ns` says that the watches
    have told of it: None is until now. `nodes_watched` says whether the watch of nodes is well, `nodes_listed_ns` when
    they were last listed, in Unix nanoseconds: a sample that was stored before may be of a node that came and went
    while nobody watched.
    """

    def __init__(
        self,
        *,
        reader: PullReader,
        samples: SampleReader,
        settlement: Settlement,
        ledger: Ledger,
        timings: Timings,
        standing: StandingCosts,
        interval_seconds: float,
        objects_known_ns: Callable[[], int | None],
        nodes_watched: Callable[[], bool],
        nodes_listed_ns: Callable[[], int],
        bus_connected: Callable[[], bool],
        heard: Callable[[str, int], None],
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
        problems: Problems,
    ) -> None:
        self._reader = reader
        self._samples = samples
        self._settlement = settlement
        self._ledger = ledger
        self._timings = timings
        self._standing = standing
        self._interval_seconds = interval_seconds
        self._gather_seconds = min(max(GATHER_SECONDS, interval_seconds / ROUNDS_AN_INTERVAL), LONGEST_GATHER_SECONDS)
        self._objects_known_ns = objects_known_ns
        self._nodes_watched = nodes_watched
        self._nodes_listed_ns = nodes_listed_ns
        self._bus_connected = bus_connected
        self._heard = heard
        self._clock = clock
        self._log = log
        self._counters = counters
        self._problems = problems
        self._caught_up_at = float("-inf")
        self._standing_at = float("-inf")
        self._unwatched_since: float | None = None
        self._discarded = 0
        self._refused_at: dict[str, float] = {}
        self.last_sample_ns: dict[str, int] = {}

    async def run(self) -> NoReturn:
        """Settle for ever, from where the ledger's cursor stands."""
        if self._ledger.stream is not None:
            created_ns, sequence, stored_at_ns = self._ledger.stream
            self._reader.restart_after(sequence, stream_created_ns=created_ns, stored_at_ns=stored_at_ns)
        while True:
            await self.round()
            if self._reader.pending == 0:
                await self._clock.sleep(self._gather_seconds)

    async def round(self) -> None:
        """Settle what is there, or wait a second for it."""
        messages = await self._reader.fetch(BATCH, timeout_seconds=FETCH_SECONDS)
        started = self._clock.monotonic()
        self._count_discarded()
        if started - self._standing_at >= self._interval_seconds:
            self._standing_at = started
            await self._settle_standing()
        refused = await self._take_all(messages)
        if messages:
            last = messages[-1]
            self._ledger.follow(StreamCursor(last.stream_created_ns, last.stream_sequence, last.stored_at_ns))
        connected = self._bus_connected()
        if not connected or started - self._caught_up_at >= CATCH_UP_SECONDS:
            # The messages at hand are settled by now: a bus that never rests is drained all the same.
            drained = self._reader.pending == 0
            self._settlement.catch_up(self._clock.now_ns(), connected=connected, drained=drained)
            self._forget_gone_nodes()
            if drained:
                self._caught_up_at = started
        for reason, refused_at in list(self._refused_at.items()):
            if started - refused_at >= REFUSED_SECONDS:
                del self._refused_at[reason]
                self._problems.over(f"sample {reason}")
        await self._commit()
        if messages:
            self._timings.observe(self._clock.monotonic() - started)
        for message in messages:
            await (message.term() if message in refused else message.ack())

    async def _settle_standing(self) -> None:
        breath = self._clock.monotonic()
        for _ in self._standing.settle(self._clock.now_ns(), self._objects_known_ns()):
            if self._clock.monotonic() - breath >= BREATH_SECONDS:
                await asyncio.sleep(0)
                breath = self._clock.monotonic()

    def _count_discarded(self) -> None:
        """Count what the bus had to drop before it was read; the usage in it is in later samples' totals too."""
        discarded = self._reader.discarded - self._discarded
        if discarded:
            self._discarded += discarded
            self._counters.add("kube_cost_samples_rejected_total", discarded, reason="discarded")
            self._refused_at["discarded"] = self._clock.monotonic()
            self._problems.say(
                "sample discarded", f"the bus dropped {self._discarded} usage samples before they were read"
            )

    def _forget_gone_nodes(self) -> None:
        for name in [name for name in self.last_sample_ns if not self._settlement.knows(name)]:
            del self.last_sample_ns[name]

    async def _take_all(self, messages: Sequence[Message]) -> list[Message]:
        """Settle samples in their order; return those that weren't fit for it."""
        refused: list[Message] = []
        for message in messages:
            if message is not messages[0]:
                await asyncio.sleep(0)  # a scrape waits for one sample, not for all of them
            if not await self._take(message):
                refused.append(message)
        return refused

    async def _take(self, message: Message) -> bool:
        """Settle one sample; return whether it was fit for it."""
        self._counters.add("kube_cost_samples_received_total")
        try:
            sample = self._samples.read(message.subject, message.payload)
        except SampleError as error:
            self._refuse(error.reason, error.detail)
            return False
        while (outcome := self._settle(sample, message.stored_at_ns)) is Outcome.UNKNOWN_NODE:
            if self._waits_no_more():
                self._refuse("unknown_node", f"no node is named {sample.node!r}")
                return False
            await message.in_progress()
            await self._clock.sleep(1.0)
        self._heard(sample.node, message.stored_at_ns)
        if outcome in {Outcome.SETTLED, Outcome.UNPRICED, Outcome.LATE}:
            self.last_sample_ns[sample.node] = message.stored_at_ns - sample.sent_at_ns + sample.end_ns
        return True

    def _settle(self, sample: UsageSample, stored_at_ns: int) -> Outcome:
        watched = self._nodes_watched()
        if watched:
            self._unwatched_since = None
        unwatched = watched and stored_at_ns < self._nodes_listed_ns()
        return self._settlement.take(sample, stored_at_ns, unwatched=unwatched)

    def _waits_no_more(self) -> bool:
        """Whether a node isn't going to be told of: it would have been, or the watch has been broken for too long."""
        if self._nodes_watched():
            return True
        now = self._clock.monotonic()
        if self._unwatched_since is None:
            self._unwatched_since = now
        return now - self._unwatched_since > UNKNOWN_NODE_SECONDS

    def _refuse(self, reason: str, detail: str) -> None:
        self._counters.add("kube_cost_samples_rejected_total", reason=reason)
        self._counters.add("kube_cost_errors_total", component="aggregator", error_type="sample_decode")
        self._refused_at[reason] = self._clock.monotonic()
        if self._problems.say(f"sample {reason}", f"usage samples are refused ({reason}): {detail}"):
            self._log.warning("usage sample refused", reason=reason, detail=detail)

    async def _commit(self) -> None:
        """Commit what is booked, trying until it succeeds: until then nothing is acknowledged or fetched."""
        while True:
            try:
                await self._ledger.commit(self._clock.now_ns())
            except StoreError as error:
                self._counters.add("kube_cost_history_write_failures_total")
                self._counters.add("kube_cost_errors_total", component="aggregator", error_type="history_write")
                if self._problems.say("ledger", f"the ledger can't be written, samples wait on the bus: {error}"):
                    self._log.error("ledger can't be written", error=str(error))
                await self._clock.sleep(COMMIT_RETRY_SECONDS)
            else:
                if self._problems.over("ledger"):
                    self._log.info("ledger is written again")
                return
