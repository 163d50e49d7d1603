"""Azure's prices over a socket, from an API that has every neighbour beside each price."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.azure_facts import priced, quoted
from harness.azure_prices import D4S, EASTUS, SPOT_USD, Asked, all_prices, asking, price_list, spot_of
from harness.azure_table import NOT_MACHINES, linux_prices, windows_among, without_price
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    LOAD_BALANCER,
    NETWORK,
    ON_DEMAND,
    POD_MEMORY,
    POD_VCPU,
    SPOT,
    VOLUME,
    VOLUME_IOPS,
)
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_pricing.providers.source import NO_INSTANCE_TYPE, NO_REGION, Quote, Unknown
from kube_cost_simulator.clouds.azure_list import AzurePriceList
from kube_cost_simulator.clouds.azure_rows import windows_usd


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with asking(price_list()) as served:
        yield served


def family(sku: str) -> str:
    """A size's name without its numbers of vCPUs."""
    return re.sub(r"(?<=[A-Z])\d+(-\d+)?", "#", sku, count=1)


class TestTheRecordedTable:
    async def test_a_machine_of_every_family_costs_what_the_table_says(self, recorded_data: Path) -> None:
        """In all six regions, on demand and (made up) spot, over the wire, to 1e-6; what has no price is named."""
        table = linux_prices(recorded_data)
        spot = spot_of(table)
        compared = 0
        async with asking(AzurePriceList(on_demand=table, spot=spot)) as asked:
            for region, prices in table.items():
                sample = list({family(sku): sku for sku in sorted(prices, reverse=True)}.values())
                assert len(sample) > 200
                for capacity, expected in ((ON_DEMAND, prices), (SPOT, spot[region])):
                    answers = await all_prices(asked, region, sample, capacity)
                    for sku, answer in answers.items():
                        if without_price(sku):
                            assert isinstance(answer, Unknown), sku
                            continue
                        assert quoted(answer).amount == pytest.approx(expected[sku], rel=1e-6, abs=1e-9), sku
                        compared += 1
        print(f"\n{compared} prices of every family in {len(table)} regions are the table's")
        assert compared > 2000

    async def test_the_prices_of_windows_in_the_table_are_the_windows_rows(self, recorded_data: Path) -> None:
        """About a hundred of its "Linux" prices are Windows' own; the same type's Linux price is the surcharge less."""
        among, table = windows_among(recorded_data), linux_prices(recorded_data)
        prices = AzurePriceList(on_demand=table)
        for (region, sku), (linux, windows) in among.items():
            prices.sell(region, sku, linux, None, windows)
        async with asking(prices) as asked:
            for region in table:
                skus = [sku for in_region, sku in among if in_region == region]
                requests = [priced(sku, region=region, os=os) for sku in skus for os in ("linux", "windows")]
                for request, answer in zip(requests, await asked.instances(region, *requests), strict=True):
                    linux, windows = among[region, request.sku]
                    expected = windows if request.os == "windows" else linux
                    assert quoted(answer).amount == pytest.approx(expected, rel=1e-6)
        print(f"\n{len(among)} prices of the table are Windows'")
        assert 90 < len(among) < 120

    def test_the_exceptions_are_few_and_named(self, recorded_data: Path) -> None:
        """Dedicated hosts, three names that are no machine type, and one with blanks behind it: nothing else."""
        skus = {sku for prices in linux_prices(recorded_data).values() for sku in prices}
        excepted = {sku for sku in skus if without_price(sku)}
        assert {sku for sku in excepted if sku.startswith(("Standard_", "Basic_"))} == {"Standard_NM16ads_MA35D  "}
        assert set(NOT_MACHINES) <= skus
        assert all("Type" in sku for sku in excepted - set(NOT_MACHINES)), excepted


