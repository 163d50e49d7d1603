"""Messages of a core subject, in a bounded queue."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import nats.errors

from kube_cost_common.runtime.nats_client import NatsClient

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription as NatsSubscription


class Subscription:
    """Iterate over it for pairs of subject and payload. `dropped` counts those that its reader was too slow for."""

    def __init__(self, *, connected_client: Callable[[], Awaitable[NatsClient]], subject: str, queue_size: int) -> None:
        self._connected_client = connected_client
        self._subject = subject
        self._queue_size = queue_size
        self._inner: NatsSubscription | None = None
        self.dropped = 0

    def count_drop(self, inner: object) -> None:
        """Count a message that the client library dropped, if it was ours."""
        if inner is self._inner:
            self.dropped += 1

    async def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]:
        """Subscribe as soon as there is a connection, and yield subject and payload until the bus is closed."""
        client = await self._connected_client()
        inner = await client.subscribe(self._subject, pending_msgs_limit=self._queue_size)
        self._inner = inner
        try:
            async for message in inner.messages:
                yield message.subject, message.data
        finally:
            self._inner = None
            if not client.is_closed:
                with contextlib.suppress(nats.errors.Error):
                    await inner.unsubscribe()
