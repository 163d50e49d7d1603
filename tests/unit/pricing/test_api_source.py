"""What is asked of clouds, and what a restart knows of it."""

import asyncio

import pytest

from harness.price_clouds import AskedClouds, machine
from harness.priced_clouds import PriceBucket, PricedClouds, tabled_types
from harness.virtual_time import run_virtually
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.providers.source import API_FAILING, NotYet
from kube_cost_simulator.clouds.faults import CloudFault

HOUR = Lifetimes(jitter=0.0)


def test_a_restart_doesnt_ask_before_the_answer_is_old() -> None:
    """On-demand prices of 40 minutes ago are good for another 20, and stand with their own time meanwhile."""

    async def live() -> list[float]:
        requests = [request for request in tabled_types(5) if not request.zone]
        bucket = PriceBucket()
        first = PricedClouds(lifetimes=HOUR, requests=requests, bucket=bucket)
        azure = first.clouds["azure"]
        async with first.running():
            for _ in range(270):  # asked at one minute, and again when the hour was over
                await first.settle()
                await asyncio.sleep(15)
        before = first.in_force()
        assert all(record is not None and record.source == "api" for record in before)
        asked_at = max(moment for moment, _ in azure.calls)
        calls = len(azure.calls)
        await asyncio.sleep(asked_at + 2400 - first.clock.monotonic())
        second = PricedClouds(lifetimes=HOUR, requests=requests, bucket=bucket, clouds=first.clouds)
        async with second.running():
            while len(azure.calls) == calls:
                await second.settle()
                assert second.in_force() == before, "with the time when they were fetched"
                await asyncio.sleep(15)
        return [moment - asked_at for moment, _ in azure.calls[calls:]]

    assert run_virtually(live())[0] == pytest.approx(3600.0, abs=30.0)


def test_what_isnt_sold_isnt_asked_again_before_its_time() -> None:
    """An answer like others: one call an hour for each."""

    async def live() -> int:
        asked = AskedClouds(lifetimes=HOUR)
        asked.clouds["azure"].fault = CloudFault.VANISHED
        async with asked.running():
            for _ in range(200):
                await asked.look([machine(1), machine(2)])
                await asyncio.sleep(15)
        return len(asked.clouds["azure"].calls)

    assert run_virtually(live()) == 2


def test_what_never_was_answered_says_why() -> None:
    """The reason is the failure's sentence, and its code one that a metric can have."""

    async def live() -> NotYet:
        asked = AskedClouds(lifetimes=HOUR)
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
