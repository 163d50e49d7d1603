"""An hour of each fault of a cloud's API, in virtual time."""

import asyncio

import pytest

from harness.price_clouds import LIMIT, AskedClouds, most_in_a_window, sixty_types
from harness.virtual_time import run_virtually
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.calls.breaker import State
from kube_cost_pricing.providers.source import Quote
from kube_cost_simulator.clouds.faults import CloudFault


@pytest.mark.parametrize("fault", CloudFault)
@pytest.mark.timeout(120)
def test_an_hour_of_a_fault(fault: CloudFault) -> None:
    """60 types in five zones, at a call each: never more than the limit, and all as before when it is over."""

    async def live() -> tuple[int, float]:
        asked = AskedClouds(lifetimes=Lifetimes(instances_seconds=600.0, spot_seconds=300.0))
        azure = asked.clouds["azure"]
        requests = sixty_types()
        async with asked.running():
            for _ in range(40):
                await asked.look(requests)
                await asyncio.sleep(15)
            azure.fault, azure.usd = fault, 0.2
            before = len(azure.calls)
            for _ in range(240):
                await asked.look(requests)
                await asyncio.sleep(15)
            meanwhile = len(azure.calls) - before
            azure.fault = None
            over_at = asked.clock.monotonic()
            for _ in range(240):
                answers = await asked.look(requests)
                if all(isinstance(answer, Quote) and answer.amount == 0.2 for answer in answers):
                    break
                await asyncio.sleep(15)
            took = asked.clock.monotonic() - over_at
            assert asked.state("azure") is State.CLOSED
        assert most_in_a_window([moment for moment, _ in azure.calls]) <= LIMIT
        return meanwhile, took

    calls, seconds = run_virtually(live())
    print(f"{fault.value}: {calls} calls in the hour; {seconds:.0f} s until all prices were new")
    assert seconds < 3600.0
