"""EBS at its list prices of us-east-1; of load balancers, each kind at a price of its own to tell them apart."""

import pytest

from kube_cost_common.messages.prices import VOLUME, VOLUME_IOPS, VOLUME_THROUGHPUT, PriceRequest
from kube_cost_pricing.providers.aws.price_list import Listing
from kube_cost_pricing.providers.aws.products import Product
from kube_cost_pricing.providers.aws.services import billed, price, volume_price
from kube_cost_pricing.providers.source import Answer, Quote, Unknown


def product(usage_type: str, usd: float, *, unit: str = "GB-Mo", family: str = "Storage") -> Product:
    return Product(usage_type, family, {"usagetype": usage_type}, "USD", unit, ((0.0, usd),))


def volumes(prefix: str = "") -> list[Product]:
    """All of EBS's products, as one region bills them, with snapshots beside."""
    by_usage_type = {
        "EBS:VolumeUsage.gp3": 0.08,
        "EBS:VolumeUsage.gp2": 0.10,
        "EBS:VolumeUsage.piops": 0.125,
        "EBS:VolumeUsage.io2": 0.125,
        "EBS:VolumeUsage.st1": 0.045,
        "EBS:VolumeUsage.sc1": 0.015,
        "EBS:VolumeUsage": 0.05,
        "EBS:VolumeP-IOPS.gp3": 0.005,
        "EBS:VolumeP-IOPS.piops": 0.065,
        "EBS:VolumeP-IOPS.io2": 0.065,
        "EBS:VolumeP-IOPS.io2.tier2": 0.0455,
        "EBS:VolumeP-IOPS.io2.tier3": 0.03185,
        "EBS:SnapshotUsage": 0.05,
    }
    through = product(f"{prefix}EBS:VolumeP-Throughput.gp3", 40.96, unit="GiBps-mo")
    return [through, *(product(f"{prefix}{name}", usd) for name, usd in by_usage_type.items())]


def asked(kind: str, sku: str, products: list[Product]) -> Answer:
    request = PriceRequest("aws", "us-east-1", "", kind, sku, "", "")
    return volume_price(request, Listing(products, 7), lambda _: None)


@pytest.mark.parametrize("prefix", ["", "USE2-", "EU-", "UGW1-"])
@pytest.mark.parametrize(
    ("kind", "sku", "usd", "unit"),
    [
        (VOLUME, "gp3", 0.08, "gib_month"),
        (VOLUME, "gp2", 0.10, "gib_month"),
        (VOLUME, "io1", 0.125, "gib_month"),
        (VOLUME, "io2", 0.125, "gib_month"),
        (VOLUME, "st1", 0.045, "gib_month"),
        (VOLUME, "sc1", 0.015, "gib_month"),
        (VOLUME, "standard", 0.05, "gib_month"),
        (VOLUME_IOPS, "gp3", 0.005, "iops_month"),
        (VOLUME_IOPS, "io1", 0.065, "iops_month"),
        (VOLUME_IOPS, "io2", 0.065, "iops_month"),
        (VOLUME_THROUGHPUT, "gp3", 0.04, "mibps_month"),
    ],
)
def test_a_volume_costs_what_is_listed(prefix: str, kind: str, sku: str, usd: float, unit: str) -> None:
    """In every region's way of billing, among all the others."""
    answer = asked(kind, sku, volumes(prefix))
    assert isinstance(answer, Quote)
    assert answer.amount == pytest.approx(usd, rel=1e-9)
    assert answer.unit == unit
    assert answer.shape is None


@pytest.mark.parametrize(
    ("kind", "sku", "tiers"),
    [
        (VOLUME_IOPS, "gp3", [(0.0, 0.0), (3000.0, 0.005)]),
        (VOLUME_THROUGHPUT, "gp3", [(0.0, 0.0), (125.0, 0.04)]),
        (VOLUME_IOPS, "io2", [(0.0, 0.065), (32_000.0, 0.0455), (64_000.0, 0.03185)]),
        (VOLUME_IOPS, "io1", []),
    ],
)
def test_what_is_free_or_dearer_is_in_tiers(kind: str, sku: str, tiers: list[tuple[float, float]]) -> None:
    """From how many units on each price holds."""
    answer = asked(kind, sku, volumes())
    assert isinstance(answer, Quote)
    assert [tier.start for tier in answer.tiers] == [start for start, _ in tiers]
    assert [tier.usd for tier in answer.tiers] == pytest.approx([usd for _, usd in tiers])


