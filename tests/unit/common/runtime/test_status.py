import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog

from harness.clock import FakeClock
from kube_cost_common.messages.codec import RecordDecoder
from kube_cost_common.messages.status import Reading, StatusReport
from kube_cost_common.runtime.health import Counters, Problems, Readiness
from kube_cost_common.runtime.status import StatusReporter, new_instance

NOW_NS = 1_800_000_000_000_000_000


class Process:
    """What a reporter is made of, and a bus that notes what is published, and fails when it is told to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.readiness = Readiness({"prices": "no price has arrived yet"})
        self.problems = Problems()
        self.counters = Counters()
        self.published: list[tuple[str, bytes]] = []
        self.attempts: list[float] = []
        self.bus_is_away = False
        self.connected = asyncio.Event()
        self.connected.set()
        self.reporter = StatusReporter(
            component="agent",
            instance="node.1-ff",
            software_version="1.2.3",
            readiness=self.readiness,
            problems=self.problems,
            counters=self.counters,
            clock=self.clock,
            log=structlog.get_logger(),
            publish=self.publish,
            wait_connected=self.connected.wait,
            node="node.1",
        )

    async def publish(self, subject: str, payload: bytes) -> None:
        self.attempts.append(self.clock.monotonic())
        if self.bus_is_away:
            raise ConnectionError("the bus is away")
        self.published.append((subject, payload))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task: asyncio.Task[None] = tasks.create_task(self.reporter.run())
            await self.clock.settle()
            yield
            task.cancel()


@pytest.fixture
def process() -> Process:
    return Process()


async def test_a_report_says_all_that_the_process_knows_of_itself(process: Process) -> None:
    """What is missing and what is wrong, in one list; counters and gauges; since when it runs."""
    process.counters.add("kube_cost_samples_total", 3, result="sent")
    process.counters.gauge(lambda: [Reading(name="kube_cost_queue_samples", labels={}, value=2.0)])
    process.problems.say("kubelet", "the kubelet doesn't answer")
    await process.clock.advance(7)
    assert process.reporter.report() == StatusReport(
        component="agent",
        instance="node.1-ff",
        software_version="1.2.3",
        sent_at_ns=NOW_NS + 7_000_000_000,
        started_at_ns=NOW_NS,
        ready=False,
        problems=["no price has arrived yet", "the kubelet doesn't answer"],
        counters=[Reading(name="kube_cost_samples_total", labels={"result": "sent"}, value=3.0)],
        gauges=[Reading(name="kube_cost_queue_samples", labels={}, value=2.0)],
        node="node.1",
    )


async def test_a_report_is_of_its_moment(process: Process) -> None:
    """What was missing is there, and what was wrong is over."""
    process.problems.say("kubelet", "the kubelet doesn't answer")
    process.readiness.met("prices")
    process.problems.over("kubelet")
    report = process.reporter.report()
    assert (report.ready, report.problems) == (True, [])


async def test_what_is_published_is_the_report_on_the_processs_own_subject(process: Process) -> None:
    """The names in the subject are escaped, in the payload they aren't."""
    await process.reporter.send()
    ((subject, payload),) = process.published
    assert subject == "kce.v1.status.agent.node=2E1-ff"
    assert RecordDecoder(StatusReport).decode(payload) == process.reporter.report()


async def test_before_the_first_connection_nothing_is_sent_and_nothing_is_an_error(process: Process) -> None:
    """A service is up before its bus; the first report goes out as soon as that is there."""
    process.connected.clear()
    async with process.running():
        await process.clock.advance(60)
        assert (process.attempts, process.counters.counts()) == ([], [])
        process.connected.set()
        await process.clock.settle()
        assert len(process.published) == 1


async def test_a_report_is_published_at_once_and_every_15_seconds(process: Process) -> None:
    """A period of 15 s, less or more its twentieth."""
    async with process.running():
        assert process.attempts == [0]
        await process.clock.advance(3600)
    assert len(process.published) == pytest.approx(240, abs=3)
    waits = [after - before for before, after in zip(process.attempts, process.attempts[1:], strict=False)]
    assert all(14.25 <= wait <= 15.75 for wait in waits)
    sent_at_ns = [RecordDecoder(StatusReport).decode(payload).sent_at_ns for _, payload in process.published]
    assert sent_at_ns == [NOW_NS + round(at * 1e9) for at in process.attempts]


async def test_a_report_that_can_not_be_published_is_counted_and_the_next_one_says_so(process: Process) -> None:
    """The loop goes on; the count gets there with the first report that gets through."""
    process.bus_is_away = True
    async with process.running():
        await process.clock.advance(33)
        failed = len(process.attempts)
        process.bus_is_away = False
        await process.clock.advance(16)
    assert failed == 3
    assert len(process.published) == 1
    report = RecordDecoder(StatusReport).decode(process.published[0][1])
    assert report.counters == [
        Reading(name="kube_cost_errors_total", labels={"component": "agent", "error_type": "bus"}, value=3.0)
    ]


def test_every_instance_has_a_name_of_its_own() -> None:
    """The prefix and 64 random bits, so that a restart isn't taken for the process before."""
    names = {new_instance("pricing") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("pricing-") and len(bytes.fromhex(name[8:])) == 8 for name in names)
