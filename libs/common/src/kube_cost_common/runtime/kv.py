"""Key-value buckets: written, and read key by key. `kv_mirror` has all of one in memory."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.declarations import bucket_stream
from kube_cost_common.runtime.deliveries import Delivery, unix_ns

_OPERATION = "KV-Operation"
_MARKER_REASON = "Nats-Marker-Reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class KvEntry:
    """One value of a key. `payload` is None where it says that the key was deleted; `created_ns` is the server's."""

    payload: bytes | None
    revision: int
    created_ns: int


class KvBucket:
    """One bucket, which the aggregator has made."""

    def __init__(self, *, bus: Bus, name: str) -> None:
        self._bus = bus
        self._name = name

    async def put(self, key: str, payload: bytes) -> int:
        """Set the value of a key and return its revision; raises BusError, after which it may be set all the same."""
        return await self._store(key, payload, {})

    async def update(self, key: str, payload: bytes, *, revision: int) -> int:
        """Set the value where its revision is still that one, 0 for none; return the new revision.

        Raises BusError: `conflict` where somebody else was faster. Our own write whose answer got lost is none.
        """
        try:
            return await self._store(key, payload, {"Nats-Expected-Last-Subject-Sequence": str(revision)})
        except BusError as error:
            if error.reason != "conflict":
                raise
            current = await self.get(key)
            if current is None or current.payload != payload or current.revision <= revision:
                raise
            return current.revision

    async def delete(self, key: str) -> None:
        """Delete a key, whether or not it is there; raises BusError."""
        await self._store(key, b"", {_OPERATION: "DEL"})

    async def get(self, key: str) -> KvEntry | None:
        """Return the value of a key, or None where it has none; raises BusError."""
        stream = bucket_stream(self._name)
        try:
            answer = await self._bus.api(f"STREAM.MSG.GET.{stream}", {"last_by_subj": f"$KV.{self._name}.{key}"})
        except BusError as error:
            # err_code 10037 is "no message found"; a bucket that isn't there is 404 as well, and a fault.
            if error.reason == "not_found" and "no message found" in error.detail:
                return None
            raise
        message = answer["message"]
        if _OPERATION.encode() in (headers := base64.b64decode(message.get("hdrs", ""))) or (
            _MARKER_REASON.encode() in headers
        ):
            return None
        return KvEntry(
            payload=base64.b64decode(message.get("data", "")),
            revision=message["seq"],
            created_ns=unix_ns(message["time"]),
        )

    async def _store(self, key: str, payload: bytes, headers: Mapping[str, str]) -> int:
        stored = await self._bus.store(f"$KV.{self._name}.{key}", payload, headers=dict(headers))
        return stored.sequence


def entry_of(delivery: Delivery) -> KvEntry:
    """Return the value that a message of the bucket's stream sets; also what the server says itself of expired keys."""
    deleted = _OPERATION in delivery.headers or _MARKER_REASON in delivery.headers
    return KvEntry(
        payload=None if deleted else delivery.payload,
        revision=delivery.stream_sequence,
        created_ns=delivery.stored_at_ns,
    )
