"""Samples on a real bus become rows of a real ledger, in order, each once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from harness import rows
from harness.forgetful import ForgetfulServer
from harness.intake import Aggregator
from harness.nats import NatsServer, background, eventually, running_bus, running_nats
from harness.records import MINUTE, SECOND, FakeKernel, node_facts
from kube_cost_aggregator.state.settlement import Patience
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.streams import STREAMS, USAGE
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare

TEN_MINUTES = 10 * MINUTE
MILLISECOND = 1_000_000
"""About what a sample is on its way."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with running_nats(tmp_path) as running:
        yield running


@pytest.fixture
async def aggregator(server: NatsServer, tmp_path: Path) -> AsyncIterator[Aggregator]:
    """One that isn't started, on a bus with its streams."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        made = Aggregator(bus, tmp_path, SystemClock().now_ns() - TEN_MINUTES)
        yield made
        made.store.close()


async def test_samples_are_settled_in_order_and_acknowledged(aggregator: Aggregator) -> None:
    """Each is committed, then acknowledged, and nothing waits any more."""
    intake = await aggregator.start()
    for minute in range(1, 6):
        await aggregator.publish(aggregator.sample(minute))
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 5.0)
        await eventually(lambda: aggregator.reader.pending == 0)
        await aggregator.acknowledged(5)
    assert aggregator.count("kube_cost_samples_received_total") == 5
    assert aggregator.ledger.stream is not None
    assert aggregator.ledger.stream[1] == 5
    aggregator.check(5)


async def test_nothing_is_acknowledged_before_it_is_committed(aggregator: Aggregator) -> None:
    """A ledger that is full stops the intake, shows nothing, and loses nothing; it goes on when there is room."""
    intake = await aggregator.start()
    await aggregator.publish(aggregator.sample(1))
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 1.0)
        aggregator.store.full = True
        for minute in (2, 3, 4):
            await aggregator.publish(aggregator.sample(minute))
        await eventually(lambda: aggregator.store.refused > 5)
        assert aggregator.settled_minutes == 1.0
        assert (await aggregator.consumer())["acknowledged"] == 1
        assert any("can't be written, samples wait on the bus" in said for said in aggregator.problems.sentences())
        assert aggregator.count("kube_cost_history_write_failures_total") > 5
        aggregator.store.full = False
        await eventually(lambda: aggregator.settled_minutes == 4.0)
        assert aggregator.problems.sentences() == []
    aggregator.check(4)


async def test_what_can_not_be_settled_is_refused_once(aggregator: Aggregator) -> None:
    """It is counted by its reason, never comes back, doesn't keep the others, and is a problem for ten minutes."""
    intake = await aggregator.start()
    await aggregator.bus.publish_to_stream("kce.v1.usage.default.n1", b"no sample", message_id="bad")
    liar, nobody = (
        FakeKernel(node=name, began_ns=aggregator.began_ns, sampled_ns=aggregator.began_ns) for name in ("n2", "nobody")
    )
    lie = encode(liar.sample(aggregator.began_ns + MINUTE))
    await aggregator.bus.publish_to_stream("kce.v1.usage.default.n1", lie, message_id="liar")
    await aggregator.publish(nobody.sample(aggregator.began_ns + MINUTE))
    await aggregator.publish(aggregator.sample(1))
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 1.0)
        await aggregator.acknowledged(4)
    reasons = {
        reading.labels["reason"]: reading.value
        for reading in aggregator.counters.counts()
        if reading.name == "kube_cost_samples_rejected_total"
    }
    assert reasons == {"malformed": 1, "subject": 1, "unknown_node": 1}
    assert len(aggregator.problems.sentences()) == 3
    aggregator.clock.ahead_seconds = 550.0
    await intake.round()
    assert len(aggregator.problems.sentences()) == 3
    aggregator.clock.ahead_seconds = 660.0
    await intake.round()
    assert aggregator.problems.sentences() == []
    aggregator.check(1)


async def test_a_restart_goes_on_behind_the_ledgers_cursor(aggregator: Aggregator) -> None:
    """What was committed and not acknowledged isn't counted twice; what wasn't committed is settled."""
    intake = await aggregator.start()
    for minute in (1, 2, 3):
        await aggregator.publish(aggregator.sample(minute))
    await intake.round()
    assert aggregator.settled_minutes == 3.0
    aggregator.store.full = True
    await aggregator.publish(aggregator.sample(4))
    async with background(intake.round()):
        await eventually(lambda: aggregator.store.refused > 0)
    aggregator.store.close()
    intake = await aggregator.start()
    assert aggregator.settled_minutes == 3.0
    await aggregator.publish(aggregator.sample(5))
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 5.0)
    assert aggregator.count("kube_cost_samples_received_total") == 2
    aggregator.check(5)


