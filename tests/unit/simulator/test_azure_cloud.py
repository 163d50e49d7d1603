"""The fake of Azure's price list: its filters, its pages, and what it does wrong."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kube_cost_simulator.clouds.azure import PRICE_SHEET, RETAIL, AzureCloud
from kube_cost_simulator.clouds.azure_filters import FilterError, parse
from kube_cost_simulator.clouds.azure_list import AzurePriceList, AzurePriceSheet

ROW = {
    "serviceName": "Virtual Machines",
    "armRegionName": "eastus",
    "armSkuName": "Standard_D4s_v5",
    "productName": "Virtual Machines Dsv5 Series",
    "type": "Consumption",
}
SHEET = "/subscriptions/s/providers/Microsoft.Consumption/pricesheets/default"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("armRegionName eq 'eastus'", True),
        ("armRegionName eq 'EastUS'", False),
        ("priceType eq 'Consumption' and armSkuName eq 'Standard_D4s_v5'", True),
        ("priceType eq 'Reservation' or armSkuName eq 'Standard_D4s_v5'", True),
        ("priceType eq 'Reservation' and armSkuName eq 'x' or armRegionName eq 'eastus'", True),
        ("priceType eq 'Reservation' and (armSkuName eq 'x' or armRegionName eq 'eastus')", False),
        ("startswith(productName, 'Virtual Machines')", True),
        ("startswith(productName, 'Machines')", False),
        ("contains(productName, 'Dsv5') and armRegionName eq 'eastus'", True),
        ("((serviceName eq 'Virtual Machines'))", True),
        ("productName eq 'It''s'", False),
    ],
)
def test_a_filter_holds_as_odata_says(text: str, holds: bool) -> None:
    """`and` binds tighter than `or`, parentheses tighter than both, and case counts."""
    assert parse(text).holds(ROW) == holds


@pytest.mark.parametrize(
    "text", ["armRegionName", "armRegionName eq", "colour eq 'red'", "armRegionName eq 'a' armSkuName", "(", "!", "eq"]
)
def test_a_filter_that_isnt_one_is_refused(text: str) -> None:
    """The real API answers 400."""
    with pytest.raises(FilterError):
        parse(text)


def test_recorded_filters_are_understood(recorded_data: Path) -> None:
    """What others asked of the real API selects, of the rows that it answered, all."""
    files = sorted((recorded_data / "pricing/azure/retail_pages").glob("*.json"))
    assert files
    for file in files:
        page = json.loads(file.read_text())
        condition = parse(page["Url"].split("$filter=")[1])
        assert all(condition.holds(row) for row in page["Items"]), file.name


@pytest.fixture
async def cloud() -> AsyncIterator[AzureCloud]:
    prices = AzurePriceList(on_demand={"eastus": {"Standard_D4s_v5": 0.192, "Dsv3_Type3": 4.0}})
    sheet = AzurePriceSheet()
    for index in range(5):
        sheet.agree("eastus", f"Standard_D{index}s_v5", 0.1)
    served = AzureCloud(prices=prices, sheet=sheet, token="t", page_size=3)
    await served.start()
    yield served
    await served.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def listing(client: aiohttp.ClientSession, url: str) -> Any:
    async with client.get(url) as answer:
        return await answer.json()


def first(cloud: AzureCloud, condition: str) -> str:
    return f"{cloud.url}/api/retail/prices?api-version=2023-01-01-preview&currencyCode='USD'&$filter={condition}"


async def test_pages_are_like_recorded_ones(
    recorded_data: Path, cloud: AzureCloud, client: aiohttp.ClientSession
) -> None:
    """The same fields in the page and in a row, none more and none fewer than the real list has."""
    recorded = json.loads((recorded_data / "pricing/azure/retail_items_B16als_v2_australiacentral.json").read_text())
    page = await listing(client, first(cloud, "armSkuName eq 'Standard_D4s_v5' and armRegionName eq 'eastus'"))
    assert page.keys() == recorded.keys()
    optional = {"savingsPlan", "reservationTerm", "effectiveEndDate"}
    assert {frozenset(item.keys() - optional) for item in page["Items"]} == {
        frozenset(item.keys() - optional) for item in recorded["Items"]
    }


async def test_pages_are_followed_to_the_last(cloud: AzureCloud, client: aiohttp.ClientSession) -> None:
    """Twelve rows of a machine without spot are four pages of three, each row once."""
    url: str | None = first(cloud, "armSkuName eq 'Standard_D4s_v5'")
    rows, pages = [], 0
    while url is not None:
        page = await listing(client, url)
        rows += page["Items"]
        pages += 1
        assert page["Count"] == len(page["Items"]) <= 3
        url = page["NextPageLink"]
    assert pages == 4
    assert len({json.dumps(row) for row in rows}) == 12


async def test_a_bad_filter_is_a_bad_request(cloud: AzureCloud, client: aiohttp.ClientSession) -> None:
    """As with the real one."""
    async with client.get(first(cloud, "colour eq 'red'")) as answer:
        assert answer.status == 400


async def test_the_sheet_wants_its_token(cloud: AzureCloud, client: aiohttp.ClientSession) -> None:
    """Without, 401; with it, pages by a skip token, details only on demand; calls are noted by endpoint."""
    async with client.get(cloud.url + SHEET) as answer:
        assert answer.status == 401
    headers = {"Authorization": "Bearer t"}
    async with client.get(cloud.url + SHEET, headers=headers) as answer:
        page = (await answer.json())["properties"]
    assert len(page["pricesheets"]) == 3
    assert "meterDetails" not in page["pricesheets"][0]
    async with client.get(
        cloud.url + SHEET, headers=headers, params={"$skiptoken": "3", "$expand": "properties/meterDetails"}
    ) as answer:
        page = (await answer.json())["properties"]
    assert len(page["pricesheets"]) == 2
    assert page["pricesheets"][0]["meterDetails"]["meterCategory"] == "Virtual Machines"
    assert "nextLink" not in page
    assert [name for name, _ in cloud.sheet_misbehaviour.calls] == [PRICE_SHEET] * 3
    assert cloud.misbehaviour.calls == []
    await listing(client, first(cloud, "armSkuName eq 'x'"))
    assert [name for name, _ in cloud.misbehaviour.calls] == [RETAIL]
