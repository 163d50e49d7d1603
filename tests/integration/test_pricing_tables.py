"""`kube-cost-pricing live` and `kube-cost-pricing snapshot` as a person types them, against fake clouds."""

import asyncio
from pathlib import Path

import pytest

from harness.commands import pricing
from kube_cost_price_snapshot import load
from kube_cost_price_snapshot.table import Row, Table, VolumeRow, parse, render
from kube_cost_simulator.clouds.aws import AwsCloud
from kube_cost_simulator.clouds.aws_products import Machine, with_decoys
from kube_cost_simulator.clouds.azure import AzureCloud
from kube_cost_simulator.clouds.azure_list import AzurePriceList
from kube_cost_simulator.clouds.faults import CloudFault

M5 = {"m5.large": 0.096, "m5.xlarge": 0.192, "c5.large": 0.085}


def selling(prices: dict[str, float]) -> AwsCloud:
    """An AWS that sells these types in us-east-1, among decoys."""
    return AwsCloud(products=[one for sku, usd in prices.items() for one in with_decoys(Machine(sku, usd))])


def read(file: Path) -> Table:
    return parse(file.read_bytes())


def credentials(cloud: AwsCloud) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "KUBE_COST_AWS_PRICING_ENDPOINT": cloud.url,
        "KUBE_COST_AWS_EC2_ENDPOINT": cloud.url,
    }


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A small table of AWS, of another day."""
    snapshot = load()
    made = Table(
        provider="aws",
        as_of="2026-01-01",
        sources=["somebody", "machine shapes: somebody else"],
        unit="USD per hour, Linux",
        regions=["us-east-1"],
        instances={
            "m5.large": Row(snapshot.shape("aws", "m5.large"), [0.1], []),
            "c5.large": Row(snapshot.shape("aws", "c5.large"), [0.085], []),
            "m1.gone": Row(None, [0.05], []),
        },
        volumes=[VolumeRow("gp3", "us-east-1", 0.08, "2026-08-03")],
    )
    file = tmp_path / "aws.json"
    file.write_bytes(render(made))
    return file


async def test_a_table_is_made_anew(table: Path) -> None:
    """With today's prices, what is new and not what is gone; shapes and volumes stay."""
    cloud = selling(M5)
    await cloud.start()
    try:
        command = ("snapshot", "aws", str(table), "--type", "m5.xlarge")
        code, out, errors = await pricing(*command, **credentials(cloud))
    finally:
        await cloud.stop()
    assert (code, errors) == (0, "")
    made = read(table)
    assert {sku: row.on_demand for sku, row in made.instances.items()} == {sku: [usd] for sku, usd in M5.items()}
    assert made.instances["m5.large"].shape == load().shape("aws", "m5.large")
    assert made.as_of > "2026-01-01"
    assert made.sources == [
        "aws's price API, asked by kube-cost-pricing snapshot",
        "machine shapes: somebody else",
    ]
    assert [row.sku for row in made.volumes] == ["gp3"]
    assert "new: m5.xlarge" in out
    assert "gone: m1.gone" in out
    assert "changed: 1, most of all m5.large by 4.0%" in out


async def test_nothing_is_written_unless_all_was_answered(table: Path) -> None:
    """Half a table would be one without the other half."""
    before = read(table)
    cloud = selling(M5)
    cloud.misbehaviour.fault = CloudFault.DENIED
    await cloud.start()
    try:
        code, out, errors = await pricing("snapshot", "aws", str(table), **credentials(cloud))
    finally:
        await cloud.stop()
    assert (code, out) == (1, "")
    assert "nothing is written" in errors
    assert read(table) == before


@pytest.mark.parametrize("content", [None, "{}", "[1, 2]"])
def test_what_is_no_table_is_refused(table: Path, content: str | None) -> None:
    """And not asked for."""
    if content is None:
        table.unlink()
    else:
        table.write_text(content)
    code, _, errors = asyncio.run(pricing("snapshot", "aws", str(table)))
    assert code == 2
    assert errors


async def test_a_table_of_another_cloud_is_refused(table: Path) -> None:
    """By its name."""
    code, _, errors = await pricing("snapshot", "gcp", str(table))
    assert (code, errors) == (2, f"{table} is a table of aws\n")


async def test_todays_prices_are_told_against_the_table() -> None:
    """In percent; what isn't sold is said; a cloud that can't be asked has the exit code."""
    snapshot = load()
    types = snapshot.instance_types("aws")
    prices = {
        sku: price.usd_per_hour for sku in types if (price := snapshot.price("aws", "us-east-1", sku, "on_demand"))
    }
    skus = list(prices)
    first, second = skus[0], skus[len(skus) // 2]
    cloud = selling({first: prices[first], second: 1.1 * prices[second]})
    await cloud.start()
    try:
        code, out, errors = await pricing("live", "aws", "--types", "2", **credentials(cloud))
        cloud.misbehaviour.fault = CloudFault.DENIED
        denied, _, said = await pricing("live", "aws", "--types", "2", **credentials(cloud))
    finally:
        await cloud.stop()
    assert (code, errors) == (0, "")
    assert "+0.00 %" in out
    assert "+10.00 %" in out
    assert "aws: 2 of 2 types have a price today, 1 the table's; off by 10.00 % at most" in out
    assert denied == 1
    assert said.startswith("aws: can't be asked: denied")


async def test_azure_needs_no_credentials() -> None:
    """All its types are the table's where the fake sells at the table's prices."""
    snapshot = load()
    prices = {
        sku: price.usd_per_hour
        for sku in snapshot.instance_types("azure")
        if (price := snapshot.price("azure", "eastus", sku, "on_demand"))
    }
    cloud = AzureCloud(prices=AzurePriceList(on_demand={"eastus": prices}))
    await cloud.start()
    try:
        code, out, errors = await pricing("live", "azure", "--types", "5", KUBE_COST_AZURE_ENDPOINT=cloud.url)
    finally:
        await cloud.stop()
    assert (code, errors) == (0, "")
    assert "azure: 5 of 5 types have a price today, 5 the table's; off by 0.00 % at most" in out
