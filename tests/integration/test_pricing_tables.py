"""`kube-cost-pricing live` and `kube-cost-pricing snapshot` as a person types them, against fake clouds."""

import asyncio
from operator import attrgetter
from pathlib import Path

import pytest

from harness.commands import pricing
from harness.gcp_table import is_exception, skus_of
from kube_cost_common.messages.prices import ON_DEMAND, SPOT, Shape
from kube_cost_price_snapshot import load
from kube_cost_price_snapshot.table import Row, Table, VolumeRow, parse, render
from kube_cost_simulator.clouds.aws import AwsCloud
from kube_cost_simulator.clouds.aws_products import Machine, with_decoys
from kube_cost_simulator.clouds.azure import AzureCloud
from kube_cost_simulator.clouds.azure_list import AzurePriceList
from kube_cost_simulator.clouds.faults import CloudFault
from kube_cost_simulator.clouds.gcp import GcpCatalog
from kube_cost_simulator.clouds.gcp_skus import with_decoys as with_gcp_decoys

CAPACITIES = (ON_DEMAND, SPOT)
M5 = {"m5.large": 0.096, "m5.xlarge": 0.192, "c5.large": 0.085}


def selling(prices: dict[str, float]) -> AwsCloud:
    """An AWS that sells these types in us-east-1, among decoys."""
    return AwsCloud(products=[one for sku, usd in prices.items() for one in with_decoys(Machine(sku, usd))])


def shipped(provider: str, region: str, capacity: str) -> dict[str, float]:
    """The shipped prices of a region by machine type."""
    snapshot = load()
    return {
        sku: price.usd_per_hour
        for sku in snapshot.instance_types(provider)
        if (price := snapshot.price(provider, region, sku, capacity)) is not None
    }


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
    """With today's prices, what is new and not what is gone; shapes stay."""
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
    assert made.instances["m5.xlarge"].shape == Shape(2.0, 8.0)  # as the cloud says
    assert made.as_of > "2026-01-01"
    assert made.sources == [
        "aws's price API, asked by kube-cost-pricing snapshot",
        "machine shapes: somebody else",
    ]
    assert [row.sku for row in made.volumes] == ["gp3"]
    assert "new: m5.xlarge" in out
    assert "gone: m1.gone" in out
    assert "changed: 1 types, most of all\n  m5.large                  -4.00% in us-east-1" in out


async def test_googles_table_is_what_google_sells(tmp_path: Path) -> None:
    """Every price of two regions, on demand and spot, whatever the table had; one region alone if that is asked for."""
    snapshot, regions = load(), ["us-central1", "europe-west1"]
    sold = {(region, capacity): shipped("gcp", region, capacity) for region in regions for capacity in CAPACITIES}
    catalog = GcpCatalog(
        skus=[
            sku
            for (region, capacity), prices in sold.items()
            for sku in with_gcp_decoys(list(skus_of(region, capacity, prices, snapshot)))
        ]
    )
    names = {name for prices in sold.values() for name in prices if not any(is_exception(name, one) for one in regions)}
    rows = {name: Row(snapshot.shape("gcp", name), [0.01, 0.01], [0.01, 0.01]) for name in names}
    before = Table(
        provider="gcp",
        as_of="2026-01-01",
        sources=["somebody"],
        unit="USD per hour, Linux",
        regions=regions,
        instances=rows,
        volumes=[],
    )
    file, other = tmp_path / "gcp.json", tmp_path / "other.json"
    file.write_bytes(render(before))
    await catalog.start()
    try:
        whole = await pricing("snapshot", "gcp", str(file), "--into", str(other), KUBE_COST_GCP_ENDPOINT=catalog.url)
        calls = len(catalog.calls)
        part = await pricing("snapshot", "gcp", str(file), "--region", regions[1], KUBE_COST_GCP_ENDPOINT=catalog.url)
    finally:
        await catalog.stop()
    assert (whole[0], whole[2], part[0], part[2]) == (0, "", 0, "")
    assert calls == 1
    for capacity, of in ((ON_DEMAND, attrgetter("on_demand")), (SPOT, attrgetter("spot"))):
        for place, region in enumerate(regions):
            there = {name: usd for name, usd in sold[region, capacity].items() if name in names}
            made = {name: of(row)[place] for name, row in read(other).instances.items() if name in there}
            assert made == pytest.approx(there, rel=1e-6, abs=1e-6)
        assert {of(row)[0] for row in read(file).instances.values()} == {0.01}
        assert [of(row)[1] for row in read(file).instances.values()] == [
            of(row)[1] for row in read(other).instances.values()
        ]
    assert (read(file).as_of, read(file).sources[0]) == ("2026-01-01", "somebody")
    assert "of europe-west1 on" in read(file).sources[1]


