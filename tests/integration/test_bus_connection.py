import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import nats.errors
import pytest
from nats.aio.client import Client
from structlog.testing import capture_logs

from harness.nats import NatsServer, background, eventually, new_bus, running_bus, running_nats
from harness.proxy import TcpProxy, running_proxy
from kube_cost_common.runtime.bus import Bus, BusClosedError, BusError


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path) as running:
        yield running


@pytest.fixture
async def proxy(server: NatsServer) -> AsyncIterator[TcpProxy]:
    async with running_proxy(server.port) as running:
        yield running


async def next_of(messages: AsyncIterator[tuple[str, bytes]]) -> tuple[str, bytes]:
    return await anext(messages)


async def test_a_service_is_up_before_its_bus(tmp_path: Path) -> None:
    """The first connect is tried until there is a server; the trouble is logged once, not at each try."""
    server = NatsServer(tmp_path)
    bus = new_bus(server.url)
    with capture_logs() as logs:
        async with background(bus.run()):
            await eventually(lambda: bus.errors > 3)
            assert not bus.connected
            assert bus.problem is not None
            assert "the bus is away: [Errno 111]" in bus.problem
            assert bus.disconnected_since_ns is not None
            try:
                await server.start()
                await eventually(lambda: bus.connected)
                assert bus.disconnected_since_ns is None
                assert bus.problem is None
            finally:
                await bus.close()
                await server.kill()
    assert [entry["event"] for entry in logs] == ["bus error", "bus connected"]


async def test_a_server_that_says_nothing_does_not_hang_the_first_connect(proxy: TcpProxy) -> None:
    """A peer that accepts and never greets is given up, and the next try succeeds."""
    proxy.hold_answers()
    bus = new_bus(proxy.url, connect_timeout_seconds=0.3)
    async with background(bus.run()):
        await eventually(lambda: bus.errors >= 2)
        proxy.release()
        await eventually(lambda: bus.connected)
        await bus.close()
    assert bus.connects == 1


async def test_a_server_that_is_no_nats_server_is_tried_again() -> None:
    """A greeting that makes no sense is a failed try, not the end of the task."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 INFO\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as impostor:
        bus = new_bus(f"nats://127.0.0.1:{impostor.sockets[0].getsockname()[1]}")
        async with background(bus.run()) as (running,):
            await eventually(lambda: bus.errors >= 3)
            assert not running.done()


async def test_a_late_pong_does_not_end_the_read_loop(proxy: TcpProxy) -> None:
    """After a flush that timed out, its PONG comes, and answers go on arriving on the same connection."""
    async with running_bus(proxy.url) as bus:
        proxy.hold_answers()
        with pytest.raises(nats.errors.TimeoutError):
            await bus.client().flush(timeout=0.1)  # type: ignore[arg-type]
        proxy.release()
        assert "memory" in await bus.api("INFO")
        assert bus.connects == 1


async def test_a_read_loop_that_ends_is_a_lost_connection(proxy: TcpProxy) -> None:
    """An exception that nobody expected in the read loop leads to a reconnect, not to a deaf client."""
    async with running_bus(proxy.url) as bus:
        client = bus.client()
        client._process_pong = lambda: Client._process_pong(client)  # type: ignore[method-assign] # upstream's fault
        proxy.hold_answers()
        with pytest.raises(nats.errors.TimeoutError):
            await client.flush(timeout=0.1)  # type: ignore[arg-type]
        proxy.release()
        await eventually(lambda: bus.connects == 2)
        assert "memory" in await bus.api("INFO")


async def test_a_peer_that_reads_nothing_does_not_hang_close(proxy: TcpProxy) -> None:
    """With megabytes unsent, close cuts the connection off after its timeouts."""
    async with running_bus(proxy.url, request_timeout_seconds=0.1) as bus:
        proxy.hold_requests()
        for _ in range(20):
            with contextlib.suppress(BusError):
                await bus.publish("anything", bytes(900_000))
        async with asyncio.timeout(6.0):
            await bus.close()
        assert not bus.connected


async def test_a_peer_that_hangs_is_left_for_one_that_answers(proxy: TcpProxy) -> None:
    """A connection whose other end is stuck, with megabytes unsent, is given up after two pings, and a new one made."""
    async with running_bus(proxy.url, request_timeout_seconds=0.1, ping_interval_seconds=0.1) as bus:
        proxy.hold_requests()
        for _ in range(20):
            with contextlib.suppress(BusError):
                await bus.publish("anything", bytes(900_000))
        proxy.strand()
        await eventually(lambda: bus.connects > 1)


async def test_close_sends_what_was_published(server: NatsServer) -> None:
    """A core message published just before close is heard."""
    async with running_bus(server.url) as listening, running_bus(server.url) as talking:
        messages = aiter(listening.subscribe("last.words"))
        async with asyncio.TaskGroup() as group:
            heard = group.create_task(next_of(messages))
            await eventually(lambda: len(listening.client()._subs) == 1)
            await listening.client().flush()
            await talking.publish("last.words", b"bye")
            await talking.close()
        assert heard.result() == ("last.words", b"bye")


async def test_a_lost_server_is_reconnected_to_and_told_once(server: NatsServer) -> None:
    """Loss and recovery are one line each, and publishing meanwhile fails at once."""
    async with running_bus(server.url) as bus:
        with capture_logs() as logs:
            await server.kill()
            await eventually(lambda: not bus.connected)
            with pytest.raises(BusError) as failure:
                await bus.publish("anything", b"")
            errors = bus.errors
            await eventually(lambda: bus.errors > errors + 3)
            await server.start()
            await bus.wait_connected()
        assert failure.value.reason == "disconnected"
        events = [entry["event"] for entry in logs if entry["event"] != "bus error"]
        assert events == ["bus lost", "bus connected"]
        assert len([entry for entry in logs if "Connect call failed" in entry.get("error", "")]) == 1


async def test_one_server_of_several_that_is_gone_does_not_matter(server: NatsServer, tmp_path: Path) -> None:
    """The reconnect doesn't insist on the first of the servers."""
    gone = NatsServer(tmp_path)
    async with running_bus(gone.url, server.url) as bus:
        for connects in (2, 3, 4, 5):
            bus.client()._transport.abort()  # type: ignore[union-attr]
            await eventually(lambda connects=connects: bus.connects == connects)  # type: ignore[misc]


