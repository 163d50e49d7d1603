import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from harness.nats import NatsServer, background, eventually, new_bus, running_bus, running_nats
from harness.proxy import running_proxy
from kube_cost_agent.publisher import DROPPED, QUEUE_SAMPLES, Publisher
from kube_cost_common.messages.codec import RecordDecoder
from kube_cost_common.messages.streams import STREAMS, USAGE
from kube_cost_common.messages.usage import PodUsage, UsageSample
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare
from kube_cost_common.runtime.health import Counters, Problems

_SECOND_NS = 1_000_000_000


class _HurriedClock(SystemClock):
    """The system's clock, that sleeps a twentieth of what it is asked to."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 20)


class _Parts:
    """A publisher, and what it tells."""

    def __init__(self, bus: Bus) -> None:
        self.counters = Counters()
        self.problems = Problems()
        self.stored = 0
        self.publisher = Publisher(
            bus=bus,
            clock=_HurriedClock(),
            now_ns=SystemClock().now_ns,
            counters=self.counters,
            problems=self.problems,
            log=structlog.get_logger(),
            on_stored=self._count,
        )

    def dropped(self) -> dict[str, float]:
        return {
            reading.labels["reason"]: reading.value for reading in self.counters.counts() if reading.name == DROPPED
        }

    def _count(self) -> None:
        self.stored += 1


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path) as running:
        yield running


def _sample(seq: int, pods: list[PodUsage] | None = None) -> UsageSample:
    return UsageSample(
        sent_at_ns=0,
        cluster="default",
        node="node-1.example",
        boot_id="b",
        session="00ff",
        seq=seq,
        start_ns=seq * _SECOND_NS,
        end_ns=(seq + 1) * _SECOND_NS,
        roots=[],
        pods=pods or [],
    )


def _large_sample(pods: int) -> UsageSample:
    return _sample(
        0,
        [
            PodUsage(
                uid=f"{index:032x}",
                namespace="n" * 63,
                name="p" * 253,
                since_ns=0,
                last_ns=0,
                ended=False,
                cpu_seconds=0.1,
                memory_byte_seconds=0.1,
            )
            for index in range(pods)
        ],
    )


async def _stored(bus: Bus) -> list[UsageSample]:
    """Return all samples that the stream holds, in its order, read one by one."""
    state = (await bus.api(f"STREAM.INFO.{USAGE.name}"))["state"]
    decoder = RecordDecoder(UsageSample)
    found = []
    for sequence in range(state["first_seq"], state["last_seq"] + 1):
        answer = await bus.api(f"STREAM.MSG.GET.{USAGE.name}", {"seq": sequence})
        found.append(decoder.decode(base64.b64decode(answer["message"]["data"])))
    return found


async def test_samples_are_stored_in_order_and_stamped_when_sent(server: NatsServer) -> None:
    """Each sample is in the stream once, in its order, with the time of its sending."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        parts = _Parts(bus)
        before_ns = SystemClock().now_ns()
        async with background(parts.publisher.run()):
            for seq in range(5):
                parts.publisher.offer(_sample(seq))
            await parts.publisher.flush()
        stored = await _stored(bus)
    assert [sample.seq for sample in stored] == [0, 1, 2, 3, 4]
    sent = [sample.sent_at_ns for sample in stored]
    assert sent == sorted(sent)
    assert sent[0] >= before_ns
    assert parts.stored == 5


async def test_a_bus_that_is_killed_and_comes_back_gets_every_sample_once_and_in_order(server: NatsServer) -> None:
    """Samples of three outages wait; none is lost, none is there twice, and the trouble is said and taken back."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        parts = _Parts(bus)
        seqs = iter(range(1000))
        async with background(parts.publisher.run()):
            for _ in range(3):
                for _ in range(5):
                    parts.publisher.offer(_sample(next(seqs)))
                await server.kill()
                for _ in range(5):
                    parts.publisher.offer(_sample(next(seqs)))
                await server.start()
                for _ in range(5):
                    parts.publisher.offer(_sample(next(seqs)))
                await eventually(lambda: parts.publisher.waiting == 0, seconds=60)
        stored = await _stored(bus)
    assert [sample.seq for sample in stored] == list(range(45))
    assert parts.dropped() == {}
    assert parts.problems.sentences() == []


async def test_a_sample_whose_acknowledgement_was_lost_is_stored_once(server: NatsServer) -> None:
    """The bus stores and its answer doesn't come: the retry has the same message id and adds nothing."""
    async with running_proxy(server.port) as proxy, running_bus(server.url) as reader:
        await declare(reader, streams=STREAMS, buckets=())
        async with running_bus(proxy.url, request_timeout_seconds=0.3) as bus:
            parts = _Parts(bus)
            async with background(parts.publisher.run()):
                parts.publisher.offer(_sample(0))
                await parts.publisher.flush()
                proxy.hold_answers()
                parts.publisher.offer(_sample(1))
                await eventually(lambda: bool(parts.problems.sentences()))
                proxy.release()
                parts.publisher.offer(_sample(2))
                await eventually(lambda: parts.publisher.waiting == 0)
        assert [sample.seq for sample in await _stored(reader)] == [0, 1, 2]


