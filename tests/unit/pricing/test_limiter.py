"""How many calls go to a provider, whoever comes when."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.price_clouds import most_in_a_window
from harness.virtual_time import LoopClock, run_virtually
from kube_cost_pricing.calls.limiter import Limiter


@given(
    arrivals=st.lists(
        st.tuples(
            st.floats(0.0, 300.0),
            st.none() | st.floats(0.0, 100.0),
            st.floats(0.0, 90.0) | st.just(0.0),
            st.floats(0.0, 90.0) | st.just(0.0),
        ),
        min_size=1,
        max_size=60,
    ),
    restarts=st.lists(st.floats(0.0, 300.0), max_size=3),
)
def test_no_window_has_more_calls_than_allowed(
    arrivals: list[tuple[float, float | None, float, float]], restarts: list[float]
) -> None:
    """Whoever comes when, whatever a call takes to the wire and from there, whoever gives up, however many restarts."""

    async def live() -> list[float]:
        clock = LoopClock()
        limiters = [Limiter(clock=clock, calls=5)]
        went: list[float] = []

        async def restart(at: float) -> None:
            await asyncio.sleep(at)
            limiters.append(Limiter(clock=clock, calls=5))

        async def call(at: float, patience: float | None, before_wire: float, after_wire: float) -> None:
            await asyncio.sleep(at)
            limiter = limiters[-1]
            try:
                async with asyncio.timeout(patience):
                    await limiter.take()
                    try:
                        await asyncio.sleep(before_wire)
                        if limiter is limiters[-1]:  # else its process is gone
                            went.append(clock.monotonic())
                        await asyncio.sleep(after_wire)
                    finally:
                        limiter.give_back(went=True)
            except TimeoutError:
                pass

        async with asyncio.TaskGroup() as group:
            for at in restarts:
                group.create_task(restart(at))
            for arrival in arrivals:
                group.create_task(call(*arrival))
        return went

    went = run_virtually(live())
    assert went == sorted(went)
    assert most_in_a_window(went) <= 5
    assert all(moment >= 60.0 for moment in went), "the window starts full"


def test_the_first_hundred_go_at_once_when_the_first_minute_is_over() -> None:
    """And the next hundred a minute later."""

    async def live() -> list[float]:
        clock = LoopClock()
        limiter = Limiter(clock=clock)
        went = []
        for _ in range(201):
            await limiter.take()
            went.append(clock.monotonic())
            limiter.give_back(went=True)
        return went

    went = run_virtually(live())
    assert went[99] == pytest.approx(60.0, abs=0.01)
    assert went[100] == went[199] == pytest.approx(120.0, abs=0.01)
    assert went[200] == pytest.approx(180.0, abs=0.02)


def test_a_place_that_wasnt_used_is_free_at_once() -> None:
    """Nor does who gives up waiting keep one."""

    async def live() -> float:
        clock = LoopClock()
        limiter = Limiter(clock=clock, calls=1)
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10):
                    await limiter.take()
        for _ in range(3):
            await limiter.take()
            limiter.give_back(went=False)
        await limiter.take()
        return clock.monotonic()

    assert run_virtually(live()) == pytest.approx(60.0, abs=0.01)
