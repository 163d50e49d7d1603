"""How clouds are asked: the limit, the breakers, what is tried again, and who is unaffected."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.price_clouds import LIMIT, AskedClouds, machine, most_in_a_window, sixty_types
from harness.records import price_record
from harness.virtual_time import LoopClock, run_virtually
from kube_cost_common.messages.prices import PriceRecord
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.calls.breaker import Breaker, BreakerSettings, State
from kube_cost_pricing.calls.caller import Caller, CallSettings
from kube_cost_pricing.calls.failures import DENIED, SERVER, THROTTLED, TIMEOUT, CallFailedError
from kube_cost_pricing.calls.limiter import Limiter
from kube_cost_pricing.providers.source import API_FAILING, NotYet, Quote
from kube_cost_simulator.clouds.faults import CloudFault

SHORT = Lifetimes(instances_seconds=120.0, spot_seconds=60.0)


@given(
    arrivals=st.lists(st.tuples(st.floats(0.0, 300.0), st.none() | st.floats(0.0, 100.0)), min_size=1, max_size=60),
    restarts=st.lists(st.floats(0.0, 300.0), max_size=3),
)
def test_no_window_has_more_calls_than_allowed(
    arrivals: list[tuple[float, float | None]], restarts: list[float]
) -> None:
    """Whoever comes when, gives up after how long, and however often the process begins anew."""

    async def live() -> list[float]:
        clock = LoopClock()
        limiters = [Limiter(clock=clock, calls=5)]
        went: list[float] = []

        async def restart(at: float) -> None:
            await asyncio.sleep(at)
            limiters.append(Limiter(clock=clock, calls=5))

        async def call(at: float, patience: float | None) -> None:
            await asyncio.sleep(at)
            try:
                async with asyncio.timeout(patience):
                    limiter = limiters[-1]
                    await limiter.wait()
                    if limiter is limiters[-1]:  # else its process is gone
                        went.append(clock.monotonic())
            except TimeoutError:
                pass

        async with asyncio.TaskGroup() as group:
            for at in restarts:
                group.create_task(restart(at))
            for at, patience in arrivals:
                group.create_task(call(at, patience))
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
            await limiter.wait()
            went.append(clock.monotonic())
        return went

    went = run_virtually(live())
    assert went[99] == pytest.approx(60.0, abs=0.01)
    assert went[100] == went[199] == pytest.approx(120.0, abs=0.01)
    assert went[200] == pytest.approx(180.0, abs=0.02)


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


class TestCaller:
    @staticmethod
    def asked(operation: Callable[[], Awaitable[str]]) -> tuple[str | CallFailedError, float, dict[str, float]]:
        """What came of one question, how long it took after the first minute, and what was counted."""

        async def live() -> tuple[str | CallFailedError, float, dict[str, float]]:
            clock, counters = LoopClock(), Counters()
            caller = Caller(
                provider="aws",
                limiter=Limiter(clock=clock, full_at_start=False),
                settings=CallSettings(timeout_seconds=10.0, jitter_seconds=0.0),
                breaker_settings=BreakerSettings(),
                clock=clock,
                counters=counters,
            )
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


class TestFaults:
    @pytest.mark.parametrize("fault", CloudFault)
    def test_ten_minutes_of_each_fault(self, fault: CloudFault) -> None:
        """Within the limit; prices of before stand with their age; the other cloud goes on; then all is as before."""
        ten_minutes_of(fault, fault_seconds=600.0)

    def test_a_restart_doesnt_ask_before_the_answer_is_old(self) -> None:
        """What was answered ten minutes ago is good for another fifty: until then the price in force stays."""

        async def live() -> list[float]:
            asked = AskedClouds(lifetimes=Lifetimes(jitter=0.0))
            quote = Quote(amount=0.1, unit="hour", source="api", fetched_at_ns=asked.clock.now_ns() - 600 * 10**9)
            asked = AskedClouds(lifetimes=Lifetimes(jitter=0.0), before=lambda _: record_of(quote))
            async with asked.running():
                assert isinstance((await asked.look([machine(1)]))[0], NotYet)
                for _ in range(60):
                    await asyncio.sleep(60)
                    await asked.look([machine(1)])
            return [moment for moment, _ in asked.clouds["azure"].calls]

        calls = run_virtually(live())
        assert len(calls) == 1
        assert calls[0] == pytest.approx(3000.0, abs=70.0)


def record_of(quote: Quote) -> PriceRecord:
    """The record of a quote in the bucket."""
    return price_record(source=quote.source, fetched_at_ns=quote.fetched_at_ns)


def ten_minutes_of(fault: CloudFault, *, fault_seconds: float) -> int:
    """Ask two clouds while one misbehaves; returns how often it was asked meanwhile."""

    async def live() -> int:
        asked = AskedClouds(lifetimes=SHORT)
        azure, google = asked.clouds["azure"], asked.clouds["gcp"]
        requests, others = sixty_types()[:40], sixty_types("gcp")[:10]
        opened = False
        async with asked.running():
            for _ in range(8):  # both have answered everything at least once
                await asked.look([*requests, *others])
                await asyncio.sleep(15)
            before = await asked.look(requests)
            assert all(isinstance(answer, Quote) for answer in before)
            azure.fault, azure.usd = fault, 0.2
            began, calls_before = asked.clock.monotonic(), len(azure.calls)
            google_before = len(google.calls)
            while asked.clock.monotonic() - began < fault_seconds:
                meanwhile = await asked.look(requests)
                opened = opened or asked.state("azure") is State.OPEN
                if fault in LASTING:
                    assert meanwhile == before, "the last good prices stand, with their age"
                await asyncio.sleep(5)
                await asked.look(others)
            assert len(google.calls) > google_before + 10 * 2, "the other cloud is asked as ever"
            assert asked.state("gcp") is State.CLOSED
            calls = len(azure.calls) - calls_before
            if fault in OPENING:
                assert opened
                assert calls < 60, "an open breaker keeps calls few"
            azure.fault = None
            for _ in range(60):
                await asked.look([*requests, *others])
                await asyncio.sleep(15)
            after = await asked.look(requests)
            assert {answer.amount for answer in after if isinstance(answer, Quote)} == {0.2}
            assert asked.state("azure") is State.CLOSED
        for cloud in (azure, google):
            assert most_in_a_window([moment for moment, _ in cloud.calls]) <= LIMIT
        return calls

    return run_virtually(live())


OPENING = frozenset(
    {
        CloudFault.SERVER_ERROR,
        CloudFault.SILENT,
        CloudFault.RESET,
        CloudFault.TRICKLE,
        CloudFault.TRUNCATED,
        CloudFault.HUGE,
    }
)
LASTING = OPENING | {CloudFault.THROTTLED, CloudFault.DENIED}


def test_what_never_was_answered_says_why() -> None:
    """The reason is the failure's sentence, and its code one that a metric can have."""

    async def live() -> NotYet:
        asked = AskedClouds(lifetimes=SHORT)
        asked.clouds["azure"].fault = CloudFault.DENIED
        async with asked.running():
            for _ in range(10):
                (answer,) = await asked.look([machine(1)])
                await asyncio.sleep(15)
        assert isinstance(answer, NotYet)
        return answer

    answer = run_virtually(live())
    assert answer.code == API_FAILING
    assert "add a permission" in answer.reason
