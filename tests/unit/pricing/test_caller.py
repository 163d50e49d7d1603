"""What becomes of one question: what is tried again, how long is waited, and what is counted."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from harness.price_clouds import LIMIT, most_in_a_window
from harness.virtual_time import LoopClock, run_virtually
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.calls.breaker import BreakerSettings, State
from kube_cost_pricing.calls.caller import Caller, CallSettings
from kube_cost_pricing.calls.failures import DENIED, SERVER, THROTTLED, TIMEOUT, CallFailedError
from kube_cost_pricing.calls.limiter import Limiter


def asking(clock: LoopClock, counters: Counters, *, full_at_start: bool = True, jitter_seconds: float = 0.0) -> Caller:
    """The caller of one provider."""
    return Caller(
        provider="aws",
        limiter=Limiter(clock=clock, full_at_start=full_at_start),
        settings=CallSettings(timeout_seconds=10.0, jitter_seconds=jitter_seconds),
        breaker_settings=BreakerSettings(),
        clock=clock,
        counters=counters,
    )


def test_calls_that_are_late_on_the_wire_dont_meet_the_next() -> None:
    """A hundred take five seconds to connect, the next hundred none: by their begin 200 would be in one minute."""

    async def live() -> list[float]:
        clock = LoopClock()
        caller = asking(clock, Counters())
        wire: list[float] = []

        async def operation(connecting_seconds: float) -> None:
            await asyncio.sleep(connecting_seconds)
            wire.append(clock.monotonic())

        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(caller("instance_price", partial(operation, 5.0 if number < LIMIT else 0.0)))
        return wire

    wire = run_virtually(live())
    assert len(wire) == 200
    assert most_in_a_window(wire) == LIMIT


class TestCaller:
    @staticmethod
    def asked(operation: Callable[[], Awaitable[str]]) -> tuple[str | CallFailedError, float, dict[str, float]]:
        """What came of one question, how long it took after the first minute, and what was counted."""

        async def live() -> tuple[str | CallFailedError, float, dict[str, float]]:
            clock, counters = LoopClock(), Counters()
            caller = asking(clock, counters, full_at_start=False)
            result: str | CallFailedError
            try:
                result = await caller("spot_price", operation)
            except CallFailedError as error:
                result = error
            counted = {reading.name: reading.value for reading in counters.counts()}
            return result, clock.monotonic(), counted

        return run_virtually(live())

    def test_what_passes_is_tried_again(self) -> None:
        """After one second, then two; each try is a call."""
        failures = [CallFailedError(SERVER, "HTTP 500"), CallFailedError(TIMEOUT, "slow")]

        async def operation() -> str:
            if failures:
                raise failures.pop()
            return "answer"

        result, seconds, counted = self.asked(operation)
        assert result == "answer"
        assert seconds == pytest.approx(3.0)
        assert counted["kube_cost_pricing_api_calls_total"] == 3
        assert counted["kube_cost_pricing_api_failures_total"] == 1

    def test_who_throttles_is_waited_for_as_told(self) -> None:
        """Seventeen seconds."""
        failures = [CallFailedError(THROTTLED, "429", retry_after_seconds=17.0)]

        async def operation() -> str:
            if failures:
                raise failures.pop()
            return "answer"

        result, seconds, _ = self.asked(operation)
        assert result == "answer"
        assert seconds == pytest.approx(17.0)

    def test_who_throttles_is_waited_for_by_all(self) -> None:
        """Others who ask the endpoint wait as long, at random a little longer; another endpoint is asked meanwhile."""

        async def live() -> dict[str, list[float]]:
            clock = LoopClock()
            caller = asking(clock, Counters(), full_at_start=False, jitter_seconds=2.0)
            went: dict[str, list[float]] = {"spot_price": [], "instance_price": []}

            async def operation(endpoint: str) -> None:
                went[endpoint].append(clock.monotonic())
                if endpoint == "spot_price" and clock.monotonic() < 17.0:
                    raise CallFailedError(THROTTLED, "429", retry_after_seconds=17.0)

            async def ask(endpoint: str, at: float) -> None:
                await asyncio.sleep(at)
                await caller(endpoint, partial(operation, endpoint))

            async with asyncio.TaskGroup() as group:
                for at in range(10):
                    group.create_task(ask("spot_price", at))
                    group.create_task(ask("instance_price", at))
            return went

        went = run_virtually(live())
        first, *others = went["spot_price"]
        assert first == 0.0
        assert len(others) == 10
        assert all(17.0 <= moment <= 21.0 for moment in others)
        assert len(set(others)) == 10, "not all at once"
        assert went["instance_price"] == list(range(10))

    @pytest.mark.parametrize(("told", "seconds"), [(600.0, 600.0), (1e9, 3600.0)])
    def test_a_long_wait_is_nobodys_but_the_endpoints(self, told: float, seconds: float) -> None:
        """Who asks is refused without a call until it is over, or an hour is: nobody throttles for thirty years."""

        async def live() -> tuple[float, float]:
            clock, counters = LoopClock(), Counters()
            caller = asking(clock, counters, full_at_start=False)
            throttled = True

            async def operation() -> None:
                if throttled:
                    raise CallFailedError(THROTTLED, "429", retry_after_seconds=told)

            while throttled or not caller.last_success_ns:
                try:
                    await caller("spot_price", operation)
                except CallFailedError as error:
                    throttled = error.reason != THROTTLED
                    await asyncio.sleep(60)
            (calls,) = (reading.value for reading in counters.counts() if "calls" in reading.name)
            return clock.monotonic(), calls

        ended, calls = run_virtually(live())
        assert ended == pytest.approx(seconds, abs=121.0)
        assert ended >= seconds
        assert calls == 2

    def test_a_cancelled_call_counts_for_nothing(self) -> None:
        """Neither as a failure nor for the breaker, whether it waited or was under way; its place comes free."""

        async def live() -> tuple[dict[str, float], State]:
            clock, counters = LoopClock(), Counters()
            caller = asking(clock, counters)

            async def operation() -> None:
                await asyncio.sleep(8)

            for patience in (30.0, 5.0, 20.0, *[4.0] * 20):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(patience):
                        await caller("spot_price", operation)
            return {reading.name: reading.value for reading in counters.counts()}, caller.breaker("spot_price").state

        counted, state = run_virtually(live())
        assert counted == {"kube_cost_pricing_api_calls_total": 19.0}, "those that were under way, and no failure"
        assert state is State.CLOSED

    @pytest.mark.parametrize("reason", [DENIED, "invalid", "answer"])
    def test_what_doesnt_pass_is_not(self, reason: str) -> None:
        """One call, and its error."""

        async def operation() -> str:
            raise CallFailedError(reason, "no")

        result, _, counted = self.asked(operation)
        assert isinstance(result, CallFailedError)
        assert counted["kube_cost_pricing_api_calls_total"] == 1

    def test_a_silent_cloud_is_given_up(self) -> None:
        """Three times ten seconds, with waits between."""

        async def operation() -> str:
            await asyncio.sleep(1e9)
            return ""

        result, seconds, _ = self.asked(operation)
        assert isinstance(result, CallFailedError)
        assert result.reason == TIMEOUT
        assert seconds == pytest.approx(33.0)
