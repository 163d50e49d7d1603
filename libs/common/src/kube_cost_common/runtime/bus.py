"""The connection to NATS: made once, kept for ever, and honest about whether it is there."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, NoReturn

import msgspec
import nats.errors
from nats.aio.client import Server
from nats.aio.msg import Msg
from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.answers import Stored, api_answer, bus_error, stored
from kube_cost_common.runtime.bus_config import BusConfig
from kube_cost_common.runtime.bus_errors import BusClosedError, BusError, version_problem
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.nats_client import NatsClient
from kube_cost_common.runtime.subscription import Subscription

__all__ = ["Bus", "BusClosedError", "BusConfig", "BusError", "Stored"]


class Bus:
    """One process's connection to NATS.

    Counts for the status report: `errors` (whatever the client library reports), `permission_violations`,
    `dropped` (messages of a core subscription whose reader was too slow), `connects`.
    """

    def __init__(self, *, config: BusConfig, clock: Clock, log: FilteringBoundLogger) -> None:
        self._config = config
        self._clock = clock
        self._log = log
        self._client: NatsClient | None = None
        self._connected = asyncio.Event()
        self._closed = asyncio.Event()
        self._closing = False
        self._told: set[str] = set()
        self._last_error = ""
        self._subscriptions: list[Subscription] = []
        self._limits: set[asyncio.Timeout] = set()
        self._denials: deque[str] = deque(maxlen=64)
        self.errors = 0
        self.permission_violations = 0
        self.dropped = 0
        self.connects = 0
        self.disconnected_since_ns: int | None = clock.now_ns()

    @property
    def connected(self) -> bool:
        """Whether there is a connection that answers, as far as is known."""
        return self._client is not None and self._client.is_connected and self._connected.is_set()

    @property
    def problem(self) -> str | None:
        """A sentence that says what is wrong with the bus, or None."""
        if not self.connected or self._client is None:
            return f"the bus is away: {self._last_error}" if self._last_error else "the bus is away"
        return version_problem(self._client.server_version)

    async def wait_connected(self) -> None:
        """Return when there is a connection; at once if there is."""
        while not self.connected:
            self._connected.clear()  # the client knows of a lost connection a moment before it says so
            await self._connected.wait()

    async def run(self) -> NoReturn:
        """Connect, and stay connected, for ever. Raises BusClosedError where the server shuts us out for good."""
        attempt = 0
        while not await self._connect():
            await self._clock.sleep(self._config.reconnect_delay_seconds(attempt))
            attempt += 1
        await self._closed.wait()
        if not self._closing:
            raise BusClosedError(
                f"the bus has closed the connection for good: {self._client and self._client.last_error}"
            )
        await asyncio.Event().wait()  # closed because we asked: the service is ending and cancels this task
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Send what is left and close, within bounds. The tasks that use the bus have ended or been cancelled."""
        # Not drain(): it swallows the cancellation of a timeout, and then waits 10 s for a peer that hangs.
        self._closing = True
        client = self._client
        if client is None:
            return
        try:
            if client.is_connected:
                await client.flush(timeout=self._config.close_timeout_seconds)  # type: ignore[arg-type] # int there
            async with asyncio.timeout(self._config.close_timeout_seconds):
                await client.close()
        except (OSError, TimeoutError, nats.errors.Error) as error:
            self._log.warning("bus closed with messages unsent", error=repr(error))
        finally:
            client.abort()
            self._connected.clear()

    async def publish(self, subject: str, payload: bytes) -> None:
        """Publish at most once. Nobody says whether it arrived; raises BusError where it can't have."""
        client = self.client()
        try:
            async with self.while_connected(self._config.request_timeout_seconds):
                await client.publish(subject, payload)
        except (OSError, TimeoutError, nats.errors.Error) as error:
            raise bus_error(error, subject) from error

    async def publish_to_stream(self, subject: str, payload: bytes, *, message_id: str) -> Stored:
        """Publish and return where the message is stored. Raises BusError, after which it may be stored too.

        The server drops a message whose id it has seen within the stream's duplicate window, whoever sent that one: an
        id is unique to its message, and a retry repeats it.
        """
        return await self.store(subject, payload, headers={"Nats-Msg-Id": message_id})

    async def store(self, subject: str, payload: bytes, *, headers: dict[str, str]) -> Stored:
        """Publish with headers of JetStream and return where the message is stored; raises BusError."""
        return stored(await self._request(subject, payload, headers), subject)

    async def api(self, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask JetStream's API `name` ("STREAM.INFO.KCE_USAGE") and return its answer; raises BusError."""
        subject = f"$JS.API.{name}"
        return api_answer(await self._request(subject, msgspec.json.encode(body) if body else b"", None), subject)

    def subscribe(self, subject: str, *, queue_size: int = 1024) -> Subscription:
        """Return the messages of a core subject, from its first iteration on, across reconnects."""
        subscription = Subscription(connected_client=self._connected_client, subject=subject, queue_size=queue_size)
        self._subscriptions.append(subscription)
        return subscription

    def client(self) -> NatsClient:
        """Return the connected client; raises BusError where there is none."""
        if self._client is None or not self.connected:
            raise BusError("disconnected", "the bus is away")
        return self._client

    @contextlib.asynccontextmanager
    async def while_connected(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError within the block after `seconds`, or when the connection is lost: no answer comes then."""
        task = asyncio.current_task()
        assert task is not None
        cancellations = task.cancelling()
        async with asyncio.timeout(seconds) as limit:
            self._limits.add(limit)
            try:
                yield
                # nats-py swallows cancellations, and so does Python 3.11's wait_for in it when the answer is there too.
                if task.cancelling() > cancellations:
                    raise asyncio.CancelledError
            finally:
                self._limits.discard(limit)

    async def _connected_client(self) -> NatsClient:
        await self.wait_connected()
        return self.client()

    async def _connect(self) -> bool:
        config = self._config
        client = NatsClient(tls_context=config.tls_context if config.tls else None)
        try:
            await client.connect(
                **config.client_options(),
                allow_reconnect=False,  # the first connect is tried again by us, with a jitter
                reconnect_to_server_handler=self._next_server,
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_connected,
                closed_cb=self._on_closed,
            )
        except (OSError, TimeoutError, nats.errors.Error) as error:
            client.abort()
            self._tell(str(error) or repr(error))
            return False
        except asyncio.CancelledError:
            client.abort()
            raise
        client.options["allow_reconnect"] = True
        self._client = client
        await self._on_connected()
        return True

    def _next_server(self, servers: list[Server], _info: dict[str, Any]) -> tuple[Server, float]:
        # Chosen here, since upstream would try the first of them again and again.
        server = random.choice(servers)  # noqa: S311 - no secret
        return server, self._config.reconnect_delay_seconds(server.reconnects)

    async def _on_connected(self) -> None:
        self.connects += 1
        self._told.clear()
        self._last_error = ""
        away_ns = self._clock.now_ns() - (self.disconnected_since_ns or self._clock.now_ns())
        self.disconnected_since_ns = None
        self._connected.set()
        if self._client is not None:
            self._log.info("bus connected", server_version=self._client.server_version, away_seconds=away_ns / 1e9)
            if problem := version_problem(self._client.server_version):
                self._log.error("bus is not usable", error=problem)

    async def _on_disconnected(self) -> None:
        self._connected.clear()
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())
        if self.disconnected_since_ns is None:
            self.disconnected_since_ns = self._clock.now_ns()
            if not self._closing:
                self._log.warning("bus lost")

    async def _on_closed(self) -> None:
        self._closed.set()

    async def _on_error(self, error: Exception) -> None:
        # Called from within the client's read loop: what is raised here ends it.
        self.errors += 1
        text = str(error) or repr(error)
        if isinstance(error, nats.errors.SlowConsumerError):
            self.dropped += 1
            for subscription in self._subscriptions:
                subscription.count_drop(error.sub)
            text = f"slow consumer of {error.subject}"
        elif "permissions violation" in text:
            self.permission_violations += 1
            self._denials.append(text)
        self._tell(text)

    def _tell(self, text: str) -> None:
        self._last_error = text
        if text not in self._told and len(self._told) < 32:
            self._told.add(text)
            self._log.warning("bus error", error=text)

    async def _request(self, subject: str, payload: bytes, headers: Mapping[str, str] | None) -> Msg:
        client = self.client()
        seconds = self._config.request_timeout_seconds
        denials = self.permission_violations
        try:
            async with self.while_connected(seconds + 1.0):
                return await client.request(
                    subject, payload, timeout=seconds, headers=dict(headers) if headers else None
                )
        except (OSError, TimeoutError, nats.errors.Error) as error:
            if isinstance(error, TimeoutError) and self.permission_violations > denials:
                # What isn't allowed is never answered; the violation is only reported to the side.
                for text in self._denials:
                    if f'"{subject.lower()}"' in text:
                        raise BusError("denied", text) from error
            raise bus_error(error, subject) from error