async def test_a_server_that_shuts_us_out_for_good_ends_the_task() -> None:
    """An error of the server on a live connection closes the client library's for good: nobody would hear of it."""

    async def shut_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"version":"2.15.1","max_payload":1048576,"headers":true}\r\n')
        while not (await reader.readline()).startswith(b"PING"):
            pass
        writer.write(b"PONG\r\n")
        await asyncio.sleep(0.1)
        writer.write(b"-ERR 'User Authentication Revoked'\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(shut_out, "127.0.0.1", 0) as server:
        bus = new_bus(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(BusClosedError, match="user authentication revoked"):
            async with asyncio.timeout(10.0):
                await bus.run()


async def test_a_user_that_is_removed_and_put_back_is_connected_again(tmp_path: Path) -> None:
    """Meanwhile the problem says that it is the authorization."""
    users = 'authorization {{ users = [ {{ user: "other", password: "x" }} {} ] }}'
    ours = ', { user: "us", password: "x" }'
    async with (
        running_nats(tmp_path, extra_config=users.format(ours)) as server,
        running_bus(f"nats://us:x@127.0.0.1:{server.port}") as bus,
    ):
        server.extra_config = users.format("")
        server.reload()
        await eventually(lambda: "Authorization Violation" in (bus.problem or ""))
        server.extra_config = users.format(ours)
        server.reload()
        await eventually(lambda: bus.connects == 2)


async def test_what_a_user_may_not_do_is_counted_and_said(tmp_path: Path) -> None:
    """A denied core publish is only counted; a denied one to a stream is an error of its own reason, not a timeout."""
    users = """authorization { users = [ { user: "us", password: "x", permissions {
        publish: ["allowed.>"], subscribe: ["_INBOX_us.>"] } } ] }"""
    async with (
        running_nats(tmp_path, extra_config=users) as server,
        running_bus(
            f"nats://us:x@127.0.0.1:{server.port}", inbox_prefix="_INBOX_us", request_timeout_seconds=0.5
        ) as bus,
    ):
        await bus.publish("denied.Subject", b"")
        await eventually(lambda: bus.permission_violations == 1)
        with pytest.raises(BusError) as denied:
            await bus.publish_to_stream("denied.Subject", b"", message_id="1")
        with pytest.raises(BusError) as no_stream:
            await bus.publish_to_stream("allowed.subject", b"", message_id="1")
        assert (denied.value.reason, no_stream.value.reason) == ("denied", "no_stream")
        assert bus.permission_violations == 2


async def test_a_reader_too_slow_for_its_subject_loses_counted_messages(server: NatsServer) -> None:
    """What doesn't fit the queue is dropped, counted, and the rest is read in order."""
    async with running_bus(server.url) as bus:
        subscription = bus.subscribe("busy", queue_size=10)
        messages = aiter(subscription)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(next_of(messages))
            await eventually(lambda: len(bus.client()._subs) == 1)
            await bus.publish("busy", b"0")
        assert first.result() == ("busy", b"0")
        for number in range(1, 26):
            await bus.publish("busy", str(number).encode())
        await eventually(lambda: subscription.dropped == 15)
        assert [(await anext(messages))[1] for _ in range(10)] == [str(number).encode() for number in range(1, 11)]
        assert bus.dropped == 15


async def test_a_subscription_outlives_its_server(server: NatsServer) -> None:
    """After a restart of the server, messages arrive again."""
    async with running_bus(server.url) as bus:
        messages = aiter(bus.subscribe("status"))
        async with asyncio.TaskGroup() as group:
            heard = group.create_task(next_of(messages))
            await eventually(lambda: len(bus.client()._subs) == 1)
            await server.restart()
            await eventually(lambda: bus.connects == 2)
            await bus.publish("status", b"back")
        assert heard.result() == ("status", b"back")


async def test_a_cancellation_is_never_swallowed(server: NatsServer) -> None:
    """A task that is cancelled in the very moment of an answer ends; upstream goes on as if nothing had been."""

    async def ask_for_ever(bus: Bus) -> None:
        while True:
            await bus.api("INFO")

    async with running_bus(server.url) as bus, asyncio.timeout(10.0):
        for turns in range(300):
            async with background(ask_for_ever(bus)):
                for _ in range(turns % 30):
                    await asyncio.sleep(0)
                await asyncio.sleep(0.0005)
