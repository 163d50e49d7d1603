"""One pull of a JetStream consumer: asked, delivered, ended. What readers of streams and of buckets stand on.

nats-py's own `fetch` stalls to its timeout now and then, and hands what is left of one pull to the next. Here each
pull has an inbox of its own, ends with the server's word or a deadline, and what came late isn't taken for ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg

from kube_cost_common.runtime.bus import Bus, BusError

PULL_MAX_BYTES = 16 * 1024**2
"""Of one pull: so that what is in memory is bounded whatever the messages are. A message has at most 1 MiB."""

# How long after a pull's own end we wait for the server's word of it.
_GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message as a consumer delivered it.

    `consumer_sequence` counts deliveries: a gap in it means that a delivery was lost on its way. `num_pending` is how
    many messages of the stream the consumer had still to deliver.
    """

    subject: str
    payload: bytes
    headers: Mapping[str, str]
    reply: str
    stream_sequence: int
    consumer_sequence: int
    stored_at_ns: int
    num_pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What one pull brought. `status` is how the server ended it, "404 No Messages" say; empty if it brought all."""

    deliveries: list[Delivery]
    status: str

    @property
    def lost_consumer(self) -> bool:
        """Whether the consumer, or the stream, or JetStream, isn't there."""
        return self.status.startswith("503") or "Consumer Deleted" in self.status

    @property
    def ended_in_order(self) -> bool:
        """Whether the server ended it as pulls end: all is there, or nothing more is, or time is up."""
        return self.status[:3] in {"", "404", "408"} or "MaxBytes" in self.status


async def make_consumer(bus: Bus, *, stream: str, name: str, filter_subject: str, config: dict[str, Any]) -> int:
    """Make a pull consumer; return how many messages it has to deliver. `filter_subject` empty means all.

    Raises BusError.
    """
    filtered = {"filter_subject": filter_subject} if filter_subject else {}
    info = await bus.api(
        f"CONSUMER.CREATE.{stream}.{name}" + (f".{filter_subject}" if filter_subject else ""),
        {
            "stream_name": stream,
            "config": {"name": name, "replay_policy": "instant", **filtered, **config},
            "action": "create",
        },
    )
    return int(info["num_pending"])


async def delete_consumer(bus: Bus, *, stream: str, name: str) -> None:
    """Delete a consumer, whether or not it is there; raises BusError."""
    try:
        await bus.api(f"CONSUMER.DELETE.{stream}.{name}")
    except BusError as error:
        if error.reason != "not_found":
            raise


async def pull(bus: Bus, *, stream: str, consumer: str, batch: int, wait_seconds: float) -> Pulled:
    """Ask for up to `batch` messages: those that are there, or else the first that comes within `wait_seconds`.

    Raises BusError where the bus is away.
    """
    pulled = await _pull(bus, stream, consumer, {"batch": batch, "max_bytes": PULL_MAX_BYTES, "no_wait": True}, 1.0)
    if pulled.deliveries or pulled.lost_consumer or wait_seconds <= 0:
        return pulled
    return await _pull(bus, stream, consumer, {"batch": 1, "expires": int(wait_seconds * 1e9)}, wait_seconds)


async def _pull(bus: Bus, stream: str, consumer: str, body: dict[str, Any], seconds: float) -> Pulled:
    client = bus.client()
    inbox = client.new_inbox()
    deliveries: list[Delivery] = []
    status = ""
    try:
        async with bus.while_connected(seconds + _GRACE_SECONDS):
            inner = await client.subscribe(inbox)
            try:
                request = msgspec.json.encode(body)
                await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", request, reply=inbox)
                while len(deliveries) < body["batch"]:
                    message = await inner.next_msg(timeout=None)
                    if message.headers and "Status" in message.headers and not message.reply:
                        code = message.headers["Status"]
                        if code == "100":
                            continue
                        status = f"{code} {message.headers.get('Description', '')}"
                        break
                    deliveries.append(_delivery(message))
            finally:
                if not client.is_closed:
                    await inner.unsubscribe()
    except TimeoutError:
        status = "no answer"
    except (OSError, nats.errors.Error) as error:
        raise BusError("disconnected", f"pull from {stream}: {error!r}") from error
    return Pulled(deliveries=deliveries, status=status)


def _delivery(message: Msg) -> Delivery:
    # $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time, ns>.<pending>, or since ADR-15
    # $JS.ACK.<domain>.<account>.<stream>.… and maybe more behind.
    tokens = message.reply.split(".")
    at = 4 if len(tokens) == 9 else 6
    return Delivery(
        subject=message.subject,
        payload=message.data,
        headers=message.headers or {},
        reply=message.reply,
        stream_sequence=int(tokens[at + 1]),
        consumer_sequence=int(tokens[at + 2]),
        stored_at_ns=int(tokens[at + 3]),
        num_pending=int(tokens[at + 4]),
    )


def unix_ns(timestamp: str) -> int:
    """Return a time as JetStream's API writes it, RFC 3339 in UTC with up to nine decimals, as Unix nanoseconds."""
    seconds, _, fraction = timestamp.removesuffix("Z").partition(".")
    whole = int(datetime.fromisoformat(f"{seconds}+00:00").timestamp())
    return whole * 10**9 + int(fraction.ljust(9, "0")[:9])
