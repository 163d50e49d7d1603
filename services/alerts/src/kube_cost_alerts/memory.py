"""What people have been told, on the bus: changed by compare-and-set, so that of two processes one is right."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.alerts import AlertCursor, AlertIntent, AlertMemory
from kube_cost_common.messages.codec import DecodeError, RecordDecoder, encode
from kube_cost_common.messages.names import alert_cursor_key, alert_key, escape
from kube_cost_common.messages.streams import ALERTS
from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.kv import KvBucket, KvEntry
from kube_cost_common.runtime.kv_mirror import KvMirror

Change = Callable[[AlertMemory | None], AlertMemory]


class AlertBucket(Protocol):
    """The bucket `kce_alerts`. Everything raises BusError."""

    async def all(self) -> Mapping[str, KvEntry]:
        """Return all keys and their values."""
        ...

    async def get(self, key: str) -> KvEntry | None:
        """Return a key's value."""
        ...

    async def put(self, key: str, payload: bytes) -> int:
        """Set a key's value."""
        ...

    async def update(self, key: str, payload: bytes, *, revision: int) -> int:
        """Set a key's value where its revision is that one, 0 for none; BusError `conflict` where it isn't."""
        ...


class BusAlertBucket(KvBucket):
    """The bucket as it is on the bus."""

    def __init__(self, *, bus: Bus, clock: Clock, log: FilteringBoundLogger) -> None:
        super().__init__(bus=bus, name=ALERTS.name)
        self._mirror = KvMirror(bus=bus, bucket=ALERTS.name, clock=clock, log=log, on_change=lambda _: None)

    async def all(self) -> Mapping[str, KvEntry]:
        """Return all keys and their values; raise BusError."""
        return {key: values[-1] for key, values in (await self._mirror.history()).items() if values[-1].payload}


@dataclass(frozen=True, slots=True)
class _Held:
    record: AlertMemory | None
    revision: int


class Memory:
    """The memories of one cluster's budgets. `owner` is this process."""

    def __init__(self, *, cluster: str, owner: str, bucket: AlertBucket, log: FilteringBoundLogger) -> None:
        self._cluster = cluster
        self._owner = owner
        self._bucket = bucket
        self._log = log
        self._held: dict[str, _Held] = {}
        self._lock = asyncio.Lock()
        self._memories = RecordDecoder(AlertMemory)
        self._cursors = RecordDecoder(AlertCursor)

    async def load(self) -> AlertCursor | None:
        """Read everything; return up to where snapshots have been read, None where that was never noted.

        Raises BusError.
        """
        entries = await self._bucket.all()
        prefix = f"{escape(self._cluster)}."
        self._held = {}
        for key, entry in entries.items():
            if key.startswith(prefix):
                held = self._read(key, entry)
                if held.record is not None:
                    self._held[held.record.budget] = held
        noted = entries.get(alert_cursor_key(self._cluster))
        try:
            return None if noted is None else self._cursors.decode(noted.payload or b"")
        except DecodeError as error:
            self._log.warning("how far snapshots were read can't be read", error=str(error))
            return None

    def get(self, budget: str) -> AlertMemory | None:
        """Return what is remembered of a budget, as far as this process knows."""
        held = self._held.get(budget)
        return None if held is None else held.record

    def intents(self) -> list[tuple[str, AlertIntent]]:
        """Return what this process is to send, the oldest first, with the budgets."""
        found = [
            (budget, intent)
            for budget, held in self._held.items()
            for intent in (held.record.intents if held.record else [])
            if intent.owner == self._owner
        ]
        return sorted(found, key=lambda one: one[1].at_ns)

    async def take_over(self, *, before_ns: int) -> None:
        """Make what another process was to send before `before_ns` ours; raise BusError."""
        for budget, held in list(self._held.items()):
            if held.record and any(self._is_foreign(intent, before_ns) for intent in held.record.intents):
                await self.change(budget, partial(self._ours, before_ns=before_ns))

    async def change(self, budget: str, change: Change) -> AlertMemory:
        """Set what is remembered of a budget to `change` of what is; return it. Raises BusError.

        `change` is asked again where another process was faster.
        """
        async with self._lock:
            key = alert_key(self._cluster, budget)
            while True:
                held = self._held.get(budget, _Held(None, 0))
                now = change(held.record)
                if now == held.record or (held.record is None and not now.as_of_ns):
                    return now
                try:
                    revision = await self._bucket.update(key, encode(now), revision=held.revision)
                except BusError as error:
                    if error.reason != "conflict":
                        raise
                    entry = await self._bucket.get(key)
                    self._held[budget] = _Held(None, 0) if entry is None else self._read(key, entry)
                    continue
                self._held[budget] = _Held(now, revision)
                return now

    async def note_cursor(self, cursor: AlertCursor) -> None:
        """Remember how far snapshots have been read; raises BusError."""
        await self._bucket.put(alert_cursor_key(self._cluster), encode(cursor))

    def _read(self, key: str, entry: KvEntry) -> _Held:
        try:
            record = self._memories.decode(entry.payload or b"")
        except DecodeError as error:
            self._log.warning("what people were told of a budget can't be read", key=key, error=str(error))
            return _Held(None, entry.revision)
        if alert_key(record.cluster, record.budget) != key:
            self._log.warning("what people were told stands under another budget's key", key=key)
            return _Held(None, entry.revision)
        return _Held(record, entry.revision)

    def _is_foreign(self, intent: AlertIntent, before_ns: int) -> bool:
        return intent.owner != self._owner and intent.at_ns < before_ns

    def _ours(self, record: AlertMemory | None, *, before_ns: int) -> AlertMemory:
        assert record is not None, "it has intents"
        intents = [
            replace(intent, owner=self._owner) if self._is_foreign(intent, before_ns) else intent
            for intent in record.intents
        ]
        return replace(record, intents=intents)
