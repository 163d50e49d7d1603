import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import structlog

from harness.nats import NatsServer, background, eventually, running_bus, running_nats
from kube_cost_common.messages.streams import BUCKETS, PRICES
from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare
from kube_cost_common.runtime.kv import KvBucket, KvEntry
from kube_cost_common.runtime.kv_mirror import KvMirror

KEY = "aws.us-east-1.=61.node.m5=2Elarge.linux.spot"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path) as running:
        yield running


@pytest.fixture
def seen() -> list[dict[str, bytes | None]]:
    """What `on_change` was called with."""
    return []


def new_mirror(bus: Bus, seen: list[dict[str, bytes | None]], *, relist_seconds: float = 300.0) -> KvMirror:
    def note(entries: Mapping[str, KvEntry]) -> None:
        seen.append({key: entry.payload for key, entry in entries.items()})

    return KvMirror(
        bus=bus,
        bucket=PRICES.name,
        clock=SystemClock(),
        log=structlog.get_logger(),
        on_change=note,
        relist_seconds=relist_seconds,
    )


async def test_a_value_is_read_back_with_its_revision_and_time(server: NatsServer) -> None:
    """`get` returns the last value put; a key without one is None."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        prices = KvBucket(bus=bus, name=PRICES.name)
        before_ns = SystemClock().now_ns()
        assert await prices.put(KEY, b"1") == 1
        assert await prices.put(KEY, b"") == 2
        entry = await prices.get(KEY)
        assert entry is not None
        assert (entry.payload, entry.revision) == (b"", 2)
        assert before_ns <= entry.created_ns <= SystemClock().now_ns()
        assert await prices.get("never") is None
        await prices.delete(KEY)
        assert await prices.get(KEY) is None


async def test_a_bucket_that_is_not_there_is_an_error(server: NatsServer) -> None:
    """It is no key without a value."""
    async with running_bus(server.url) as bus:
        prices = KvBucket(bus=bus, name=PRICES.name)
        with pytest.raises(BusError) as get:
            await prices.get(KEY)
        with pytest.raises(BusError) as put:
            await prices.put(KEY, b"1")
        assert (get.value.reason, put.value.reason) == ("not_found", "no_stream")


async def test_an_update_loses_to_a_faster_one(server: NatsServer) -> None:
    """Compare-and-set: a revision that is no longer the last is a conflict, and the other value stays."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        prices = KvBucket(bus=bus, name=PRICES.name)
        assert await prices.update(KEY, b"ours", revision=0) == 1
        assert await prices.update(KEY, b"theirs", revision=1) == 2
        with pytest.raises(BusError) as failure:
            await prices.update(KEY, b"ours again", revision=1)
        assert failure.value.reason == "conflict"
        entry = await prices.get(KEY)
        assert entry is not None
        assert entry.payload == b"theirs"


async def test_an_update_whose_answer_was_lost_is_taken_for_ours(server: NatsServer) -> None:
    """Its retry finds our own value there, and that is no conflict."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        prices = KvBucket(bus=bus, name=PRICES.name)
        await prices.put(KEY, b"before")
        first = await prices.update(KEY, b"ours", revision=1)
        assert await prices.update(KEY, b"ours", revision=1) == first


async def test_a_mirror_follows_values_and_deletions(server: NatsServer, seen: list[dict[str, bytes | None]]) -> None:
    """The first mapping is the complete list; each change makes a new one, and the old stays as it was."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        prices = KvBucket(bus=bus, name=PRICES.name)
        await prices.put("a", b"1")
        await prices.put("a", b"2")
        await prices.put("b", b"1")
        await prices.put("gone", b"1")
        await prices.delete("gone")
        mirror = new_mirror(bus, seen)
        async with background(mirror.run()):
            await eventually(lambda: seen == [{"a": b"2", "b": b"1"}])
            first = mirror.entries
            await prices.put("b", b"2")
            await eventually(lambda: len(seen) == 2)
            await prices.delete("a")
            await eventually(lambda: len(seen) == 3)
        assert seen[1:] == [{"a": b"2", "b": b"2"}, {"b": b"2"}]
        assert first["b"].payload == b"1"
        assert mirror.entries["b"].revision == 6


