"""Ten minutes of each fault of a cloud, in virtual time; who is unaffected, and what a restart knows."""

import asyncio

import pytest

from harness.price_clouds import LIMIT, AskedClouds, machine, most_in_a_window, sixty_types
from harness.records import price_record
from harness.virtual_time import run_virtually
from kube_cost_common.messages.prices import PriceRecord
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.calls.breaker import State
from kube_cost_pricing.providers.source import API_FAILING, NotYet, Quote
from kube_cost_simulator.clouds.faults import CloudFault

SHORT = Lifetimes(instances_seconds=120.0, spot_seconds=60.0)


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