async def test_a_sample_that_is_sent_again_is_counted_once(aggregator: Aggregator) -> None:
    """Beyond the bus's own window for duplicates too."""
    intake = await aggregator.start()
    first, second = aggregator.sample(1), aggregator.sample(2)
    for number, sample in enumerate((first, second, first, second)):
        stamped = msgspec.structs.replace(sample, sent_at_ns=SystemClock().now_ns())
        await aggregator.bus.publish_to_stream("kce.v1.usage.default.n1", encode(stamped), message_id=str(number))
    await aggregator.publish(aggregator.sample(3))
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 3.0)
    aggregator.check(3)


async def test_a_stream_made_anew_is_read_from_its_beginning(aggregator: Aggregator) -> None:
    """Its sequences begin again, and the ledger's cursor isn't one of them."""
    intake = await aggregator.start()
    for minute in (1, 2, 3):
        await aggregator.publish(aggregator.sample(minute))
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 3.0)
    aggregator.store.close()
    await aggregator.bus.api(f"STREAM.DELETE.{USAGE.name}")
    await declare(aggregator.bus, streams=STREAMS, buckets=())
    intake = await aggregator.start()
    await aggregator.publish(aggregator.sample(4))
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 4.0)
    assert aggregator.ledger.stream is not None
    assert aggregator.ledger.stream[1] == 1
    aggregator.check(4)


async def test_a_sample_waits_for_its_node_while_nodes_are_not_watched(aggregator: Aggregator) -> None:
    """The watch that would tell of it is broken; when it is told of, the sample is settled."""
    intake = await aggregator.start()
    aggregator.watched = False
    late = FakeKernel(node="n2", session="2" * 16, began_ns=aggregator.began_ns, sampled_ns=aggregator.began_ns)
    await aggregator.publish(late.sample(aggregator.began_ns + MINUTE))
    async with background(intake.run()):
        await eventually(lambda: aggregator.count("kube_cost_samples_received_total") == 1)
        await asyncio.sleep(0.2)
        assert aggregator.count("kube_cost_samples_rejected_total") == 0
        aggregator.inventory.put_node(node_facts("second", "n2", created_ns=aggregator.began_ns), aggregator.began_ns)
        await eventually(lambda: "n2" in intake.last_sample_ns)
    assert rows.node_seconds(aggregator.folder)["second"] == pytest.approx(60, abs=1.0)


async def test_a_silent_node_is_settled_while_another_speaks(aggregator: Aggregator) -> None:
    """A bus that never rests is drained all the same: the silent one isn't waited for for ever."""
    intake = await aggregator.start()
    aggregator.inventory.put_node(node_facts("second", "n2", created_ns=aggregator.began_ns), aggregator.began_ns)
    intake._settlement._patience = Patience(usage_seconds=0.5)
    seconds = 0
    async with background(intake.run()):
        async with asyncio.timeout(20.0):
            while "second" not in rows.node_seconds(aggregator.folder):
                seconds += 1
                await aggregator.publish(aggregator.kernel.sample(aggregator.began_ns + seconds * SECOND))
                await asyncio.sleep(0.1)
    assert rows.node_seconds(aggregator.folder)["second"] == pytest.approx(600, abs=20)


async def test_a_node_that_came_and_went_before_the_list_is_settled_by_its_samples(aggregator: Aggregator) -> None:
    """Its samples waited on the bus while nobody watched; one that is stored after the list is refused."""
    intake = await aggregator.start()
    gone = FakeKernel(
        node="gone",
        session="3" * 16,
        pods={"lost": (1.0, 1.0)},
        began_ns=aggregator.began_ns,
        sampled_ns=aggregator.began_ns,
    )
    for number in (1, 2):
        sample = gone.sample(aggregator.began_ns + number * MINUTE)
        await aggregator.publish(msgspec.structs.replace(sample, vcpu=4.0, memory_bytes=16 * 2**30))
    await aggregator.publish(aggregator.sample(1))
    aggregator.listed_ns = SystemClock().now_ns() + SECOND
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 1.0)
        await aggregator.acknowledged(3)
        aggregator.listed_ns = 0
        stray = FakeKernel(node="stray", began_ns=aggregator.began_ns, sampled_ns=aggregator.began_ns)
        sample = stray.sample(aggregator.began_ns + MINUTE)
        await aggregator.publish(msgspec.structs.replace(sample, vcpu=4.0, memory_bytes=16 * 2**30))
        await eventually(lambda: aggregator.count("kube_cost_samples_rejected_total") == 1)
    seconds = rows.node_seconds(aggregator.folder)
    assert seconds["unlisted/gone/boot"] == pytest.approx(120, abs=1.0)
    assert not any("stray" in uid for uid in seconds)
    lost = rows.pods(aggregator.folder)["lost"]
    assert lost.estimated_seconds == lost.seconds == pytest.approx(120, abs=1.0)
    rows.check_sums(aggregator.folder)


