import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from harness.clock import FakeClock
from kube_cost_common.runtime.periodic import every


class Rounds:
    """Work that notes when it was done, takes the time it is told to, and fails when it is told to."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.begun: list[float] = []
        self.takes_seconds: list[float] = []
        self.fails: list[bool] = []
        self.errors: list[Exception] = []

    async def work(self) -> None:
        self.begun.append(self.clock.monotonic())
        self.clock.work(self.takes_seconds.pop(0) if self.takes_seconds else 0.0)
        if self.fails and self.fails.pop(0):
            raise OSError(f"round {len(self.begun)}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def rounds(clock: FakeClock) -> Rounds:
    return Rounds(clock)


@pytest.fixture
def lines() -> CapturingLogger:
    return CapturingLogger()


@asynccontextmanager
async def running(rounds: Rounds, lines: CapturingLogger, **settings: Any) -> AsyncIterator[asyncio.Task[None]]:
    log: FilteringBoundLogger = structlog.wrap_logger(
        lines, processors=[], wrapper_class=structlog.make_filtering_bound_logger(0)
    )

    async def run() -> None:
        await every(
            settings.pop("period_seconds", 10.0),
            rounds.work,
            name="counting",
            clock=rounds.clock,
            log=log,
            on_error=rounds.errors.append,
            **settings,
        )

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run())
        await rounds.clock.settle()
        yield task
        task.cancel()


def logged(lines: CapturingLogger) -> list[tuple[str, str]]:
    return [(call.method_name, call.kwargs["event"]) for call in lines.calls]


async def test_the_first_round_is_at_once_and_the_next_a_period_later(
    clock: FakeClock, rounds: Rounds, lines: CapturingLogger
) -> None:
    """Ready doesn't have to wait for a period."""
    async with running(rounds, lines, jitter=0.0):
        assert rounds.begun == [0]
        await clock.advance(9.999)
        assert rounds.begun == [0]
        await clock.advance(10.001)
    assert rounds.begun == [0, 10, 20]
    assert logged(lines) == []


async def test_a_first_delay_is_waited_for_once(clock: FakeClock, rounds: Rounds, lines: CapturingLogger) -> None:
    """It shifts all rounds."""
    async with running(rounds, lines, jitter=0.0, first_delay_seconds=3.0):
        await clock.advance(25)
    assert rounds.begun == [3, 13, 23]


async def test_the_time_that_work_takes_is_part_of_the_period(
    clock: FakeClock, rounds: Rounds, lines: CapturingLogger
) -> None:
    """Rounds begin a period apart, however long each takes within it."""
    rounds.takes_seconds = [4.0, 0.0, 9.5]
    async with running(rounds, lines, jitter=0.0):
        await clock.advance(35)
    assert rounds.begun == [0, 10, 20, 30]
    assert clock.slept == [6.0, 10.0, 0.5, 10.0]
    assert logged(lines) == []


async def test_work_that_takes_longer_than_its_period_is_warned_of_and_goes_on_at_once(
    clock: FakeClock, rounds: Rounds, lines: CapturingLogger
) -> None:
    """The next round follows without a wait, and rounds that were missed aren't made up for."""
    rounds.takes_seconds = [25.0]
    async with running(rounds, lines, jitter=0.0):
        await clock.advance(11)
    assert rounds.begun == [0, 25, 35]
    assert [(call.method_name, call.kwargs) for call in lines.calls] == [
        (
            "warning",
            {"event": "periodic work took longer than its period", "work": "counting", "seconds": 25.0},
        )
    ]


@pytest.mark.parametrize("jitter", [0.05, 0.5])
async def test_waits_vary_by_the_jitter_and_no_more(
    clock: FakeClock, rounds: Rounds, lines: CapturingLogger, jitter: float
) -> None:
    """Within the share of the period on both sides, some near each end, so that processes don't beat as one."""
    random.seed(7)
    async with running(rounds, lines, jitter=jitter):
        await clock.advance(2000)
    shortest, longest = 10 * (1 - jitter), 10 * (1 + jitter)
    assert all(shortest <= wait <= longest for wait in clock.slept)
    assert min(clock.slept) < shortest + 1.0 * jitter
    assert max(clock.slept) > longest - 1.0 * jitter


async def test_a_wait_is_never_negative(clock: FakeClock, rounds: Rounds, lines: CapturingLogger) -> None:
    """Also where jitter would make it so."""
    rounds.takes_seconds = [9.9] * 50
    async with running(rounds, lines, jitter=0.5):
        await clock.advance(500)
    assert min(clock.slept) == 0.0


async def test_every_failure_is_handed_on_and_the_first_of_a_row_is_logged_and_so_is_the_recovery(
    clock: FakeClock, rounds: Rounds, lines: CapturingLogger
) -> None:
    """Three failures, two rounds that do, and one more failure: four are handed on, two are logged."""
    rounds.fails = [True, True, True, False, False, True, False]
    async with running(rounds, lines, jitter=0.0):
        await clock.advance(65)
    assert [str(error) for error in rounds.errors] == ["round 1", "round 2", "round 3", "round 6"]
    assert [(call.method_name, call.kwargs["event"], call.kwargs.get("error")) for call in lines.calls] == [
        ("warning", "periodic work failed", "OSError('round 1')"),
        ("info", "periodic work recovered", None),
        ("warning", "periodic work failed", "OSError('round 6')"),
        ("info", "periodic work recovered", None),
    ]
    assert all(call.kwargs["work"] == "counting" for call in lines.calls)


async def test_a_round_that_fails_takes_its_time_of_the_period_too(
    clock: FakeClock, rounds: Rounds, lines: CapturingLogger
) -> None:
    """What fails slowly isn't asked faster or more slowly for it."""
    rounds.takes_seconds, rounds.fails = [4.0], [True]
    async with running(rounds, lines, jitter=0.0):
        await clock.advance(15)
    assert rounds.begun == [0, 10]


@pytest.mark.parametrize("asleep", [True, False])
async def test_a_cancellation_ends_the_loop_and_is_no_failure(lines: CapturingLogger, asleep: bool) -> None:
    """While it waits and while it works."""
    clock = FakeClock()
    failures: list[Exception] = []

    async def work() -> None:
        if not asleep:
            await clock.sleep(1000)

    task_ended = await _cancelled(clock, work, failures, lines)
    assert (task_ended, failures, logged(lines)) == (True, [], [])


async def _cancelled(
    clock: FakeClock, work: Callable[[], Awaitable[None]], failures: list[Exception], lines: CapturingLogger
) -> bool:
    log: FilteringBoundLogger = structlog.wrap_logger(
        lines, processors=[], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    loop = every(10.0, work, name="counting", clock=clock, log=log, on_error=failures.append)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(loop)
        await clock.settle()
        task.cancel()
    return task.cancelled()
