import asyncio
import time

import pytest

from harness.clock import FakeClock
from kube_cost_common.runtime.clock import Clock, SystemClock


def test_stamps_are_unix_nanoseconds() -> None:
    """Between two readings of the kernel's own clock."""
    before_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
    now_ns = SystemClock().now_ns()
    assert before_ns <= now_ns <= time.clock_gettime_ns(time.CLOCK_REALTIME)


def test_durations_count_the_time_that_the_machine_was_suspended() -> None:
    """CLOCK_BOOTTIME; CLOCK_MONOTONIC stands still meanwhile, and a lease would outlive its deadline."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    now = SystemClock().monotonic()
    assert before <= now <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_durations_are_of_boot_time_even_where_it_is_another_than_monotonic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was never suspended can't tell the two apart, so the kernel's answer is forged."""
    answers = {time.CLOCK_BOOTTIME: 500.0, time.CLOCK_MONOTONIC: 100.0}
    monkeypatch.setattr(time, "clock_gettime", answers.__getitem__)
    assert SystemClock().monotonic() == 500.0


async def test_a_sleep_lets_others_go_on_and_takes_its_time() -> None:
    """Ten milliseconds by the clock itself, and another task runs meanwhile."""
    clock = SystemClock()
    ran = asyncio.Event()

    async def other() -> None:
        ran.set()

    before = clock.monotonic()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(other())
        await clock.sleep(0.01)
        assert ran.is_set()
    # asyncio may wake a timer early by its resolution.
    assert clock.monotonic() - before >= 0.01 - 0.001


async def test_sleepers_of_the_fake_clock_wake_at_their_moments_in_order() -> None:
    """Whoever's moment is first, and of two with the same the one who lay down first; nobody before their moment."""
    clock = FakeClock()
    fits: Clock = clock
    woken: list[tuple[str, float]] = []

    async def sleep_twice(name: str, seconds: float) -> None:
        for _ in range(2):
            await fits.sleep(seconds)
            woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        for name, seconds in (("slow", 4.0), ("b", 3.0), ("a", 3.0)):
            tasks.create_task(sleep_twice(name, seconds))
        await clock.advance(2.5)
        assert (woken, clock.sleepers, clock.monotonic()) == ([], 3, 2.5)
        await clock.advance(6)
    assert woken == [("b", 3), ("a", 3), ("slow", 4), ("b", 6), ("a", 6), ("slow", 8)]
    assert clock.now_ns() == 1_800_000_008_500_000_000
    assert clock.slept == [4.0, 3.0, 3.0, 3.0, 3.0, 4.0]


async def test_a_sleeper_of_the_fake_clock_can_be_cancelled() -> None:
    """Its moment passes without it."""
    clock = FakeClock()
    async with asyncio.TaskGroup() as tasks:
        sleeper = tasks.create_task(clock.sleep(1))
        await clock.settle()
        sleeper.cancel()
        await clock.advance(2)
    assert (sleeper.cancelled(), clock.sleepers, clock.monotonic()) == (True, 0, 2)