async def test_azures_table_is_what_azure_sells(tmp_path: Path) -> None:
    """Of a region that it lacked too; disks are sold whole and stay."""
    prices = {"eastus": {"Standard_D4s_v5": 0.192, "Standard_E4s_v5": 0.252}, "uksouth": {"Standard_D4s_v5": 0.222}}
    cloud = AzureCloud(prices=AzurePriceList(on_demand=prices))
    disk = VolumeRow("P4", "eastus", 5.28, "2026-08-03", 32.0)
    before = Table(
        provider="azure",
        as_of="2026-01-01",
        sources=["somebody"],
        unit="USD per hour, Linux",
        regions=["eastus"],
        instances={"Standard_D4s_v5": Row(None, [0.2], []), "Standard_E4s_v5": Row(None, [0.252], [])},
        volumes=[disk],
    )
    file = tmp_path / "azure.json"
    file.write_bytes(render(before))
    await cloud.start()
    try:
        command = ("snapshot", "azure", str(file), "--region", "eastus", "--region", "uksouth")
        code, out, errors = await pricing(*command, KUBE_COST_AZURE_ENDPOINT=cloud.url)
    finally:
        await cloud.stop()
    assert (code, errors) == (0, "")
    made = read(file)
    assert made.regions == ["eastus", "uksouth"]
    assert {name: row.on_demand for name, row in made.instances.items()} == {
        "Standard_D4s_v5": [0.192, 0.222],
        "Standard_E4s_v5": [0.252, None],
    }
    assert made.volumes == [disk]
    assert "new regions: uksouth" in out


async def test_a_cloud_that_sells_hardly_anything_hasnt_been_understood(table: Path) -> None:
    """A shipped table isn't emptied by an API that has changed."""
    before = read(table)
    cloud = selling({"c5.large": 0.085})
    await cloud.start()
    try:
        code, out, errors = await pricing("snapshot", "aws", str(table), **credentials(cloud))
    finally:
        await cloud.stop()
    assert (code, out) == (1, "")
    assert errors == "nothing is written: aws has only 33% of the table's prices\n"
    assert read(table) == before


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


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "can't be read: No such file"), ("{}", "is no table of prices"), ("[1, 2]", "is no table of prices")],
)
def test_what_is_no_table_is_refused(table: Path, content: str | None, sentence: str) -> None:
    """In a sentence that names the file; nobody is asked."""
    if content is None:
        table.unlink()
    else:
        table.write_text(content)
    code, _, errors = asyncio.run(pricing("snapshot", "aws", str(table)))
    assert code == 2
    assert str(table) in errors
    assert sentence in errors


async def test_a_place_that_cant_be_written_is_named(table: Path) -> None:
    """And the table stays."""
    before = read(table)
    cloud = selling(M5)
    await cloud.start()
    nowhere = table.parent / "nowhere" / "aws.json"
    try:
        code, _, errors = await pricing("snapshot", "aws", str(table), "--into", str(nowhere), **credentials(cloud))
    finally:
        await cloud.stop()
    assert (code, errors) == (2, f"the table can't be written to {nowhere}: No such file or directory\n")
    assert read(table) == before


async def test_a_table_of_another_cloud_is_refused(table: Path) -> None:
    """By its name."""
    code, _, errors = await pricing("snapshot", "gcp", str(table))
    assert (code, errors) == (2, f"{table} is a table of aws\n")


async def test_todays_prices_are_told_against_the_table() -> None:
    """In percent; what isn't sold is said; a cloud that can't be asked has the exit code."""
    prices = shipped("aws", "us-east-1", ON_DEMAND)
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
    assert said.count("\n") == 1
    assert said.startswith("aws: can't be asked: denied")


async def test_azure_needs_no_credentials() -> None:
    """All its types are the table's where the fake sells at the table's prices."""
    prices = shipped("azure", "eastus", ON_DEMAND)
    cloud = AzureCloud(prices=AzurePriceList(on_demand={"eastus": prices}))
    await cloud.start()
    try:
        code, out, errors = await pricing("live", "azure", "--types", "5", KUBE_COST_AZURE_ENDPOINT=cloud.url)
    finally:
        await cloud.stop()
    assert (code, errors) == (0, "")
    assert "azure: 5 of 5 types have a price today, 5 the table's; off by 0.00 % at most" in out


async def test_todays_prices_of_google() -> None:
    """All are the table's where the fake sells at the table's prices; the machines' disks and GPUs among them."""
    snapshot, here = load(), "us-central1"
    skus = list(skus_of(here, ON_DEMAND, shipped("gcp", here, ON_DEMAND), snapshot))
    catalog = GcpCatalog(skus=list(with_gcp_decoys(skus)))
    await catalog.start()
    try:
        code, out, errors = await pricing("live", "gcp", "--types", "30", KUBE_COST_GCP_ENDPOINT=catalog.url)
    finally:
        await catalog.stop()
    assert (code, errors) == (0, "")
    assert "gcp: 30 of 30 types have a price today, 30 the table's" in out
    assert len(catalog.calls) == 1


async def test_a_cloud_without_a_single_price_has_the_exit_code() -> None:
    """It could be asked, but nothing of what it said was understood."""
    cloud = selling({})
    await cloud.start()
    try:
        code, out, errors = await pricing("live", "aws", "--types", "2", **credentials(cloud))
    finally:
        await cloud.stop()
    assert code == 1
    assert "aws: 0 of 2 types have a price today" in out
    assert errors == "aws: was asked, and none of its answers was a price\n"


@pytest.mark.parametrize("wrong", [("aws", "--region", "nowhere"), ("aws", "--types", "0"), ("ibm",)])
async def test_what_cant_be_compared_is_refused(wrong: tuple[str, ...]) -> None:
    """Before anybody is asked."""
    code, out, errors = await pricing("live", *wrong)
    assert (code, out) == (2, "")
    assert errors
