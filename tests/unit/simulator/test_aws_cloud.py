"""The fake of AWS's price list and spot history: its filters and pages, its decoys, and what it does wrong."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from kube_cost_simulator.clouds.aws import PRICING_TYPE, XMLNS, AwsCloud, SpotPrice
from kube_cost_simulator.clouds.aws_products import Machine, with_decoys
from kube_cost_simulator.clouds.faults import CloudFault

M5 = Machine("m5.large", 0.096)
HEADERS = {
    "Content-Type": PRICING_TYPE,
    "X-Amz-Target": "AWSPriceListService.GetProducts",
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIATEST/20261125/us-east-1/pricing/aws4_request",
}
SPOT_FORM = {
    "Action": "DescribeSpotPriceHistory",
    "InstanceType.1": "m5.large",
    "ProductDescription.1": "Linux/UNIX",
}


@pytest.fixture
async def cloud() -> AsyncIterator[AwsCloud]:
    served = AwsCloud(
        products=list(with_decoys(M5)),
        spot=[SpotPrice("m5.large", "us-east-1a", 0.0412), SpotPrice("m5.large", "us-east-1a", 0.11, description="S")],
        page_size=3,
        huge_bytes=200_000,
    )
    await served.start()
    yield served
    await served.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(client: aiohttp.ClientSession, cloud: AwsCloud, token: str = "", **filters: str) -> tuple[int, Any]:
    asked: dict[str, Any] = {
        "ServiceCode": "AmazonEC2",
        "Filters": [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in filters.items()],
    }
    if token:
        asked["NextToken"] = token
    async with client.post(cloud.url, data=json.dumps(asked), headers=HEADERS) as answer:
        return answer.status, json.loads(await answer.read())


def usd(item: str) -> str:
    """The on-demand price of an item."""
    (term,) = json.loads(item)["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    (price,) = dimension["pricePerUnit"].values()
    return str(price)


def differences(attributes: Mapping[str, str], plain: Mapping[str, str]) -> set[str]:
    return {name for name, value in attributes.items() if plain.get(name) != value}


def test_decoys_differ_from_the_machine_by_what_they_are() -> None:
    """Reservations, dedicated machines and hosts, software, other systems and licences, a capacity block."""
    plain, *decoys = with_decoys(M5)
    found = Counter(name for decoy in decoys for name in differences(decoy.attributes, plain.attributes))
    assert found == {
        "capacitystatus": 2,
        "tenancy": 2,
        "preInstalledSw": 1,
        "operatingSystem": 2,
        "marketoption": 1,
        "operation": 2,
        "licenseModel": 1,
    }
    assert len({decoy.sku for decoy in [plain, *decoys]}) == 10


async def test_every_filter_must_hold(cloud: AwsCloud, client: aiohttp.ClientSession) -> None:
    """As with the real list: a capacity block is left where nobody asks for the market, and nothing where it is."""
    plain = {"tenancy": "Shared", "capacitystatus": "Used", "operatingSystem": "Linux", "preInstalledSw": "NA"}
    _, page = await ask(client, cloud, **plain)
    assert [usd(item) for item in page["PriceList"]] == ["0.0960000000", "0.0768000000", "0.1248000000"]
    _, page = await ask(client, cloud, **plain, marketoption="CapacityBlock")
    assert [usd(item) for item in page["PriceList"]] == ["0.0768000000"]
    _, page = await ask(client, cloud, **plain, instanceType="m5.xlarge")
    assert page["PriceList"] == []
    assert cloud.access_keys == ["AKIATEST"] * 3


async def test_pages_are_followed_to_the_last(cloud: AwsCloud, client: aiohttp.ClientSession) -> None:
    """Ten products in pages of three, each once, and no token after the last."""
    items, token, pages = [], "", 0
    while True:
        _, page = await ask(client, cloud, token)
        items += page["PriceList"]
        pages += 1
        token = page.get("NextToken", "")
        if not token:
            break
    assert (pages, len(items), len(set(items))) == (4, 10, 10)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (CloudFault.THROTTLED, 400, "ThrottlingException"),
        (CloudFault.DENIED, 400, "AccessDeniedException"),
    ],
)
async def test_refusals_are_awss_own(
    cloud: AwsCloud, client: aiohttp.ClientSession, fault: CloudFault, status: int, code: str
) -> None:
    """By the type in the body, which botocore reads."""
    cloud.misbehaviour.fault = fault
    got, body = await ask(client, cloud)
    assert (got, body["__type"].split("#")[1]) == (status, code)


@pytest.mark.parametrize(
    ("fault", "price"),
    [
        (CloudFault.ZERO, "0.0000000000"),
        (CloudFault.NEGATIVE, "-0.1000000000"),
        (CloudFault.NOT_A_NUMBER, "NaN"),
    ],
)
async def test_impossible_prices_are_in_every_item(
    cloud: AwsCloud, client: aiohttp.ClientSession, fault: CloudFault, price: str
) -> None:
    """In the list, and in the history."""
    cloud.misbehaviour.fault = fault
    _, page = await ask(client, cloud)
    assert {usd(item) for item in page["PriceList"]} == {price}
    async with client.post(cloud.url, data=SPOT_FORM) as answer:
        assert f"<spotPrice>{price}</spotPrice>" in await answer.text()


async def test_another_currency_a_vanished_product_and_an_endless_list(
    cloud: AwsCloud, client: aiohttp.ClientSession
) -> None:
    """Each does what its name says, and the cloud is honest again without it."""
    cloud.misbehaviour.fault = CloudFault.CURRENCY
    _, page = await ask(client, cloud)
    assert all('"CNY"' in item and '"USD"' not in item for item in page["PriceList"])
    cloud.misbehaviour.fault = CloudFault.VANISHED
    _, page = await ask(client, cloud)
    assert page["PriceList"] == []
    cloud.misbehaviour.fault = CloudFault.ENDLESS
    _, page = await ask(client, cloud, "9")
    assert page["NextToken"]
    cloud.misbehaviour.fault = None
    _, page = await ask(client, cloud, "9")
    assert "NextToken" not in page
    assert len(cloud.misbehaviour.calls) == 4


async def test_the_wires_faults(cloud: AwsCloud, client: aiohttp.ClientSession) -> None:
    """A 500, half a body, a reset, a body that is far too large."""
    cloud.misbehaviour.fault = CloudFault.SERVER_ERROR
    async with client.post(cloud.url, data=SPOT_FORM) as answer:
        assert answer.status == 500
    cloud.misbehaviour.fault = CloudFault.TRUNCATED
    async with client.post(cloud.url, data=SPOT_FORM) as answer:
        text = await answer.text()
    with pytest.raises(ET.ParseError):
        ET.fromstring(text)
    cloud.misbehaviour.fault = CloudFault.RESET
    with pytest.raises(aiohttp.ClientError):
        await client.post(cloud.url, data=SPOT_FORM)
    cloud.misbehaviour.fault = CloudFault.HUGE
    async with client.post(cloud.url, data=SPOT_FORM) as answer:
        assert len(await answer.read()) > 200_000


async def test_the_history_is_xml_of_the_types_and_systems_asked_for(
    cloud: AwsCloud, client: aiohttp.ClientSession
) -> None:
    """Rows of other product descriptions stay out; a type that EC2 doesn't know is an error of its own."""
    async with client.post(cloud.url, data=SPOT_FORM) as answer:
        root = ET.fromstring(await answer.text())
    assert [each.text for each in root.iter(f"{{{XMLNS}}}spotPrice")] == ["0.041200"]
    cloud.unknown_types = {"m5.large"}
    async with client.post(cloud.url, data=SPOT_FORM) as answer:
        assert answer.status == 400
        assert "<Code>InvalidParameterValue</Code>" in await answer.text()
