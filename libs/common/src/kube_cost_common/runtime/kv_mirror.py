"""All of a bucket in memory, kept up to date through outages and through a bucket made anew.

nats-py's own watch is deaf for 10 to 20 s after a short outage, and for ever if the bucket was made anew. This one
pulls, lists everything again after a reconnect, a lost delivery and every five minutes, and swaps the whole mapping.
"""

import contextlib
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.declarations import bucket_stream
from kube_cost_common.runtime.deliveries import Delivery, delete_consumer, make_consumer, pull
from kube_cost_common.runtime.kv import KvEntry, entry_of

RELIST_SECONDS = 300.0
"""After so long everything is read again, so that no fault of a watch lasts longer."""

_RETRY_SECONDS = 0.5
_BATCH = 512
_WAIT_SECONDS = 2.0
_INACTIVE_NS = 60 * 10**9

OnChange = Callable[[Mapping[str, KvEntry]], None]


class KvMirror:
    """Keeps `entries`, the keys of a bucket and their values; deleted keys aren't among them.

    `on_change` is called with each new mapping, first with the first complete list, be it empty. `listed` says
    whether there was one. `relists` and `errors` are for the status report.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        bucket: str,
        clock: Clock,
        log: FilteringBoundLogger,
        on_change: OnChange,
        relist_seconds: float = RELIST_SECONDS,
    ) -> None:
        self._bus = bus
        self._bucket = bucket
        self._stream = bucket_stream(bucket)
        self._clock = clock
        self._log = log
        self._on_change = on_change
        self._relist_seconds = relist_seconds
        self.entries: Mapping[str, KvEntry] = MappingProxyType({})
        self.listed = False
        self.relists = 0
        self.errors = 0
        self._failing = False

    async def run(self) -> NoReturn:
        """Follow the bucket for ever; while it or the bus is away, `entries` stay as they were."""
        while True:
            await self._bus.wait_connected()
            try:
                await self._follow()
                self.relists += 1
            except BusError as error:
                self.errors += 1
                if not self._failing:
                    self._failing = True
                    self._log.warning("bucket can't be read", bucket=self._bucket, error=str(error))
                await self._clock.sleep(_RETRY_SECONDS)

    async def history(self) -> Mapping[str, tuple[KvEntry, ...]]:
        """Return all the values that the bucket keeps of each key, oldest first, deletions too; raises BusError."""
        values: dict[str, list[KvEntry]] = {}
        consumer, pending = await self._make_consumer("all")
        read = 0
        while pending:
            deliveries = await self._pull(consumer, read, wait_seconds=0.0)
            for delivery in deliveries:
                values.setdefault(self._key(delivery), []).append(entry_of(delivery))
            read += len(deliveries)
            pending = deliveries[-1].num_pending if deliveries else 0
        await self._delete_consumer(consumer)
        return MappingProxyType({key: tuple(entries) for key, entries in values.items()})

    async def _follow(self) -> None:
        """List the bucket and follow its changes; return when it is time to list it again."""
        connection, started = self._bus.connects, self._clock.monotonic()
        consumer, pending = await self._make_consumer("last_per_subject")
        entries: dict[str, KvEntry] = {}
        read = 0
        complete = pending == 0
        if complete:
            self._swap({})
        while self._bus.connects == connection:
            deliveries = await self._pull(consumer, read, wait_seconds=_WAIT_SECONDS)
            read += len(deliveries)
            for delivery in deliveries:
                entry = entry_of(delivery)
                if entry.payload is None:
                    entries.pop(self._key(delivery), None)
                else:
                    entries[self._key(delivery)] = entry
            complete = complete or not deliveries or deliveries[-1].num_pending == 0
            if complete:
                self._swap(entries)
                if self._clock.monotonic() - started >= self._relist_seconds:
                    break
        await self._delete_consumer(consumer)

    def _swap(self, entries: dict[str, KvEntry]) -> None:
        if self._failing:
            self._failing = False
            self._log.info("bucket is read again", bucket=self._bucket)
        if self.listed and entries == self.entries:
            return
        self.listed = True
        self.entries = MappingProxyType(dict(entries))
        self._on_change(self.entries)

    def _key(self, delivery: Delivery) -> str:
        return delivery.subject.removeprefix(f"$KV.{self._bucket}.")

    async def _make_consumer(self, deliver_policy: str) -> tuple[str, int]:
        """Return the name of a new consumer and how many messages it has to deliver."""
        name = f"mirror-{secrets.token_hex(8)}"
        pending = await make_consumer(
            self._bus,
            stream=self._stream,
            name=name,
            filter_subject=f"$KV.{self._bucket}.>",
            config={
                "deliver_policy": deliver_policy,
                "ack_policy": "none",
                "inactive_threshold": _INACTIVE_NS,
                "mem_storage": True,
                "num_replicas": 1,
            },
        )
        return name, pending

    async def _pull(self, consumer: str, read: int, *, wait_seconds: float) -> list[Delivery]:
        pulled = await pull(self._bus, stream=self._stream, consumer=consumer, batch=_BATCH, wait_seconds=wait_seconds)
        if pulled.lost_consumer or not pulled.ended_in_order:
            raise BusError("unavailable", f"{self._stream}: {pulled.status}")
        sequences = [delivery.consumer_sequence for delivery in pulled.deliveries]
        if sequences != list(range(read + 1, read + 1 + len(sequences))):
            raise BusError("unavailable", f"{self._stream}: a delivery was lost")
        return pulled.deliveries

    async def _delete_consumer(self, name: str) -> None:
        # The server does it by itself after a minute.
        with contextlib.suppress(BusError):
            await delete_consumer(self._bus, stream=self._stream, name=name)
