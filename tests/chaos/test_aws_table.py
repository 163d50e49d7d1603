"""Every type of the recorded table of us-east-1, on demand and spot, from the wire to the quote."""

from pathlib import Path

import pytest

from harness.aws_prices import asking_amazon, machine_request, recorded_machines
from kube_cost_common.messages.prices import SPOT
from kube_cost_pricing.providers.source import Quote
from kube_cost_simulator.clouds.aws import SpotPrice
from kube_cost_simulator.clouds.aws_products import with_decoys

ZONES = "abcdf"


@pytest.mark.timeout(300)
async def test_every_type_of_the_table(recorded_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1,367 of them to 1e-6, without exception; spot at two fifths of the price, another one in each of five zones."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    machines = recorded_machines(recorded_data)
    products = [product for machine in machines for product in with_decoys(machine)]
    spot = {
        (machine.name, f"us-east-1{zone}"): round(machine.usd * (0.4 + number / 100), 6)
        for machine in machines
        for number, zone in enumerate(ZONES)
    }
    rows = [SpotPrice(name, zone, usd) for (name, zone), usd in spot.items()]
    async with asking_amazon(products, rows, page_size=1000) as amazon:
        requests = [machine_request(machine.name) for machine in machines]
        answers = await amazon.answers("instances", "us-east-1", *requests)
        for machine, answer in zip(machines, answers, strict=True):
            assert isinstance(answer, Quote), (machine.name, answer)
            assert answer.amount == pytest.approx(machine.usd, rel=1e-6), machine.name
        calls = len(amazon.ask.endpoints)
        requests = [machine_request(name, zone=zone, capacity=SPOT) for name, zone in spot]
        answers = await amazon.answers("spot", "us-east-1", *requests)
        for (name, zone), answer in zip(spot, answers, strict=True):
            assert isinstance(answer, Quote), (name, zone, answer)
            assert answer.amount == pytest.approx(spot[name, zone], abs=1e-6), (name, zone)
        spot_calls = len(amazon.ask.endpoints) - calls
    print(f"{len(machines)} types by {calls} calls, {len(spot)} spot prices by {spot_calls}")
    assert len(machines) == 1367
