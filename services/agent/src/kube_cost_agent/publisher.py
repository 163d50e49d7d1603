"""Sends samples to the bus: in order, one at a time, each until it is stored."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import NoReturn, Protocol

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.codec import MAX_RECORD_BYTES, RecordDecoder, encode
from kube_cost_common.messages.names import usage_message_id, usage_subject
from kube_cost_common.messages.usage import UsageSample
from kube_cost_common.runtime.bus import BusError, Stored
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters, Problems

QUEUE_SAMPLES = 60
"""An hour of samples at the default interval; those of 250 pods take 2 MB as bytes."""

RETRY_FIRST_SECONDS = 0.5
RETRY_LONGEST_SECONDS = 30.0

DROPPED = "kube_cost_agent_samples_dropped_total"


class StreamBus(Protocol):
    """What is needed of `kube_cost_common.runtime.bus.Bus`."""

    async def wait_connected(self) -> None:
        """Return when there is a connection."""
        ...

    async def publish_to_stream(self, subject: str, payload: bytes, *, message_id: str) -> Stored:
        """Publish and return where the message is stored; raise BusError."""
        ...


class Publisher:
    """A bounded queue of samples and the one publish in flight.

    Counts what it drops, and why, in `kube_cost_agent_samples_dropped_total` of `counters`. `now_ns` is the session's
    clock, which stamps each attempt. `on_stored` is called after each sample that is stored.
    """

    def __init__(
        self,
        *,
        bus: StreamBus,
        clock: Clock,
        now_ns: Callable[[], int],
        counters: Counters,
        problems: Problems,
        log: FilteringBoundLogger,
        on_stored: Callable[[], None],
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._now_ns = now_ns
        self._counters = counters
        self._problems = problems
        self._log = log
        self._on_stored = on_stored
        # As bytes, a tenth of what the records take.
        self._queue: deque[bytes] = deque()
        self._in_flight: bytes | None = None
        self._changed = asyncio.Event()
        self._decoder = RecordDecoder(UsageSample)

    @property
    def waiting(self) -> int:
        """How many samples aren't stored yet."""
        return len(self._queue)

    def offer(self, sample: UsageSample) -> None:
        """Queue a sample; the oldest one is dropped where there is no room, this one where no reader would take it."""
        payload = encode(sample)
        if len(payload) > MAX_RECORD_BYTES:
            self._refuse(sample, f"{len(payload)} bytes, at most {MAX_RECORD_BYTES} can be sent")
            return
        if len(self._queue) >= QUEUE_SAMPLES:
            oldest = self._queue.popleft()
            # One in flight may be stored yet; its attempt tells.
            if oldest is not self._in_flight:
                self._count_dropped("queue_full")
        self._queue.append(payload)
        self._changed.set()

    async def run(self) -> NoReturn:
        """Send what is queued, for ever."""
        failures = 0
        while True:
            while not self._queue:
                self._changed.clear()
                await self._changed.wait()
            await self._bus.wait_connected()
            try:
                await self._send_oldest()
            except BusError as error:
                # A bus that is away is waited for; what it answers badly is asked for ever more seldom.
                failures = 0 if error.reason == "disconnected" else failures + 1
                self._note_failure(error)
                await self._clock.sleep(_wait_seconds(failures))
            else:
                failures = 0

    async def flush(self) -> None:
        """Return when nothing is waiting any more. `run` does the sending."""
        while self._queue:
            self._changed.clear()
            await self._changed.wait()

    async def _send_oldest(self) -> None:
        payload = self._queue[0]
        sample = msgspec.structs.replace(self._decoder.decode(payload), sent_at_ns=self._now_ns())
        self._in_flight = payload
        try:
            await self._bus.publish_to_stream(
                usage_subject(sample.cluster, sample.node),
                encode(sample),
                message_id=usage_message_id(sample.node, sample.session, sample.seq),
            )
        except BusError as error:
            if error.reason == "too_large":
                self._forget(payload)
                self._refuse(sample, str(error))
                return
            if not self._is_queued(payload):
                self._count_dropped("queue_full")
            raise
        finally:
            self._in_flight = None
        self._forget(payload)
        if self._problems.over("bus"):
            self._log.info("samples are stored again", waiting=len(self._queue))
        self._on_stored()

    def _is_queued(self, payload: bytes) -> bool:
        return bool(self._queue) and self._queue[0] is payload

    def _forget(self, payload: bytes) -> None:
        if self._is_queued(payload):
            self._queue.popleft()
        self._changed.set()

    def _note_failure(self, error: BusError) -> None:
        self._counters.add("kube_cost_errors_total", component="agent", error_type="bus")
        if self._problems.say("bus", f"samples can't be stored: {error}"):
            self._log.warning("samples can't be stored", error=str(error), waiting=len(self._queue))

    def _refuse(self, sample: UsageSample, why: str) -> None:
        self._count_dropped("too_large")
        self._counters.add("kube_cost_errors_total", component="agent", error_type="bus")
        self._log.error("sample is too large and is dropped", seq=sample.seq, pods=len(sample.pods), error=why)

    def _count_dropped(self, reason: str) -> None:
        self._counters.add(DROPPED, reason=reason)


def _wait_seconds(failures: int) -> float:
    """Return a random wait up to a bound that doubles: thousands of agents lose the bus in the same moment."""
    bound = min(RETRY_LONGEST_SECONDS, RETRY_FIRST_SECONDS * 2.0 ** min(failures, 10))
    return random.uniform(0.05, bound)  # noqa: S311 - no secret
