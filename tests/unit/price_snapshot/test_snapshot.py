"""What the shipped tables say, and what they don't."""

import datetime as dt

import pytest

from kube_cost_common.messages.prices import ON_DEMAND, SPOT, Shape
from kube_cost_price_snapshot import PriceSnapshot, load


@pytest.fixture(scope="module")
def snapshot() -> PriceSnapshot:
    return load()


@pytest.mark.parametrize(
    ("provider", "regions", "at_least_types"), [("aws", 1, 1367), ("azure", 6, 1600), ("gcp", 43, 519)]
)
def test_every_cloud_is_there(snapshot: PriceSnapshot, provider: str, regions: int, at_least_types: int) -> None:
    """The tables have as many regions and machine types as their sources."""
    assert len(snapshot.regions(provider)) == regions
    assert len(snapshot.instance_types(provider)) >= at_least_types


@pytest.mark.parametrize(
    ("provider", "region", "sku", "capacity", "usd", "shape"),
    [
        ("aws", "us-east-1", "m5.large", ON_DEMAND, 0.096, Shape(vcpu=2, memory_gib=8)),
        ("aws", "us-east-1", "c5.2xlarge", ON_DEMAND, 0.34, Shape(vcpu=8, memory_gib=16)),
        ("aws", "us-east-1", "r5.large", ON_DEMAND, 0.126, Shape(vcpu=2, memory_gib=16)),
        ("aws", "us-east-1", "p3.2xlarge", ON_DEMAND, 3.06, Shape(vcpu=8, memory_gib=61, gpus=1)),
        ("aws", "us-east-1", "g4dn.xlarge", ON_DEMAND, 0.526, Shape(vcpu=4, memory_gib=16, gpus=1)),
        ("azure", "eastus", "Standard_D2s_v3", ON_DEMAND, 0.096, Shape(vcpu=2, memory_gib=8)),
        ("azure", "eastus", "Standard_D2as_v5", ON_DEMAND, 0.086, Shape(vcpu=2, memory_gib=8)),
        ("gcp", "us-central1", "n2-standard-4", ON_DEMAND, 0.194236, Shape(vcpu=4, memory_gib=16)),
        ("gcp", "us-central1", "n2-standard-4", SPOT, 0.09212, Shape(vcpu=4, memory_gib=16)),
        ("gcp", "us-central1", "n1-standard-4", ON_DEMAND, 0.189999, Shape(vcpu=4, memory_gib=15)),
    ],
)
def test_check_prices(
    snapshot: PriceSnapshot, provider: str, region: str, sku: str, capacity: str, usd: float, shape: Shape
) -> None:
    """Published prices that anybody can look up come out to a millionth, with the type's nominal shape."""
    price = snapshot.price(provider, region, sku, capacity)
    assert price is not None
    assert price.usd_per_hour == pytest.approx(usd, abs=1e-6)
    assert price.shape == shape
    assert (price.region, price.elsewhere) == (region, False)


@pytest.mark.parametrize(
    ("provider", "as_of"),
    [
        ("aws", dt.date(2026, 7, 20)),
        ("azure", dt.date(2026, 6, 18)),
        ("gcp", dt.date(2026, 8, 3)),
    ],
)
def test_prices_have_their_date(snapshot: PriceSnapshot, provider: str, as_of: dt.date) -> None:
    """A price says from when it is."""
    sku = snapshot.instance_types(provider)[0]
    price = snapshot.nearest_price(provider, "", sku, ON_DEMAND)
    assert price is not None
    assert price.as_of == as_of


@pytest.mark.parametrize("provider", ["aws", "azure", "gcp"])
def test_no_price_is_zero_and_every_spot_price_is_lower(snapshot: PriceSnapshot, provider: str) -> None:
    """Nothing in the tables is free, and no spot price is above 1.5 × on demand."""
    seen = 0
    for region in snapshot.regions(provider):
        for sku in snapshot.instance_types(provider):
            on_demand = snapshot.price(provider, region, sku, ON_DEMAND)
            spot = snapshot.price(provider, region, sku, SPOT)
            if on_demand is None:
                assert spot is None
                continue
            seen += 1
            assert on_demand.usd_per_hour > 0
            assert spot is None or 0.02 < spot.usd_per_hour / on_demand.usd_per_hour < 1.5
    assert seen >= 1367


