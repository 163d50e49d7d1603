import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from harness.nats import NatsServer, background, eventually, running_bus, running_nats
from harness.proxy import running_proxy
from kube_cost_common.messages.streams import BUCKETS, DEMAND, STREAMS, USAGE
from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare, wait_for
from kube_cost_common.runtime.deliveries import pull
from kube_cost_common.runtime.pull import Message, PullReader

SUBJECT = "kce.v1.usage.cluster.node"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path) as running:
        yield running


def new_reader(bus: Bus, **settings: Any) -> PullReader:
    return PullReader(
        bus=bus,
        stream=USAGE.name,
        consumer="aggregator-0",
        clock=SystemClock(),
        log=structlog.get_logger(),
        **{"ack_wait_seconds": 60.0, **settings},
    )


async def publish(bus: Bus, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await bus.publish_to_stream(SUBJECT, str(number).encode(), message_id=str(number))


async def read(reader: PullReader, count: int) -> list[Message]:
    """Fetch until there are `count` messages, acknowledging none."""
    messages: list[Message] = []
    async with asyncio.timeout(30.0):
        while len(messages) < count:
            messages += await reader.fetch(50, timeout_seconds=0.5)
    return messages


async def acknowledged_through(bus: Bus) -> int:
    """The sequence up to which the server knows everything acknowledged, once two looks at it agree."""
    before, now = -1, 0
    while now != before:
        before = now
        await asyncio.sleep(0.1)
        now = (await bus.api(f"CONSUMER.INFO.{USAGE.name}.aggregator-0"))["ack_floor"]["stream_seq"]
    return now


def payloads(messages: list[Message]) -> list[int]:
    return [int(message.payload) for message in messages]


async def test_declaring_twice_changes_nothing(server: NatsServer) -> None:
    """The second start of an aggregator finds what the first made."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=BUCKETS)
        before = [await bus.api(f"STREAM.INFO.{name}") for name in ("KCE_USAGE", "KV_kce_prices", "KV_kce_demand")]
        await declare(bus, streams=STREAMS, buckets=BUCKETS)
        after = [await bus.api(f"STREAM.INFO.{name}") for name in ("KCE_USAGE", "KV_kce_prices", "KV_kce_demand")]
        assert [info["config"] for info in after] == [info["config"] for info in before]
        assert [info["created"] for info in after] == [info["created"] for info in before]


async def test_declaring_widens_and_never_shrinks(server: NatsServer) -> None:
    """A limit that somebody raised stays; one that is smaller than described is raised, and its messages stay."""
    small = replace(USAGE, max_bytes=10_000_000, max_age_seconds=48 * 3600.0)
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[small], buckets=[replace(DEMAND, history=5)])
        await publish(bus, 1, 1)
        await declare(bus, streams=STREAMS, buckets=BUCKETS)
        usage, demand = await bus.api("STREAM.INFO.KCE_USAGE"), await bus.api("STREAM.INFO.KV_kce_demand")
        assert usage["config"]["max_bytes"] == USAGE.max_bytes
        assert usage["config"]["max_age"] == 48 * 3600 * 10**9
        assert usage["state"]["messages"] == 1
        assert demand["config"]["max_msgs_per_subject"] == 5


async def test_others_wait_until_it_is_declared(server: NatsServer) -> None:
    """`wait_for` returns once the stream and the bucket are there, and not before."""
    async with running_bus(server.url) as bus:
        waiting = wait_for(bus, clock=SystemClock(), log=structlog.get_logger(), streams=STREAMS, buckets=BUCKETS)
        async with asyncio.timeout(10.0), asyncio.TaskGroup() as group:
            task = group.create_task(waiting)
            await asyncio.sleep(0.1)
            assert not task.done()
            await declare(bus, streams=STREAMS, buckets=BUCKETS)


async def test_a_message_id_is_stored_once(server: NatsServer) -> None:
    """A retry is told where the first try is stored."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        first = await bus.publish_to_stream(SUBJECT, b"1", message_id="node-session-1")
        again = await bus.publish_to_stream(SUBJECT, b"1", message_id="node-session-1")
        assert (first.sequence, first.duplicate) == (1, False)
        assert (again.sequence, again.duplicate) == (1, True)


async def test_what_is_too_large_is_said_so(server: NatsServer) -> None:
    """A payload over the server's limit is an error of its own, and the connection stays."""
    async with running_bus(server.url) as bus:
        with pytest.raises(BusError) as failure:
            await bus.publish_to_stream(SUBJECT, bytes(2 * 1024**2), message_id="1")
        assert failure.value.reason == "too_large"
        assert bus.connected


async def test_crashes_of_the_server_lose_nothing_and_double_nothing(server: NatsServer) -> None:
    """Published, retried by id and fetched across two crashes: each message once, in order."""
    count = 600

    async def publish_all(bus: Bus) -> None:
        for number in range(1, count + 1):
            while True:
                try:
                    await bus.publish_to_stream(SUBJECT, str(number).encode(), message_id=str(number))
                    break
                except BusError:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.001)

    async with running_bus(server.url, request_timeout_seconds=1.0) as talking, running_bus(server.url) as listening:
        await declare(talking, streams=STREAMS, buckets=[])
        reader = new_reader(listening)
        got: list[Message] = []
        async with background(publish_all(talking)):
            async with asyncio.timeout(60.0):
                while len(got) < count:
                    for message in await reader.fetch(20):
                        await message.ack()
                        got.append(message)
                    if reader.restarts < 3 and len(got) > 150 * reader.restarts:
                        await server.restart()
        assert reader.restarts >= 3
        assert payloads(got) == list(range(1, count + 1))
        assert await reader.fetch(10, timeout_seconds=0.2) == []
        assert (reader.pending, reader.discarded) == (0, 0)