async def test_all_samples_of_unknown_nodes_wait_once_for_a_broken_watch(aggregator: Aggregator) -> None:
    """After ten minutes the first is refused, and those after it at once, so that the stream goes on."""
    intake = await aggregator.start()
    aggregator.watched = False
    stray = FakeKernel(node="stray", began_ns=aggregator.began_ns, sampled_ns=aggregator.began_ns)
    for number in (1, 2, 3):
        await aggregator.publish(stray.sample(aggregator.began_ns + number * MINUTE))
    await aggregator.publish(aggregator.sample(1))
    async with background(intake.run()):
        await eventually(lambda: aggregator.count("kube_cost_samples_received_total") == 1)
        await asyncio.sleep(0.2)
        assert aggregator.count("kube_cost_samples_rejected_total") == 0
        aggregator.clock.ahead_seconds = 601.0
        await eventually(lambda: aggregator.settled_minutes == 1.0)
    assert aggregator.count("kube_cost_samples_rejected_total") == 3


@pytest.mark.parametrize("restarted", [False, True], ids=["goes on", "begins anew"])
async def test_what_comes_after_a_stream_lost_its_end_is_settled_once(
    aggregator: Aggregator, server: NatsServer, tmp_path: Path, *, restarted: bool
) -> None:
    """More samples come under the sequences that were given again; rows are those of a stream that lost nothing."""
    forgetful = ForgetfulServer(server)
    intake = await aggregator.start()
    await aggregator.publish(aggregator.sample(1))
    await forgetful.remember()
    await eventually(lambda: aggregator.bus.connected)
    for minute in (2, 3, 4):
        await aggregator.publish(aggregator.sample(minute))
    while aggregator.settled_minutes < 4.0:
        await intake.round()
    await forgetful.crash()
    await eventually(lambda: aggregator.bus.connected)
    for minute in (5, 6, 7, 8, 9):
        await aggregator.publish(aggregator.sample(minute))
    if restarted:
        aggregator.store.close()
        intake = await aggregator.start()
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 9.0)
        await aggregator.acknowledged(6)
    assert aggregator.count("kube_cost_samples_received_total") == (5 if restarted else 9)
    aggregator.check(9)
    whole = Aggregator(aggregator.bus, tmp_path / "whole", aggregator.began_ns)
    await whole.start()
    for minute in range(1, 10):
        sample = whole.sample(minute)
        whole.intake._settlement.take(sample, sample.sent_at_ns + MILLISECOND)
    await whole.ledger.commit(SystemClock().now_ns())
    whole.store.close()
    expected, settled = rows.pods(whole.folder)["pod-uid"], rows.pods(aggregator.folder)["pod-uid"]
    assert settled.cpu == pytest.approx(expected.cpu, rel=1e-3)
    assert settled.memory == pytest.approx(expected.memory, rel=1e-3)
    assert rows.node_seconds(aggregator.folder) == pytest.approx(rows.node_seconds(whole.folder), abs=0.5)


async def test_a_node_that_is_settled_to_its_end_has_no_last_sample(aggregator: Aggregator) -> None:
    """What is kept for the agents' ages doesn't grow with the nodes that come and go."""
    intake = await aggregator.start()
    began_ns = aggregator.began_ns
    aggregator.inventory.put_node(node_facts("second", "n2", created_ns=began_ns), began_ns)
    second = FakeKernel(node="n2", session="2" * 16, began_ns=began_ns, sampled_ns=began_ns)
    await aggregator.publish(second.sample(began_ns + MINUTE))
    await aggregator.publish(aggregator.sample(1))
    async with background(intake.run()):
        await eventually(lambda: set(intake.last_sample_ns) == {"n1", "n2"})
        aggregator.inventory.end_node("second", began_ns + 2 * MINUTE)
        aggregator.clock.ahead_seconds = 6.0
        await eventually(lambda: set(intake.last_sample_ns) == {"n1"})
    assert set(aggregator.ledger.nodes) == {"node-uid"}


async def test_samples_that_the_bus_dropped_unread_are_counted(aggregator: Aggregator) -> None:
    """The stream's oldest went while nobody read: it is said, and what they covered is settled by the next."""
    intake = await aggregator.start()
    for minute in range(1, 6):
        await aggregator.publish(aggregator.sample(minute))
    await aggregator.bus.api(f"STREAM.PURGE.{USAGE.name}", {"seq": 4})
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 5.0)
    assert aggregator.count("kube_cost_samples_rejected_total") == 3
    assert aggregator.problems.sentences() == ["the bus dropped 3 usage samples before they were read"]
    aggregator.check(5)