@pytest.mark.parametrize("series", ["D{}as_v5", "D{}ads_v5", "E{}as_v5", "E{}ads_v5"])
def test_no_windows_prices_among_azures(snapshot: PriceSnapshot, series: str) -> None:
    """All sizes of a series cost the same per vCPU in a region; the source has Windows' price for half of them."""
    for region in snapshot.regions("azure"):
        rates = set()
        for vcpu in (2, 4, 8, 16, 32, 48, 64, 96):
            price = snapshot.price("azure", region, f"Standard_{series.format(vcpu)}", ON_DEMAND)
            assert price is not None
            rates.add(round(price.usd_per_hour / vcpu, 9))
        assert len(rates) == 1


@pytest.mark.parametrize(
    ("provider", "region", "sku", "capacity"),
    [
        ("aws", "us-east-1", "m99.large", ON_DEMAND),
        ("aws", "eu-west-1", "m5.large", ON_DEMAND),
        ("aws", "us-east-1", "m5.large", SPOT),
        ("gcp", "us-central1", "n2-standard-4", "reserved"),
        ("custom", "", "m5.large", ON_DEMAND),
    ],
)
def test_unknown_is_none(snapshot: PriceSnapshot, provider: str, region: str, sku: str, capacity: str) -> None:
    """What the table doesn't have is None, and never made up."""
    assert snapshot.price(provider, region, sku, capacity) is None


@pytest.mark.parametrize(
    ("provider", "region", "sku", "capacity", "stand_in"),
    [
        ("aws", "eu-west-1", "m5.large", ON_DEMAND, "us-east-1"),
        ("aws", "", "m5.large", ON_DEMAND, "us-east-1"),
        ("azure", "germanywestcentral", "Standard_D2s_v3", ON_DEMAND, "westeurope"),
        ("azure", "westus3", "Standard_D2s_v3", ON_DEMAND, "westus2"),
        ("azure", "centralus", "Standard_D2s_v3", ON_DEMAND, "eastus"),
        ("azure", "japaneast", "Standard_D2s_v3", ON_DEMAND, "southeastasia"),
        ("azure", "australiasoutheast", "Standard_D2s_v3", ON_DEMAND, "australiaeast"),
        ("azure", "uksouth", "Standard_D2s_v3", ON_DEMAND, "northeurope"),
        ("gcp", "europe-west15", "n2-standard-4", SPOT, "europe-west1"),
        ("gcp", "europe-south9", "n2-standard-4", ON_DEMAND, "europe-central2"),
        ("gcp", "moon-north1", "n2-standard-4", ON_DEMAND, "us-central1"),
    ],
)
def test_another_region_stands_in_and_is_marked(
    snapshot: PriceSnapshot, provider: str, region: str, sku: str, capacity: str, stand_in: str
) -> None:
    """Where a region has no price the nearest by name is taken, and the price says that it is from elsewhere."""
    price = snapshot.nearest_price(provider, region, sku, capacity)
    assert price is not None
    assert (price.region, price.elsewhere) == (stand_in, True)
    assert snapshot.price(provider, stand_in, sku, capacity) is not None


def test_a_known_price_is_not_from_elsewhere(snapshot: PriceSnapshot) -> None:
    """The nearest price of a region that has one is its own, unmarked."""
    assert snapshot.nearest_price("aws", "us-east-1", "m5.large", ON_DEMAND) == snapshot.price(
        "aws", "us-east-1", "m5.large", ON_DEMAND
    )


@pytest.mark.parametrize(
    ("provider", "region", "sku"), [("aws", "cn-north-1", "m5.large"), ("azure", "chinaeast2", "Standard_D4s_v5")]
)
def test_no_region_stands_in_for_china(snapshot: PriceSnapshot, provider: str, region: str, sku: str) -> None:
    """It is another market, with another currency."""
    assert snapshot.nearest_price(provider, region, sku, ON_DEMAND) is None


def test_no_region_stands_in_for_a_type_that_none_has(snapshot: PriceSnapshot) -> None:
    """A type without any price stays without one, also for spot that the table doesn't have at all."""
    assert snapshot.nearest_price("gcp", "us-central1", "z99-standard-4", ON_DEMAND) is None
    assert snapshot.nearest_price("aws", "us-east-1", "m5.large", SPOT) is None
    assert snapshot.nearest_price("custom", "rack-1", "m5.large", ON_DEMAND) is None


