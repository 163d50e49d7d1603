"""Makes the streams and buckets that messages/streams.py describes, or waits for them."""

from collections.abc import Iterable
from typing import Any

from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.streams import Bucket, Stream
from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.clock import Clock

_RETRY_SECONDS = 1.0

# What a bucket is to NATS: a stream with the limits that nats.go's jetstream/kv.go gives it.
_BUCKET_DUPLICATE_WINDOW_SECONDS = 120


def bucket_stream(bucket: str) -> str:
    """Return the name of the stream that is the bucket."""
    return f"KV_{bucket}"


async def declare(bus: Bus, *, streams: Iterable[Stream], buckets: Iterable[Bucket], replicas: int = 1) -> None:
    """Make what isn't there, and widen what is smaller than described; nothing is ever made smaller.

    `replicas` is for what is made: 3 on a NATS cluster that is to outlive a server. Raises BusError, whose text says
    what is wrong, for a server that is too old as well.
    """
    if problem := bus.problem:
        raise BusError("unavailable" if bus.connected else "disconnected", problem)
    for config in [*(_stream_config(stream) for stream in streams), *(_bucket_config(bucket) for bucket in buckets)]:
        try:
            info = await bus.api(f"STREAM.INFO.{config['name']}")
        except BusError as error:
            if error.reason != "not_found":
                raise
            await bus.api(f"STREAM.CREATE.{config['name']}", {**config, "num_replicas": replicas})
            continue
        wanted = widened(info["config"], config)
        if wanted != info["config"]:
            await bus.api(f"STREAM.UPDATE.{config['name']}", wanted)


async def wait_for(
    bus: Bus,
    *,
    clock: Clock,
    log: FilteringBoundLogger,
    streams: Iterable[Stream] = (),
    buckets: Iterable[Bucket] = (),
) -> None:
    """Return when all of them are there: the aggregator makes them at its start."""
    for name in [*(stream.name for stream in streams), *(bucket_stream(bucket.name) for bucket in buckets)]:
        told = False
        while True:
            await bus.wait_connected()
            try:
                await bus.api(f"STREAM.INFO.{name}")
                break
            except BusError as error:
                if not told:
                    log.info("waiting for the aggregator to make a stream", stream=name, error=str(error))
                told = True
                await clock.sleep(_RETRY_SECONDS)


def widened(existing: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return `existing` with what is wanted of it, its limits being the wider ones of both; 0 and -1 are no limit."""
    merged = dict(existing)
    for key, value in wanted.items():
        if key in {"max_bytes", "max_age", "max_msgs_per_subject", "duplicate_window"}:
            merged[key] = _wider(existing.get(key, 0), value)
        elif key not in {"storage", "retention"}:  # can't be changed
            merged[key] = value
    return merged


def _wider(one: int, other: int) -> int:
    return one if one <= 0 else other if other <= 0 else max(one, other)


def _stream_config(stream: Stream) -> dict[str, Any]:
    return {
        "name": stream.name,
        "subjects": list(stream.subjects),
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_bytes": stream.max_bytes,
        "max_age": int(stream.max_age_seconds * 1e9),
        "duplicate_window": int(stream.duplicate_window_seconds * 1e9),
    }


def _bucket_config(bucket: Bucket) -> dict[str, Any]:
    return {
        "name": bucket_stream(bucket.name),
        "subjects": [f"$KV.{bucket.name}.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "max_bytes": bucket.max_bytes,
        "max_age": 0,
        "max_msgs_per_subject": bucket.history,
        "duplicate_window": _BUCKET_DUPLICATE_WINDOW_SECONDS * 10**9,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        "allow_direct": True,
    }