async def test_what_is_not_acknowledged_in_time_is_not_handed_out_twice(server: NatsServer) -> None:
    """The server delivers it again, behind later ones; a caller that still holds it isn't disturbed."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus, ack_wait_seconds=0.3)
        await publish(bus, 1, 3)
        held = await read(reader, 3)
        await asyncio.sleep(0.5)
        await publish(bus, 4, 5)
        assert payloads(await read(reader, 2)) == [4, 5]
        for message in held:
            await message.ack()
        await asyncio.sleep(0.5)
        assert await reader.fetch(10, timeout_seconds=0.2) == []


async def test_a_lost_acknowledgement_is_repeated(server: NatsServer) -> None:
    """What was acknowledged and comes again is acknowledged again, until the server has heard."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus, ack_wait_seconds=0.3)
        await publish(bus, 1, 2)
        first, second = await read(reader, 2)
        await second.ack()  # in order, so this says that the first is done too
        assert first.stream_sequence == 1
        await asyncio.sleep(0.4)
        assert await reader.fetch(10, timeout_seconds=0.2) == []
        assert await acknowledged_through(bus) == 2


async def test_more_time_and_the_end_of_a_message_reach_the_server(server: NatsServer) -> None:
    """`in_progress` keeps a message from coming again, `term` ends one that can't be read."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus, ack_wait_seconds=0.6)
        await publish(bus, 1, 1)
        (message,) = await read(reader, 1)
        for _ in range(4):
            await asyncio.sleep(0.3)
            await message.in_progress()
        assert (await bus.api(f"CONSUMER.INFO.{USAGE.name}.aggregator-0"))["num_redelivered"] == 0
        await message.term()
        assert await acknowledged_through(bus) == 1


async def test_after_a_failed_commit_reading_goes_on_behind_the_cursor(server: NatsServer) -> None:
    """restart_after hands out again all that follows, in order, however much was fetched ahead."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        await publish(bus, 1, 10)
        messages = await read(reader, 10)
        for message in messages[:4]:
            await message.ack()
        reader.restart_after(messages[3].stream_sequence, stream_created_ns=messages[3].stream_created_ns)
        assert payloads(await read(reader, 6)) == [5, 6, 7, 8, 9, 10]


async def test_a_delivery_lost_on_its_way_is_asked_for_again(server: NatsServer) -> None:
    """Messages that the server sent into a connection that broke are delivered again before later ones."""
    async with running_proxy(server.port) as proxy, running_bus(server.url) as bus, running_bus(proxy.url) as far:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(far)
        await publish(bus, 1, 2)
        await read(reader, 2)
        async with asyncio.TaskGroup() as group:
            fetching = group.create_task(reader.fetch(10, timeout_seconds=1.0))
            await asyncio.sleep(0.2)  # the pull waits at the server
            proxy.hold_answers()
            await publish(bus, 3, 3)
            await asyncio.sleep(0.1)
            proxy.cut()
            proxy.release()
        assert payloads(fetching.result()) == []
        await publish(bus, 4, 4)
        assert payloads(await read(reader, 2)) == [3, 4]


async def test_a_message_that_somebody_else_took_is_asked_for_again(server: NatsServer) -> None:
    """A gap in the consumer's deliveries, on a connection that never broke, is noticed and read again in order."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        await publish(bus, 1, 2)
        await read(reader, 2)
        await publish(bus, 3, 6)
        stolen = await pull(bus, stream=USAGE.name, consumer="aggregator-0", batch=2, wait_seconds=0.0)
        assert [delivery.stream_sequence for delivery in stolen.deliveries] == [3, 4]
        assert payloads(await read(reader, 4)) == [3, 4, 5, 6]


async def test_a_fetch_does_not_outlive_its_connection(server: NatsServer) -> None:
    """Once the server is gone no answer can come, and none is waited for."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        async with asyncio.timeout(15.0), asyncio.TaskGroup() as group:
            fetching = group.create_task(reader.fetch(10, timeout_seconds=60.0))
            await asyncio.sleep(0.2)
            await server.kill()
        assert fetching.result() == []


