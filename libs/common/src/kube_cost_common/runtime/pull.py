"""Reads a stream with a pull consumer, strictly in the order of its sequences, each message once per restart."""

import asyncio
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.deliveries import Delivery, Pulled, delete_consumer, make_consumer, pull, unix_ns
from kube_cost_common.runtime.stream_times import last_stored_by, stored_at_ns

_IN_PROGRESS = b"+WPI"
_TERMINATE = b"+TERM"

# A replica that is gone for a day leaves no consumer behind; one that comes back makes its own again anyway.
_INACTIVE_NS = 24 * 3600 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a stream. `stored_at_ns` is the server's clock, Unix nanoseconds.

    `num_pending` is how many more the stream held when this one was delivered. `stream_created_ns` tells a stream from
    one made anew under its name, whose sequences begin again.
    """

    subject: str
    payload: bytes
    stream_sequence: int
    stored_at_ns: int
    num_pending: int
    stream_created_ns: int
    _reply: str = field(repr=False)
    _reader: "PullReader" = field(repr=False)

    async def ack(self) -> None:
        """Say that it is done with. Raises nothing: a lost acknowledgement is repeated when it comes up."""
        await self._reader.acknowledge(self.stream_sequence, self._reply, b"")

    async def term(self) -> None:
        """Say that it never will be: it can't be read."""
        await self._reader.acknowledge(self.stream_sequence, self._reply, _TERMINATE)

    async def in_progress(self) -> None:
        """Ask the server for another `ack_wait_seconds`."""
        await self._reader.reply(self._reply, _IN_PROGRESS)


