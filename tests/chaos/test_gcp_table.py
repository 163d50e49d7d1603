"""Every price of the recorded table, 43 regions, on demand and spot, from the wire to the quote."""

from pathlib import Path

import pytest

from harness.gcp_prices import asking_google
from harness.gcp_table import is_exception, request, skus_of, table
from kube_cost_common.messages.prices import ON_DEMAND, SPOT
from kube_cost_price_snapshot import load
from kube_cost_pricing.providers.source import Quote
from kube_cost_simulator.clouds.gcp_skus import with_decoys

QUESTIONS = {ON_DEMAND: "instances", SPOT: "spot"}


@pytest.mark.timeout(300)
async def test_every_price_of_the_table(recorded_data: Path) -> None:
    """To 1e-6; `EXCEPTIONS` names those that can't be rebuilt from the table, and why."""
    prices, snapshot = table(recorded_data), load()
    skus = [
        one
        for region, capacities in prices.items()
        for capacity, usd in capacities.items()
        for one in with_decoys(list(skus_of(region, capacity, usd, snapshot)))
    ]
    compared = left_out = 0
    async with asking_google(skus) as google:
        for region, capacities in prices.items():
            for capacity, usd in capacities.items():
                names = [name for name in usd if not is_exception(name, region)]
                left_out += len(usd) - len(names)
                requests = [request(name, region, capacity, snapshot) for name in names]
                answers = await google.answers(QUESTIONS[capacity], region, *requests)
                for name, answer in zip(names, answers, strict=True):
                    assert isinstance(answer, Quote), (region, name, answer)
                    assert answer.amount == pytest.approx(usd[name], rel=1e-6, abs=1e-6), (region, name, capacity)
                    assert answer.exact, (region, name)
                compared += len(names)
        assert len(google.cloud.calls) == -(-len(skus) // 5000)
    print(f"{compared} prices equal to the table's, {left_out} left out by name; {len(skus)} SKUs listed")
    assert compared > 25_000
