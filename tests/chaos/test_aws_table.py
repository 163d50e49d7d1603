"""Every type of the recorded table of us-east-1, on demand and spot, from the wire to the quote."""

import json
from pathlib import Path

import pytest

from harness.aws_prices import (
    asking_amazon,
    machine_request,
    plain_credentials,
    quoted,
    recorded_machines,
    recorded_spot,
)
from kube_cost_common.messages.prices import SPOT, Shape
from kube_cost_simulator.clouds.aws import SpotPrice
from kube_cost_simulator.clouds.aws_products import with_decoys

ZONES = "abcdf"

EXCEPTIONS: dict[str, str] = {}
"""Types of the table that have another price or none, by name, and why: there are none."""


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    plain_credentials(monkeypatch)


@pytest.mark.timeout(300)
async def test_every_type_of_the_table_on_demand(recorded_data: Path) -> None:
    """1,367 prices to 1e-6 among nine decoys each, and the shape of each type whose shape is recorded."""
    machines = recorded_machines(recorded_data)
    shaped = json.loads((recorded_data / "pricing/aws/instance_shapes_moto.json").read_text())
    products = [product for machine in machines for product in with_decoys(machine)]
    shapes = 0
    async with asking_amazon(products, page_size=1000) as amazon:
        answers = await amazon.answers("instances", "us-east-1", *[machine_request(one.name) for one in machines])
        for machine, answer in zip(machines, answers, strict=True):
            quote = quoted(answer)
            assert machine.name not in EXCEPTIONS
            assert quote.amount == pytest.approx(machine.usd, rel=1e-6), machine.name
            assert quote.exact
            if machine.name in shaped:
                has = quote.shape or Shape(0.0, 0.0)
                assert (has.vcpu, has.gpus) == (machine.vcpu, machine.gpus), machine.name
                assert has.memory_gib == pytest.approx(machine.memory_gib, rel=1e-5), machine.name  # as it is written
                shapes += 1
        calls = len(amazon.ask.endpoints)
    print(f"\n{len(machines)} types by {calls} calls, {shapes} with their recorded shape, {len(EXCEPTIONS)} exceptions")
    assert len(machines) == 1367
    assert shapes > 1200


@pytest.mark.timeout(300)
async def test_every_type_of_the_table_as_spot(recorded_data: Path) -> None:
    """At two fifths of the price and more, another one in each of five zones: 6,835 prices to 1e-6."""
    machines = recorded_machines(recorded_data)
    spot = {
        (machine.name, f"us-east-1{zone}"): round(machine.usd * (0.4 + number / 100), 6)
        for machine in machines
        for number, zone in enumerate(ZONES)
    }
    rows = [SpotPrice(name, zone, usd) for (name, zone), usd in spot.items()]
    async with asking_amazon((), rows, page_size=1000) as amazon:
        requests = [machine_request(name, zone=zone, capacity=SPOT) for name, zone in spot]
        answers = await amazon.answers("spot", "us-east-1", *requests)
        for (name, zone), answer in zip(spot, answers, strict=True):
            assert quoted(answer).amount == pytest.approx(spot[name, zone], abs=1e-6), (name, zone)
        calls = len(amazon.ask.endpoints)
    print(f"\n{len(spot)} spot prices by {calls} calls")
    assert len(spot) == 6835


async def test_every_recorded_spot_row(recorded_data: Path) -> None:
    """250 rows of m5.large in five zones, over the wire: of each zone the newest is taken."""
    rows = recorded_spot(recorded_data)
    newest = {row.zone: row for row in sorted(rows, key=lambda row: row.since)}
    async with asking_amazon((), rows, page_size=100) as amazon:
        requests = [machine_request("m5.large", zone=zone, capacity=SPOT) for zone in newest]
        answers = await amazon.answers("spot", "us-east-1", *requests)
    for (zone, row), answer in zip(newest.items(), answers, strict=True):
        assert quoted(answer).amount == pytest.approx(row.usd, abs=1e-6), zone
    assert len(rows) == 250
    assert len(newest) == 5