async def test_samples_wait_for_the_stream(server: NatsServer) -> None:
    """The aggregator makes the stream, perhaps later than the agents start."""
    async with running_bus(server.url) as bus:
        parts = _Parts(bus)
        async with background(parts.publisher.run()):
            parts.publisher.offer(_sample(0))
            await eventually(lambda: bool(parts.problems.sentences()))
            assert parts.publisher.waiting == 1
            await declare(bus, streams=STREAMS, buckets=())
            await eventually(lambda: parts.publisher.waiting == 0)
    assert parts.problems.sentences() == []


async def test_the_oldest_samples_are_dropped_and_counted_when_the_queue_is_full(server: NatsServer) -> None:
    """While the bus is away 60 samples wait; seven more push out the first seven, and the rest is stored in order."""
    bus = new_bus(server.url)
    parts = _Parts(bus)
    for seq in range(QUEUE_SAMPLES + 7):
        parts.publisher.offer(_sample(seq))
    assert parts.publisher.waiting == QUEUE_SAMPLES
    assert parts.dropped() == {"queue_full": 7}
    async with running_bus(server.url) as other:
        await declare(other, streams=STREAMS, buckets=())
        async with background(bus.run(), parts.publisher.run()):
            await eventually(lambda: parts.publisher.waiting == 0)
            await bus.close()
        assert [sample.seq for sample in await _stored(other)] == list(range(7, QUEUE_SAMPLES + 7))


async def test_a_dropped_sample_in_flight_is_counted_once_its_fate_is_known(server: NatsServer) -> None:
    """Pushed out of the full queue while its answer is awaited, and stored after all: nothing was lost."""
    async with running_proxy(server.port) as proxy, running_bus(server.url) as reader:
        await declare(reader, streams=STREAMS, buckets=())
        async with running_bus(proxy.url, request_timeout_seconds=5.0) as bus:
            parts = _Parts(bus)
            async with background(parts.publisher.run()):
                parts.publisher.offer(_sample(0))
                await parts.publisher.flush()
                proxy.hold_answers()
                parts.publisher.offer(_sample(1))
                await _eventually_stored(reader, 2)
                for seq in range(2, QUEUE_SAMPLES + 2):
                    parts.publisher.offer(_sample(seq))
                proxy.release()
                await eventually(lambda: parts.publisher.waiting == 0)
        assert parts.dropped() == {}
        assert [sample.seq for sample in await _stored(reader)] == list(range(QUEUE_SAMPLES + 2))


async def _eventually_stored(bus: Bus, count: int) -> None:
    for _ in range(1000):
        if len(await _stored(bus)) == count:
            return
        await SystemClock().sleep(0.01)
    raise TimeoutError


@pytest.mark.parametrize(
    ("pods", "max_payload"), [(4000, 8 * 2**20), (100, 16384)], ids=["for any reader", "for this server"]
)
async def test_a_sample_that_is_too_large_is_refused_and_counted(tmp_path: Path, pods: int, max_payload: int) -> None:
    """What no reader takes, or this server doesn't, is dropped with an error, and the next one is sent."""
    async with (
        running_nats(tmp_path, extra_config=f"max_payload: {max_payload}") as server,
        running_bus(server.url) as bus,
    ):
        await declare(bus, streams=STREAMS, buckets=())
        parts = _Parts(bus)
        async with background(parts.publisher.run()):
            parts.publisher.offer(_large_sample(pods))
            parts.publisher.offer(_sample(1))
            await eventually(lambda: parts.stored == 1)
        assert [sample.seq for sample in await _stored(bus)] == [1]
    assert parts.dropped() == {"too_large": 1}