@pytest.mark.parametrize(
    ("kind", "sku"),
    [(VOLUME, "gp4"), (VOLUME, ""), (VOLUME_IOPS, "st1"), (VOLUME_IOPS, "gp2"), (VOLUME_THROUGHPUT, "io2")],
)
def test_what_isnt_sold_is_unknown(kind: str, sku: str) -> None:
    """No price is made up."""
    assert isinstance(asked(kind, sku, volumes()), Unknown)


@pytest.mark.parametrize(("unit", "usd"), [("GiBps-mo", 40.96), ("MiBps-Mo", 0.04)])
def test_throughput_goes_by_the_unit_of_the_list(unit: str, usd: float) -> None:
    """A factor of 1,024 lies between the two."""
    answer = asked(VOLUME_THROUGHPUT, "gp3", [product("EBS:VolumeP-Throughput.gp3", usd, unit=unit)])
    assert isinstance(answer, Quote)
    assert answer.amount == pytest.approx(0.04)


def test_throughput_by_a_unit_that_isnt_known_is_no_price() -> None:
    """Better none than one that is a thousand times off."""
    answer = asked(VOLUME_THROUGHPUT, "gp3", [product("EBS:VolumeP-Throughput.gp3", 5.0, unit="TiBps-mo")])
    assert isinstance(answer, Unknown)
    assert "tibps-mo" in answer.reason


ELSE = [
    product("LoadBalancerUsage", 0.0225, unit="Hrs", family="Load Balancer-Network"),
    product("LoadBalancerUsage", 0.0252, unit="Hrs", family="Load Balancer-Application"),
    product("LoadBalancerUsage", 0.025, unit="Hrs", family="Load Balancer"),
    product("LCUUsage", 0.006, unit="LCU-Hrs", family="Load Balancer-Network"),
    product("USE1-AmazonEKS-Hours:perCluster", 0.10, unit="Hours", family="Compute"),
    product("USE1-AmazonEKS-Hours:extendedSupport", 0.50, unit="Hours", family="Compute"),
    product("USE1-Fargate-vCPU-Hours:perCPU", 0.04048, unit="hours", family="Compute"),
    product("USE1-Fargate-GB-Hours", 0.004445, unit="hours", family="Compute"),
    product("USE1-Fargate-EphemeralStorage-GB-Hours", 0.000111, unit="hours", family="Compute"),
]


@pytest.mark.parametrize(
    ("kind", "sku", "usd", "unit"),
    [
        ("load_balancer", "", 0.0225, "hour"),
        ("load_balancer", "network", 0.0225, "hour"),
        ("load_balancer", "application", 0.0252, "hour"),
        ("load_balancer", "classic", 0.025, "hour"),
        ("control_plane", "", 0.10, "hour"),
        ("control_plane", "standard", 0.10, "hour"),
        ("control_plane", "extended", 0.50, "hour"),
        ("pod_vcpu", "fargate", 0.04048, "vcpu_hour"),
        ("pod_memory", "fargate", 0.004445, "gib_hour"),
    ],
)
def test_what_is_billed_by_the_hour(kind: str, sku: str, usd: float, unit: str) -> None:
    """By its usage type, among the others of its service."""
    request = PriceRequest("aws", "us-east-1", "", kind, sku, "", "")
    of = billed(request)
    assert of is not None
    answer = price(request, of, Listing(ELSE, 7), lambda _: None)
    assert isinstance(answer, Quote)
    assert (answer.amount, answer.unit) == (usd, unit)


@pytest.mark.parametrize(("kind", "sku"), [("load_balancer", "gateway"), ("pod_vcpu", "aci"), ("control_plane", "x")])
def test_what_aws_doesnt_have_isnt_listed(kind: str, sku: str) -> None:
    """There is no question to ask."""
    assert billed(PriceRequest("aws", "us-east-1", "", kind, sku, "", "")) is None
