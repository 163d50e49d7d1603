"""Ten minutes of each fault of a cloud, in virtual time, from the calls to the bucket."""

import asyncio

import pytest

from harness.price_clouds import LIMIT, most_in_a_window, sixty_types
from harness.priced_clouds import PriceBucket, PricedClouds, tabled_types
from harness.virtual_time import run_virtually
from kube_cost_common.messages.prices import PriceRecord
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.calls.breaker import State
from kube_cost_simulator.clouds.faults import CloudFault

SHORT = Lifetimes(instances_seconds=120.0, spot_seconds=60.0)

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
"""Faults that count for the breaker. Of pages without an end each is a good answer."""

REFUSED = {
    CloudFault.CURRENCY: "currency",
    CloudFault.ZERO: "not_positive",
    CloudFault.NEGATIVE: "not_positive",
    CloudFault.NOT_A_NUMBER: "not_finite",
}
"""Why a lie isn't believed."""


async def priced_for(clouds: PricedClouds, seconds: float) -> list[State]:
    """Pass over all prices every 15 s; returns the states of the breaker of Azure's instance prices."""
    states = []
    ends_at = clouds.clock.monotonic() + seconds
    while clouds.clock.monotonic() < ends_at:
        await clouds.settle()
        states.append(clouds.state("azure"))
        await asyncio.sleep(15)
    return states


def sure(prices: list[PriceRecord | None]) -> list[PriceRecord]:
    """All are there, and from the API."""
    found = [price for price in prices if price is not None and price.source == "api"]
    assert len(found) == len(prices)
    return found


@pytest.mark.parametrize("fault", CloudFault)
def test_ten_minutes_of_each_fault(fault: CloudFault) -> None:
    """Within the limit; the last good prices stand with their age; the other cloud goes on; then all is as before."""

    async def live() -> None:
        requests = tabled_types(10)
        clouds = PricedClouds(lifetimes=SHORT, requests=[*requests, *tabled_types(5, "gcp", "us-central1")])
        azure, google = clouds.clouds["azure"], clouds.clouds["gcp"]
        async with clouds.running():
            await priced_for(clouds, 180)
            before = sure(clouds.in_force())[: len(requests)]
            azure.fault, azure.usd, google.usd = fault, 0.2, 0.15
            calls, googles_calls = len(azure.calls), len(google.calls)
            states = await priced_for(clouds, 600)

            now = sure(clouds.in_force())
            assert now[: len(requests)] == before, "the last good prices, with their time"
            assert clouds.oldest_seconds() > 550
            assert {price.usd for price in now[len(requests) :]} == {0.15}, "the other cloud's are new"
            assert len(google.calls) > googles_calls + 5 * 4
            assert clouds.state("gcp") is State.CLOSED
            if fault in OPENING:
                assert State.OPEN in states
                assert azure.most_probes == 1
                assert len(azure.calls) - calls < 120, "an open breaker keeps calls few"
                assert clouds.counted("kube_cost_pricing_api_failures_total", provider="azure") > 5
            elif fault in REFUSED:
                assert clouds.counted("kube_cost_prices_refused_total", reason=REFUSED[fault]) >= len(requests)

            azure.fault = None
            await priced_for(clouds, 1200)
            assert {price.usd for price in sure(clouds.in_force())[: len(requests)]} == {0.2}
            assert clouds.state("azure") is State.CLOSED
            assert clouds.oldest_seconds() < 140
        assert azure.most_probes <= 1, "half open is one call at a time"
        for cloud in (azure, google):
            assert most_in_a_window([moment for moment, _ in cloud.calls]) <= LIMIT

    run_virtually(live())


@pytest.mark.parametrize("fault", [None, CloudFault.SILENT, CloudFault.SERVER_ERROR, CloudFault.THROTTLED])
def test_restarts_dont_add_up(fault: CloudFault | None) -> None:
    """Ten processes, one after another, each with 160 prices to ask: never more than the limit, and prices stand."""

    async def live() -> None:
        requests = [*tabled_types(10), *sixty_types()[:140]]
        bucket, clouds = PriceBucket(), None
        for number in range(10):
            process = PricedClouds(lifetimes=SHORT, requests=requests, bucket=bucket, clouds=clouds)
            clouds = process.clouds
            async with process.running():
                await priced_for(process, 200 if number == 0 else 63 + number * 7)
            if number == 0:
                before = sure(process.in_force()[:20])
                clouds["azure"].fault = fault
        if fault is not None:
            assert process.in_force()[:20] == before
        assert clouds is not None
        calls = [moment for moment, _ in clouds["azure"].calls]
        assert most_in_a_window(calls) <= LIMIT
        assert len(calls) > LIMIT

    run_virtually(live())
