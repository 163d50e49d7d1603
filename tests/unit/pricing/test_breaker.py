"""When an endpoint is asked, and when it is left alone."""

import asyncio

import pytest

from harness.virtual_time import LoopClock, run_virtually
from kube_cost_pricing.calls.breaker import Breaker, BreakerSettings, State
from kube_cost_pricing.calls.failures import DENIED, SERVER, CallFailedError


class TestBreaker:
    settings = BreakerSettings(failures=3, open_seconds=30.0, longest_open_seconds=100.0)

    def test_opens_half_opens_with_one_call_and_closes(self) -> None:
        """Two calls at once find it half open: the second is refused."""

        async def live() -> None:
            breaker = Breaker(settings=self.settings, clock=LoopClock())
            fault = CallFailedError(SERVER, "HTTP 500")
            for _ in range(3):
                assert not breaker.admit()
                breaker.failed(fault, probe=False)
            assert str(breaker.state.value) == "open"
            with pytest.raises(CallFailedError, match="isn't asked now") as caught:
                breaker.admit()
            assert caught.value.retry_after_seconds == 30.0
            await asyncio.sleep(30)
            assert breaker.state is State.HALF_OPEN
            assert breaker.admit()
            with pytest.raises(CallFailedError):
                breaker.admit()
            breaker.failed(fault, probe=True)
            await asyncio.sleep(59)
            assert str(breaker.state.value) == "open"
            await asyncio.sleep(1)
            assert breaker.admit()
            breaker.succeeded()
            assert str(breaker.state.value) == "closed"

        run_virtually(live())

    def test_a_cancelled_call_counts_for_nothing(self) -> None:
        """Not as a failure, and a cancelled probe leaves the place to the next one."""

        async def live() -> None:
            breaker = Breaker(settings=self.settings, clock=LoopClock())
            for _ in range(9):
                breaker.cancelled(probe=breaker.admit())
            assert breaker.state is State.CLOSED
            for _ in range(3):
                breaker.failed(CallFailedError(SERVER, ""), probe=breaker.admit())
            await asyncio.sleep(30)
            breaker.cancelled(probe=breaker.admit())
            assert breaker.admit()

        run_virtually(live())

    def test_a_refused_question_doesnt_open_it(self) -> None:
        """A missing permission is no outage."""

        async def live() -> None:
            breaker = Breaker(settings=self.settings, clock=LoopClock())
            for _ in range(9):
                breaker.failed(CallFailedError(DENIED, ""), probe=breaker.admit())
            assert breaker.state is State.CLOSED

        run_virtually(live())