async def test_a_deleted_consumer_is_made_anew_where_it_was(server: NatsServer) -> None:
    """Somebody deletes the consumer between two fetches: the next messages follow on."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        await publish(bus, 1, 3)
        await read(reader, 3)
        await bus.api(f"CONSUMER.DELETE.{USAGE.name}.aggregator-0")
        await publish(bus, 4, 5)
        assert payloads(await read(reader, 2)) == [4, 5]
        assert reader.restarts == 2


async def test_a_stream_made_anew_is_read_from_its_beginning(server: NatsServer) -> None:
    """Its sequences begin again, and its messages say that they count in another stream."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        await publish(bus, 1, 3)
        old = await read(reader, 3)
        await bus.api(f"STREAM.DELETE.{USAGE.name}")
        assert await reader.fetch(10, timeout_seconds=0.2) == []
        assert reader.pending is None
        await declare(bus, streams=STREAMS, buckets=[])
        await publish(bus, 7, 8)
        new = await read(reader, 2)
        assert payloads(new) == [7, 8]
        assert [message.stream_sequence for message in new] == [1, 2]
        assert new[0].stream_created_ns > old[0].stream_created_ns


async def test_a_cursor_of_a_stream_that_is_gone_starts_at_the_beginning(server: NatsServer) -> None:
    """A ledger's cursor from before the stream was made anew doesn't hide the new one's messages."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        await publish(bus, 1, 5)
        reader = new_reader(bus)
        reader.restart_after(3, stream_created_ns=1)
        assert payloads(await read(reader, 5)) == [1, 2, 3, 4, 5]


async def test_a_cursor_beyond_the_end_waits_for_what_comes(server: NatsServer) -> None:
    """A stream that lost its end in a crash gives its sequences again; they are read, not waited past."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        await publish(bus, 1, 2)
        reader = new_reader(bus)
        reader.restart_after(50)
        assert await reader.fetch(10, timeout_seconds=0.1) == []
        await publish(bus, 3, 4)
        assert payloads(await read(reader, 2)) == [3, 4]


async def test_messages_discarded_before_they_were_read_are_counted_once(server: NatsServer) -> None:
    """The stream's oldest go when it is full; the reader says how many it never saw, restarts or not."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        await publish(bus, 1, 10)
        reader = new_reader(bus)
        reader.restart_after(2)
        await bus.api(f"STREAM.PURGE.{USAGE.name}", {"seq": 6})
        assert payloads(await read(reader, 5)) == [6, 7, 8, 9, 10]
        assert reader.discarded == 3
        reader.restart_after(2)
        assert payloads(await read(reader, 5)) == [6, 7, 8, 9, 10]
        assert reader.discarded == 3


async def test_a_message_carries_the_servers_facts(server: NatsServer) -> None:
    """Sequence, the server's time to the nanosecond, and how many more there are."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        before_ns = SystemClock().now_ns()
        await publish(bus, 1, 3)
        reader = new_reader(bus)
        messages = await reader.fetch(2)
        assert [message.stream_sequence for message in messages] == [1, 2]
        assert [message.num_pending for message in messages] == [2, 1]
        assert before_ns <= messages[0].stored_at_ns <= messages[1].stored_at_ns <= SystemClock().now_ns()
        assert messages[0].subject == SUBJECT
        assert reader.pending == 1


async def test_large_messages_are_fetched_within_the_memory_bound(server: NatsServer) -> None:
    """40 MB are read in several pulls, none dropped, in order."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        for number in range(50):
            await bus.publish_to_stream(SUBJECT, bytes([number]) * 800_000, message_id=str(number))
        reader = new_reader(bus)
        messages: list[Message] = []
        sizes: list[int] = []
        async with asyncio.timeout(20.0):
            while len(messages) < 50:
                batch = await reader.fetch(100)
                sizes.append(sum(len(message.payload) for message in batch))
                messages += batch
        assert [message.payload[0] for message in messages] == list(range(50))
        assert max(sizes) <= 16 * 1024**2
        assert (bus.dropped, reader.restarts) == (0, 1)


async def test_an_away_bus_is_no_message_and_no_error(server: NatsServer) -> None:
    """While the server is away a fetch takes its timeout and brings nothing."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        await server.kill()
        await eventually(lambda: not bus.connected)
        assert await reader.fetch(10, timeout_seconds=0.1) == []
        assert reader.pending is None