async def test_an_empty_bucket_is_a_complete_list(server: NatsServer, seen: list[dict[str, bytes | None]]) -> None:
    """Nobody waits for ever for the first price to know that there is none."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        mirror = new_mirror(bus, seen)
        async with background(mirror.run()):
            await eventually(lambda: mirror.listed)
        assert seen == [{}]


async def test_a_mirror_of_many_keys_is_complete_at_once(
    server: NatsServer, seen: list[dict[str, bytes | None]]
) -> None:
    """A list longer than one pull is never shown in part."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        async with asyncio.TaskGroup() as group:
            for number in range(1200):
                group.create_task(KvBucket(bus=bus, name=PRICES.name).put(f"key.{number}", b"1"))
        mirror = new_mirror(bus, seen)
        async with background(mirror.run()):
            await eventually(lambda: mirror.listed)
        assert [len(mapping) for mapping in seen] == [1200]


async def test_a_mirror_hears_again_soon_after_a_crash(server: NatsServer, seen: list[dict[str, bytes | None]]) -> None:
    """Values stay during the outage, and what is put after it arrives, without a second call for what didn't change."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        prices = KvBucket(bus=bus, name=PRICES.name)
        await prices.put("a", b"1")
        mirror = new_mirror(bus, seen)
        async with background(mirror.run()):
            await eventually(lambda: mirror.listed)
            await server.kill()
            await eventually(lambda: not bus.connected)
            assert mirror.entries["a"].payload == b"1"
            await server.start()
            await bus.wait_connected()
            await prices.put("b", b"1")
            await eventually(lambda: "b" in mirror.entries, seconds=8.0)
        assert seen == [{"a": b"1"}, {"a": b"1", "b": b"1"}]


async def test_a_mirror_hears_again_when_its_bucket_is_made_anew(
    server: NatsServer, seen: list[dict[str, bytes | None]]
) -> None:
    """The old values stay until there is a bucket again, and then go with it."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        prices = KvBucket(bus=bus, name=PRICES.name)
        await prices.put("old", b"1")
        mirror = new_mirror(bus, seen)
        async with background(mirror.run()):
            await eventually(lambda: mirror.listed)
            await bus.api(f"STREAM.DELETE.KV_{PRICES.name}")
            await eventually(lambda: mirror.errors > 0)
            assert "old" in mirror.entries
            await declare(bus, streams=[], buckets=BUCKETS)
            await prices.put("new", b"1")
            await eventually(lambda: "new" in mirror.entries, seconds=8.0)
        assert seen[-1] == {"new": b"1"}


async def test_a_mirror_lists_again_from_time_to_time(server: NatsServer, seen: list[dict[str, bytes | None]]) -> None:
    """A relist that finds nothing new calls nobody, leaves no consumer behind, and the following goes on."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        prices = KvBucket(bus=bus, name=PRICES.name)
        await prices.put("a", b"1")
        mirror = new_mirror(bus, seen, relist_seconds=0.01)
        async with background(mirror.run()):
            await eventually(lambda: mirror.relists >= 1)
            await prices.put("b", b"1")
            await eventually(lambda: "b" in mirror.entries)
        assert seen == [{"a": b"1"}, {"a": b"1", "b": b"1"}]
        assert (await bus.api(f"STREAM.INFO.KV_{PRICES.name}"))["state"]["consumer_count"] <= 1
        assert mirror.errors == 0


async def test_a_bucket_keeps_the_last_64_values_of_a_key_with_their_times(
    server: NatsServer, seen: list[dict[str, bytes | None]]
) -> None:
    """`history` returns them oldest first, a deletion as a value of None."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=[], buckets=BUCKETS)
        prices = KvBucket(bus=bus, name=PRICES.name)
        for number in range(69):
            await prices.put("a", str(number).encode())
        await prices.delete("a")
        await prices.put("b", b"1")
        history = await new_mirror(bus, seen).history()
        assert [entry.payload for entry in history["a"]] == [*(str(number).encode() for number in range(6, 69)), None]
        times = [entry.created_ns for entry in history["a"]]
        assert times == sorted(times)
        assert [entry.revision for entry in history["b"]] == [71]