class TestMachines:
    @pytest.mark.parametrize("sku", list(EASTUS))
    async def test_one_type_has_four_prices(self, asked: Asked, sku: str) -> None:
        """On demand and spot, Linux and Windows, each from its own row; the zone doesn't matter."""
        on_demand, spot = EASTUS[sku], SPOT_USD[sku]
        assert quoted(await asked.one(priced(sku))).amount == on_demand
        assert quoted(await asked.one(priced(sku, os="windows"))).amount == pytest.approx(windows_usd(on_demand))
        for zone in ("eastus-1", "eastus-3", ""):
            assert quoted(await asked.one(priced(sku, capacity=SPOT, zone=zone))).amount == spot
        assert quoted(await asked.one(priced(sku, capacity=SPOT, os="windows"))).amount == pytest.approx(
            windows_usd(spot)
        )

    async def test_a_quote_says_where_it_is_from(self, asked: Asked) -> None:
        """An API's exact price in USD per hour, of just now; without a subscription there is nothing to note."""
        before = SystemClock().now_ns()
        quote = quoted(await asked.one(priced(D4S)))
        assert before <= quote.fetched_at_ns <= SystemClock().now_ns()
        assert quote == Quote(amount=0.192, unit="hour", source="api", fetched_at_ns=quote.fetched_at_ns)

    async def test_every_row_is_accounted_for(self, asked: Asked) -> None:
        """`lookup` sees each neighbour and why it was left."""
        await asked.one(priced(D4S))
        assert len([line for line in asked.seen if line.startswith("taken")]) == 1
        left = "\n".join(line for line in asked.seen if line.startswith("left"))
        for reason in ("Cloud Services", "Low Priority", "with Windows", "it is spot", "Expired", "ended", "begins"):
            assert reason in left, reason

    async def test_a_price_changes_with_the_cloud(self) -> None:
        """A question after the rows' age has the new price."""
        async with asking(price_list(), rows_max_age_seconds=0.0) as asked:
            await asked.one(priced(D4S))
            asked.cloud.prices.sell("eastus", D4S, 0.21, 0.05)
            assert quoted(await asked.one(priced(D4S))).amount == 0.21
            assert quoted(await asked.one(priced(D4S, capacity=SPOT))).amount == 0.05

    @pytest.mark.parametrize(
        ("sku", "region", "code", "reason"),
        [
            ("Standard_Nonsense_v1", "eastus", "no_price", "no on-demand price of Standard_Nonsense_v1"),
            ("standard_d4s_v5", "eastus", "no_price", "no on-demand price"),
            ("", "eastus", NO_INSTANCE_TYPE, "no instance type"),
            ("x' or 'a' eq 'a", "eastus", "no_price", "no machine type"),
            (D4S, "", NO_REGION, "no region"),
            (D4S, "usgovvirginia", "no_price", "Azure Government"),
            (D4S, "chinaeast2", "no_price", "Azure China"),
            (D4S, "atlantis", "no_price", "in atlantis"),
        ],
    )
    async def test_what_has_no_price_has_a_reason(
        self, asked: Asked, sku: str, region: str, code: str, reason: str
    ) -> None:
        """Unknown types and regions, sovereign clouds, and names that are none."""
        answer = await asked.one(priced(sku, region=region))
        assert isinstance(answer, Unknown)
        assert answer.code == code
        assert reason in answer.reason

    async def test_nothing_is_asked_about_other_clouds_regions(self, asked: Asked) -> None:
        """Azure China and Government aren't in the public list: no call is spent on them."""
        for region in ("chinanorth3", "usgovarizona", "usdodeast", ""):
            await asked.instances(region, priced(D4S, region=region))
            await asked.storage(region, priced("Premium_LRS", kind=VOLUME, region=region))
            await asked.network(region, priced("", kind=LOAD_BALANCER, region=region))
        assert asked.ask.endpoints == []

    async def test_a_region_is_asked_in_lower_case(self, asked: Asked) -> None:
        """The list's regions are in lower case and compared so."""
        assert quoted(await asked.one(priced(D4S, region="EastUS"))).amount == 0.192


class TestTheOthers:
    async def test_all_kinds_of_disks_are_one_call(self, asked: Asked) -> None:
        """Eastus' check values, and a call for the lot."""
        kinds = ("Premium_LRS", "StandardSSD_LRS", "Standard_LRS", "Premium_ZRS", "PremiumV2_LRS", "UltraSSD_LRS")
        requests = [priced(kind, kind=VOLUME) for kind in kinds]
        iops = priced("PremiumV2_LRS", kind=VOLUME_IOPS)
        answers = await asked.storage("eastus", *requests, iops, priced("gp3", kind=VOLUME))
        by_kind = dict(zip(kinds, answers, strict=False))
        tiers = {kind: {tier.start: tier.usd for tier in quoted(by_kind[kind]).tiers} for kind in kinds}
        assert tiers["Premium_LRS"][16] == 5.28
        assert tiers["StandardSSD_LRS"][512] == 76.80
        assert tiers["Standard_LRS"][0] == 1.54
        assert quoted(by_kind["PremiumV2_LRS"]).amount == pytest.approx(0.0803)
        assert quoted(answers[6]).amount == pytest.approx(0.00511)
        assert isinstance(answers[7], Unknown)
        assert set(asked.ask.endpoints) == {"storage_price"}
        assert len(set(asked.cloud.queries)) == 1

    async def test_traffic_balancer_and_control_plane_are_a_query_each(self, asked: Asked) -> None:
        """Three endpoints, whatever the order of the requests."""
        requests = [
            priced("internet", kind=NETWORK),
            priced("standard", kind=CONTROL_PLANE),
            priced("zone", kind=NETWORK),
            priced("", kind=LOAD_BALANCER),
            priced("extended", kind=CONTROL_PLANE),
        ]
        answers = await asked.network("eastus", *requests)
        assert [quoted(answer).amount for answer in answers] == [0.087, 0.10, 0.01, 0.025, 0.60]
        assert sorted(asked.ask.endpoints) == ["control_plane_price", "load_balancer_price", "network_price"]

    async def test_container_groups_are_priced_with_the_machines(self, asked: Asked) -> None:
        """VCPU and GiB of ACI, on demand and spot, from one query."""
        answers = await asked.instances("eastus", priced("aci", kind=POD_VCPU), priced("aci", kind=POD_MEMORY))
        assert [quoted(answer).amount for answer in answers] == [0.0405, 0.00445]
        spot = await asked.spot("eastus", priced("aci", kind=POD_VCPU, capacity=SPOT))
        assert quoted(spot[0]).amount == 0.01215
        assert asked.ask.endpoints == ["instance_price"]