@pytest.mark.parametrize(
    ("sku", "shape"),
    [
        ("Standard_D4s_v5", Shape(vcpu=4, memory_gib=16)),
        ("Standard_D4ls_v5", Shape(vcpu=4, memory_gib=8)),
        ("Standard_E8as_v5", Shape(vcpu=8, memory_gib=64)),
        ("Standard_F8s_v2", Shape(vcpu=8, memory_gib=16)),
        ("Standard_B2ms", Shape(vcpu=2, memory_gib=8)),
        ("Standard_E64s_v3", None),  # 432 GiB: no whole ratio, so the name doesn't say it
        ("Standard_D3_v2", None),
        ("Standard_NC6s_v3", None),
    ],
)
def test_azure_shapes_only_where_the_name_says_them(snapshot: PriceSnapshot, sku: str, shape: Shape | None) -> None:
    """A shape is parsed from a name only in series where the rule holds for every size."""
    assert sku in snapshot.instance_types("azure")
    assert snapshot.shape("azure", sku) == shape


@pytest.mark.parametrize(
    ("provider", "sku", "vcpu", "gpus"),
    [
        ("gcp", "e2-micro", 0.25, 0),
        ("gcp", "a2-highgpu-2g", 24, 2),
        ("gcp", "f1-micro", 0.2, 0),
        ("aws", "g6f.large", 2, 0.125),
        ("aws", "p2.16xlarge", 64, 16),
    ],
)
def test_parts_of_cpus_and_gpus(snapshot: PriceSnapshot, provider: str, sku: str, vcpu: float, gpus: float) -> None:
    """Shared cores count by the part that is sold, shared GPUs by their part of the memory."""
    shape = snapshot.shape(provider, sku)
    assert shape is not None
    assert (shape.vcpu, shape.gpus) == (vcpu, gpus)


@pytest.mark.parametrize(
    ("provider", "region", "sku", "usd", "elsewhere"),
    [
        ("aws", "us-east-1", "gp3", 0.08, False),
        ("aws", "us-east-1", "gp2", 0.10, False),
        ("aws", "us-east-1", "io2", 0.125, False),
        ("aws", "us-east-1", "sc1", 0.015, False),
        ("aws", "eu-west-1", "st1", 0.045, True),
        ("gcp", "us-central1", "pd-standard", 0.04, False),
        ("gcp", "europe-west6", "pd-balanced", 0.13, False),
        ("gcp", "europe-west6", "pd-ssd", 0.17, True),
        ("azure", "eastus", "P4", 5.28 / 32, False),
        ("azure", "westeurope", "E30", 76.80 / 1024, True),
    ],
)
def test_volume_prices(
    snapshot: PriceSnapshot, provider: str, region: str, sku: str, usd: float, *, elsewhere: bool
) -> None:
    """Published volume prices come out per GiB and month, marked where they are another region's."""
    price = snapshot.nearest_volume_price(provider, region, sku)
    assert price is not None
    assert price.usd_per_gib_month == pytest.approx(usd, abs=1e-9)
    assert price.elsewhere is elsewhere


def test_unknown_volumes_are_none(snapshot: PriceSnapshot) -> None:
    """A volume type that isn't published has no price anywhere."""
    assert snapshot.volume_price("aws", "eu-west-1", "gp3") is None
    assert snapshot.nearest_volume_price("aws", "us-east-1", "pd-ssd") is None
    assert snapshot.nearest_volume_price("custom", "", "local-path") is None


def test_a_table_is_read_once_and_only_when_asked_for() -> None:
    """Memory is taken by the clouds that are in use only."""
    read: list[str] = []
    whole = load()

    def reading(provider: str) -> bytes:
        read.append(provider)
        return whole._read(provider)

    snapshot = PriceSnapshot(read=reading)
    assert snapshot.price("custom", "", "x", ON_DEMAND) is None
    assert read == []
    for _ in range(2):
        assert snapshot.price("aws", "us-east-1", "m5.large", ON_DEMAND) is not None
    assert read == ["aws"]
