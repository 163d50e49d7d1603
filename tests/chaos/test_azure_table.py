"""Every row of the recorded table, over the wire."""

from pathlib import Path

import pytest

from harness.azure_facts import quoted
from harness.azure_prices import all_prices, asking, spot_of
from harness.azure_table import NOT_MACHINES, linux_prices, windows_among, without_price
from kube_cost_common.messages.prices import ON_DEMAND, SPOT
from kube_cost_pricing.providers.source import Unknown
from kube_cost_simulator.clouds.azure_list import AzurePriceList


@pytest.mark.timeout(600)
async def test_every_machine_of_six_regions_costs_what_the_table_says(recorded_data: Path) -> None:
    """On demand and (made up) spot, to 1e-6; the exceptions are listed with their reason."""
    table, among = linux_prices(recorded_data), windows_among(recorded_data)
    spot = spot_of(table)
    prices = AzurePriceList(on_demand=table, spot=spot)
    for (region, sku), (linux, windows) in among.items():
        prices.sell(region, sku, linux, spot[region][sku], windows)
    compared, free, excepted = 0, set(), set()
    async with asking(prices, limit_seconds=60.0) as asked:
        for region, machines in table.items():
            for capacity, expected in ((ON_DEMAND, machines), (SPOT, spot[region])):
                for sku, answer in (await all_prices(asked, region, sorted(machines), capacity)).items():
                    if without_price(sku):
                        assert isinstance(answer, Unknown), sku
                        excepted.add(sku)
                        continue
                    assert quoted(answer).amount == pytest.approx(expected[sku], rel=1e-6, abs=1e-9), (region, sku)
                    compared += 1
                    if expected[sku] == 0:
                        free.add(f"{region} {sku}")
        calls = len(asked.ask.endpoints)
    print(f"\n{compared} prices are the table's, from {calls} calls")
    print(f"{len(among)} of the table's prices are Windows' and were served as such:")
    for (region, sku), (linux, windows) in sorted(among.items()):
        print(f"  {region} {sku}: {windows} is with Windows, {linux:g} without")
    print(f"{len(free)} are 0 in the table, for what isn't sold yet; sanity refuses them: {', '.join(sorted(free))}")
    for sku in sorted(excepted):
        print(f"without a price: {sku!r}: {NOT_MACHINES.get(sku, 'a dedicated host')}")
    assert compared == 2 * sum(not without_price(sku) for machines in table.values() for sku in machines)
    assert compared > 18_000
