"""Faults of nats-py that we work around. A test that fails here says that a cure of ours is no longer needed."""

import asyncio
from pathlib import Path

import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.transport import TcpTransport

from harness.nats import running_nats
from harness.proxy import running_proxy


async def _ignore(_error: Exception) -> None:
    """Nothing that upstream says of its own fault matters here."""


async def test_upstream_dies_of_a_late_pong(tmp_path: Path) -> None:
    """Its read loop is over while it says that it is connected; see NatsClient._process_pong and _read_loop."""
    async with running_nats(tmp_path) as server, running_proxy(server.port) as proxy:
        client = Client()
        await client.connect(proxy.url, error_cb=_ignore)
        proxy.hold_answers()
        with pytest.raises(nats.errors.TimeoutError):
            await client.flush(timeout=0.1)  # type: ignore[arg-type]
        proxy.release()
        with pytest.raises(nats.errors.TimeoutError):
            await client.request("$JS.API.INFO", timeout=0.5)
        assert client.is_connected
        await client.close()


async def test_upstream_hangs_in_close_when_the_peer_reads_nothing(tmp_path: Path) -> None:
    """It waits for the socket to close, for ever; see BoundedTransport."""
    async with running_nats(tmp_path) as server, running_proxy(server.port) as proxy:
        client = Client()
        await client.connect(proxy.url, error_cb=_ignore, flush_timeout=0.1)
        proxy.hold_requests()
        for _ in range(20):
            await client.publish("anything", bytes(900_000))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.0):
                await client.close()
        assert isinstance(client._transport, TcpTransport)
        assert client._transport._io_writer is not None
        client._transport._io_writer.transport.abort()
