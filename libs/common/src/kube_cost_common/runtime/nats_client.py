"""nats-py's client with the faults cured that we can't live with. Each cure has a test in tests/integration.

What is overridden here is private to nats-py 2.16; `test_bus_upstream.py` there says which of the faults upstream still
has, so that a cure that is no longer needed shows.
"""

import asyncio
import ssl
from collections.abc import Callable

import nats.errors
from nats.aio.client import DEFAULT_BUFFER_SIZE, Client, Srv
from nats.aio.transport import TcpTransport

TRANSPORT_CLOSE_SECONDS = 1.0
"""How long a socket may take to close in order before it is cut off."""


class BoundedTransport(TcpTransport):
    """A TCP transport whose end doesn't wait for ever for a peer that hangs."""

    def abort(self) -> None:
        """Cut the connection off, unsent bytes and all."""
        if self._io_writer is not None:
            self._io_writer.transport.abort()

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self._io_writer is not None and self._io_writer.get_extra_info("ssl_object") is not None

    async def wait_closed(self) -> None:
        """Return when the connection is closed, at the latest after a second."""
        try:
            async with asyncio.timeout(TRANSPORT_CLOSE_SECONDS):
                await super().wait_closed()  # type: ignore[no-untyped-call]
        except (TimeoutError, OSError):
            self.abort()


class NatsClient(Client):
    """A client whose connection is either alive or known not to be.

    `tls_context` makes the TLS context anew at each connect, so that a changed CA file counts without a restart; with
    it nothing, credentials least of all, is ever sent in plaintext.
    """

    def __init__(self, *, tls_context: Callable[[], ssl.SSLContext] | None = None) -> None:
        super().__init__()
        self._tls_context = tls_context

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The TLS context of the next handshake."""
        return self._tls_context() if self._tls_context is not None else ssl.create_default_context()

    @property
    def server_version(self) -> str:
        """The version of the server that we are, or were last, connected to; empty before."""
        return str(self._server_info.get("version", ""))

    def abort(self) -> None:
        """Cut off whatever is left of the connection."""
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task, self._reconnection_task):
            if task is not None:
                task.cancel()
        if isinstance(self._transport, BoundedTransport):
            self._transport.abort()

    async def _select_next_server(self) -> None:
        # Only the first connect comes here. Upstream tries on for ever in it, without jitter; we try once and say so.
        server = self._server_pool.pop(0)
        self._server_pool.append(server)
        self._current_server = server
        await self._connect_to_server(server)

    async def _connect_to_server(self, s: Srv) -> None:
        # A connect that broke halfway leaves its tasks and its socket behind: two read loops on one stream end both.
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None:
                task.cancel()
        if isinstance(self._transport, BoundedTransport):
            self._transport.abort()
        self._transport = BoundedTransport()  # type: ignore[no-untyped-call]
        await self._transport.connect(s.uri, DEFAULT_BUFFER_SIZE, self.options["connect_timeout"])

    async def _process_connect_init(self) -> None:
        # Any other exception than these three would end the reconnection for good.
        try:
            await super()._process_connect_init()
        except (OSError, TimeoutError, nats.errors.Error):
            raise
        except Exception as error:
            raise nats.errors.Error(f"no NATS server answers: {error!r}") from error

    def _connect_command(self) -> bytes:
        if self._tls_context is not None and not (
            isinstance(self._transport, BoundedTransport) and self._transport.encrypted
        ):
            raise nats.errors.Error("TLS is configured and the server offers none")
        return super()._connect_command()

    async def _process_pong(self) -> None:
        # Upstream sets a result on the future of a flush that timed out, and dies of it.
        if self._pongs:
            future = self._pongs.pop(0)
            if not future.done():
                future.set_result(True)
            self._pongs_received += 1
            self._pings_outstanding = 0

    async def _read_loop(self) -> None:
        # Upstream logs what it didn't expect and stops reading, still connected.
        await super()._read_loop()
        if self._status == Client.CONNECTED and self._reading_task is asyncio.current_task():
            await self._process_op_err(nats.errors.UnexpectedEOF())
