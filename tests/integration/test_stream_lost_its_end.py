"""A server that crashed before its files were synced has lost the end of a stream, and gives its sequences again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from harness.forgetful import ForgetfulServer
from harness.nats import NatsServer, eventually, running_bus, running_nats
from kube_cost_common.messages.streams import STREAMS, USAGE
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare
from kube_cost_common.runtime.pull import Message, PullReader

SUBJECT = "kce.v1.usage.cluster.node"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path) as running:
        yield running


def new_reader(bus: Bus) -> PullReader:
    return PullReader(
        bus=bus,
        stream=USAGE.name,
        consumer="aggregator-0",
        clock=SystemClock(),
        log=structlog.get_logger(),
        ack_wait_seconds=60.0,
    )


async def publish(bus: Bus, first: int, last: int, *, size: int = 0) -> None:
    await eventually(lambda: bus.connected)
    for number in range(first, last + 1):
        await bus.publish_to_stream(SUBJECT, str(number).encode().ljust(size), message_id=str(number))


async def read(reader: PullReader, count: int) -> list[Message]:
    messages: list[Message] = []
    async with asyncio.timeout(30.0):
        while len(messages) < count:
            messages += await reader.fetch(50, timeout_seconds=0.5)
    return messages


def payloads(messages: list[Message]) -> list[int]:
    return [int(message.payload) for message in messages]


async def lose(bus: Bus, server: NatsServer) -> list[Message]:
    """Publish 1 to 3, which are kept, and 4 to 6, which are lost after they were read; return what was read."""
    forgetful = ForgetfulServer(server)
    await declare(bus, streams=STREAMS, buckets=[])
    await publish(bus, 1, 3)
    await forgetful.remember()
    await publish(bus, 4, 6)
    messages = await read(new_reader(bus), 6)
    await forgetful.crash()
    await eventually(lambda: bus.connected)
    return messages


@pytest.mark.parametrize("published", [1, 3, 5, 20])
async def test_sequences_given_again_are_read_and_nothing_twice(server: NatsServer, published: int) -> None:
    """However many messages came before the reader looks again: fewer than were lost, as many, or more."""
    forgetful = ForgetfulServer(server)
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        await publish(bus, 1, 3)
        await forgetful.remember()
        await publish(bus, 4, 6)
        for message in await read(reader, 6):
            await message.ack()
        await forgetful.crash()
        await publish(bus, 101, 100 + published)
        new = await read(reader, published)
        assert payloads(new) == list(range(101, 101 + published))
        assert [message.stream_sequence for message in new] == list(range(4, 4 + published))
        await publish(bus, 201, 202)
        assert payloads(await read(reader, 2)) == [201, 202]
        assert reader.discarded == 0


@pytest.mark.parametrize("published", [1, 3, 5])
async def test_a_cursor_knows_its_message_by_its_time(server: NatsServer, published: int) -> None:
    """A reader that begins anew with a cursor from before the crash, as an aggregator does with its ledger's."""
    async with running_bus(server.url) as bus:
        last = (await lose(bus, server))[-1]
        await publish(bus, 101, 100 + published)
        reader = new_reader(bus)
        reader.restart_after(6, stream_created_ns=last.stream_created_ns, stored_at_ns=last.stored_at_ns)
        assert payloads(await read(reader, published)) == list(range(101, 101 + published))


async def test_without_a_time_a_cursor_beyond_the_end_waits_for_what_comes(server: NatsServer) -> None:
    """A ledger of an older version: what comes from then on is read."""
    async with running_bus(server.url) as bus:
        last = (await lose(bus, server))[-1]
        reader = new_reader(bus)
        reader.restart_after(6, stream_created_ns=last.stream_created_ns)
        assert await reader.fetch(10, timeout_seconds=0.1) == []
        await publish(bus, 101, 102)
        assert payloads(await read(reader, 2)) == [101, 102]


async def test_a_cursor_that_is_right_is_gone_on_from(server: NatsServer) -> None:
    """Nothing is lost in a crash of the process alone, and nothing is read again; large messages are looked at too."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        await publish(bus, 1, 3, size=900_000)
        await read(reader, 3)
        await server.restart()
        await publish(bus, 4, 5, size=900_000)
        assert payloads(await read(reader, 2)) == [4, 5]
        assert reader.restarts == 2


async def test_a_cursor_whose_message_is_discarded_is_gone_on_from(server: NatsServer) -> None:
    """Its age has come: what follows it is what comes next."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=[])
        reader = new_reader(bus)
        await publish(bus, 1, 3)
        await read(reader, 3)
        await bus.api(f"STREAM.PURGE.{USAGE.name}")
        await server.restart()
        await publish(bus, 4, 5)
        assert payloads(await read(reader, 2)) == [4, 5]
        assert reader.discarded == 0