class PullReader:
    """Hands out the messages of a stream in order.

    What `fetch` has handed out it doesn't hand out again, whatever the bus does, until `restart_after` says so: a
    caller that can't commit a message calls `restart_after` with the last sequence it has committed. On any doubt (a
    reconnect, a lost delivery, a consumer gone) the consumer is made anew behind the last message handed out.

    `pending` is how many messages the stream still holds for us, None while that isn't known; `discarded` counts those
    that it dropped before they were read, `restarts` the consumers made. Each replica has a `consumer` name of its own.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        stream: str,
        consumer: str,
        clock: Clock,
        log: FilteringBoundLogger,
        ack_wait_seconds: float,
        filter_subject: str = "",
        max_ack_pending: int = 10_000,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._consumer = consumer
        self._filter_subject = filter_subject
        self._ack_wait_seconds = ack_wait_seconds
        self._max_ack_pending = max_ack_pending
        self._clock = clock
        self._log = log
        self._after = 0
        self._read_to_ns = 0
        self._acknowledged_through = 0
        self._in_hand = 0
        self._discarded_through = 0
        self._next_consumer_sequence = 1
        self._connection = 0
        self._positioned = False
        self._failing = False
        self.stream_created_ns: int | None = None
        self.pending: int | None = None
        self.discarded = 0
        self.restarts = 0

    def restart_after(
        self, sequence: int, *, stream_created_ns: int | None = None, stored_at_ns: int | None = None
    ) -> None:
        """Hand out next what follows `sequence`, 0 for all; takes effect with the next fetch.

        `stream_created_ns` is what messages of the stream that `sequence` counts in said; where the stream is another
        one by now, it is read from its beginning. `stored_at_ns` is when the message of that sequence was stored, by
        which one that was given again is known; None where the caller doesn't know.
        """
        self._after = sequence
        self._read_to_ns = stored_at_ns or 0
        self._acknowledged_through = sequence
        if stream_created_ns is not None:
            self.stream_created_ns = stream_created_ns
        self._positioned = False
        self.pending = None

    async def fetch(self, max_messages: int, *, timeout_seconds: float = 2.0) -> list[Message]:
        """Return up to `max_messages` that are there, or the first that comes within `timeout_seconds`, or none.

        Raises nothing for the bus's sake: while it is away there are none.
        """
        try:
            if not await self._ready(timeout_seconds):
                return []
            pulled = await pull(
                self._bus,
                stream=self._stream,
                consumer=self._consumer,
                batch=max_messages,
                wait_seconds=timeout_seconds,
            )
        except BusError as error:
            await self._failed(str(error), timeout_seconds)
            return []
        messages = await self._in_order(pulled.deliveries)
        await self._conclude(pulled, messages, timeout_seconds)
        return messages

    async def acknowledge(self, sequence: int, reply: str, word: bytes) -> None:
        """Send a final word on a message; for Message."""
        self._acknowledged_through = max(self._acknowledged_through, sequence)
        self._in_hand -= 1
        await self.reply(reply, word)

    async def reply(self, reply: str, word: bytes) -> None:
        """Send a word on a message to the server, at most once; for Message."""
        try:
            await self._bus.publish(reply, word)
        except BusError:
            # The reconnect makes the consumer anew, behind this message.
            self._positioned = False

    async def _ready(self, timeout_seconds: float) -> bool:
        if not self._bus.connected:
            self.pending = None
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._bus.wait_connected()
            except TimeoutError:
                return False
        if not self._positioned or self._connection != self._bus.connects:
            await self._position()
        return True

    async def _position(self) -> None:
        """Make the consumer anew behind the last message handed out."""
        connection = self._bus.connects
        info = await self._bus.api(f"STREAM.INFO.{self._stream}")
        created_ns, first, last = unix_ns(info["created"]), info["state"]["first_seq"], info["state"]["last_seq"]
        if self.stream_created_ns not in {None, created_ns}:
            self._log.warning("stream was made anew, reading from its beginning", stream=self._stream)
            self._after = self._read_to_ns = self._acknowledged_through = self._discarded_through = 0
        elif self._after > last or await self._is_given_again(first):
            # The server crashed before the end of the stream was on its disk. What it holds since is younger than all
            # that was read.
            self._log.warning("stream has lost its end", stream=self._stream, last=last, read_through=self._after)
            read_to_ns, kept = self._read_to_ns, last
            if read_to_ns:
                kept = await last_stored_by(self._bus, self._stream, first=max(first, 1), last=last, time_ns=read_to_ns)
            self._after = self._acknowledged_through = kept
            self._discarded_through = min(self._discarded_through, kept)
        self.stream_created_ns = created_ns
        self._skip_to(max(first, 1))
        await delete_consumer(self._bus, stream=self._stream, name=self._consumer)
        await make_consumer(
            self._bus,
            stream=self._stream,
            name=self._consumer,
            filter_subject=self._filter_subject,
            config={
                "durable_name": self._consumer,
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": self._after + 1,
                "ack_policy": "explicit",
                "ack_wait": int(self._ack_wait_seconds * 1e9),
                "max_deliver": -1,
                "max_ack_pending": self._max_ack_pending,
                "inactive_threshold": _INACTIVE_NS,
            },
        )
        self.restarts += 1
        self._next_consumer_sequence = 1
        self._in_hand = 0
        self._connection = connection
        self._positioned = True

    async def _is_given_again(self, first: int) -> bool:
        """Whether the sequence that was read last is another message by now."""
        if not self._read_to_ns or self._after < max(first, 1):
            return False
        stamp = await stored_at_ns(self._bus, self._stream, self._after)
        return stamp is not None and stamp > self._read_to_ns

    def _skip_to(self, sequence: int) -> None:
        """Count what lies between the last message handed out and `sequence` as discarded, once."""
        lost = sequence - 1 - max(self._after, self._discarded_through)
        if lost > 0:
            self.discarded += lost
            self._log.warning("messages were discarded before they were read", stream=self._stream, messages=lost)
        self._after = max(self._after, sequence - 1)
        self._discarded_through = max(self._discarded_through, sequence - 1)

    async def _in_order(self, deliveries: list[Delivery]) -> list[Message]:
        messages: list[Message] = []
        for delivery in deliveries:
            if delivery.consumer_sequence != self._next_consumer_sequence:
                self._positioned = False  # a delivery was lost; what follows it is asked for again
                break
            self._next_consumer_sequence += 1
            if (
                delivery.stream_sequence <= self._after
            ):  # delivered again, since no acknowledgement came within ack_wait
                if delivery.stream_sequence <= self._acknowledged_through:
                    await self.reply(delivery.reply, b"")
                continue
            if not self._filter_subject:
                self._skip_to(delivery.stream_sequence)
            self._after = delivery.stream_sequence
            self._read_to_ns = max(self._read_to_ns, delivery.stored_at_ns)
            self._in_hand += 1
            messages.append(
                Message(
                    subject=delivery.subject,
                    payload=delivery.payload,
                    stream_sequence=delivery.stream_sequence,
                    stored_at_ns=delivery.stored_at_ns,
                    num_pending=delivery.num_pending,
                    stream_created_ns=self.stream_created_ns or 0,
                    _reply=delivery.reply,
                    _reader=self,
                )
            )
        return messages

    async def _conclude(self, pulled: Pulled, messages: list[Message], timeout_seconds: float) -> None:
        if not self._positioned or pulled.lost_consumer or not pulled.ended_in_order:
            await self._failed(pulled.status or "a delivery was lost", 0.0 if messages else timeout_seconds)
            return
        if self._failing:
            self._failing = False
            self._log.info("stream is read again", stream=self._stream)
        if messages:
            self.pending = messages[-1].num_pending
        else:
            self.pending = 0 if self._in_hand < self._max_ack_pending else None

    async def _failed(self, error: str, timeout_seconds: float) -> None:
        """Make the consumer anew next time, and wait a little so as not to spin."""
        self._positioned = False
        self.pending = None
        if not self._failing:
            self._failing = True
            self._log.warning("stream can't be read", stream=self._stream, error=error)
        await self._clock.sleep(min(0.5, timeout_seconds))
