"""Traffic, load balancers, AKS and container groups."""

import pytest

from harness.azure_facts import book, listed, priced, quoted
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    LOAD_BALANCER,
    NETWORK,
    ON_DEMAND,
    POD_MEMORY,
    POD_VCPU,
    SPOT,
)
from kube_cost_pricing.providers.azure.rows import Listing
from kube_cost_pricing.providers.azure.services import SERVICES, container_price, price
from kube_cost_pricing.providers.source import Unknown
from kube_cost_simulator.clouds.azure_rows import Row
from kube_cost_simulator.clouds.azure_services import global_rows, service_rows


@pytest.fixture
def rows() -> list[Row]:
    return [*service_rows("eastus"), *global_rows()]


@pytest.fixture
def eastus(rows: list[Row]) -> Listing:
    return listed(rows)


@pytest.mark.parametrize(
    ("kind", "sku", "unit", "usd"),
    [
        (CONTROL_PLANE, "standard", "hour", 0.10),
        (CONTROL_PLANE, "", "hour", 0.10),
        (CONTROL_PLANE, "extended", "hour", 0.60),
        (LOAD_BALANCER, "", "hour", 0.025),
        (LOAD_BALANCER, "standard", "hour", 0.025),
        (LOAD_BALANCER, "network", "hour", 0.025),
        (NETWORK, "zone", "gib", 0.01),
        (NETWORK, "region", "gib", 0.02),
        (NETWORK, "internet", "gib", 0.087),
    ],
)
def test_a_service_costs_its_meter(eastus: Listing, kind: str, sku: str, unit: str, usd: float) -> None:
    """AKS' tiers, the load balancer's first five rules, traffic by where it goes; not their neighbours."""
    answer = quoted(price(priced(sku, kind=kind), "eastus", eastus, book()))
    assert answer.unit == unit
    assert answer.amount == usd
    assert answer.currency == "USD"


def test_traffic_to_the_internet_has_a_free_part_and_gets_cheaper(eastus: Listing) -> None:
    """100 GB are free; the amount is the first that costs."""
    answer = quoted(price(priced("internet", kind=NETWORK), "eastus", eastus, book()))
    assert [(tier.start, tier.usd) for tier in answer.tiers] == [(0, 0), (100, 0.087), (10335, 0.083), (51295, 0.07)]


def test_a_regional_load_balancer_goes_before_the_global_one(rows: list[Row]) -> None:
    """Where a region has a price of its own it is that one."""
    regional = {**global_rows()[0], "armRegionName": "eastus", "retailPrice": 0.03}
    answer = price(priced("", kind=LOAD_BALANCER), "eastus", listed([*rows, regional]), book())
    assert quoted(answer).amount == 0.03


@pytest.mark.parametrize(
    ("kind", "sku", "reason"),
    [
        (CONTROL_PLANE, "free", "costs nothing"),
        (LOAD_BALANCER, "basic", "costs nothing"),
        (LOAD_BALANCER, "application", "no load balancer application"),
        (NETWORK, "moon", "no network moon"),
    ],
)
def test_what_has_no_price_has_a_reason(eastus: Listing, kind: str, sku: str, reason: str) -> None:
    """Free things and those of other clouds."""
    answer = price(priced(sku, kind=kind), "eastus", eastus, book())
    assert isinstance(answer, Unknown)
    assert reason in answer.reason


@pytest.mark.parametrize(
    ("kind", "capacity", "unit", "usd"),
    [
        (POD_VCPU, ON_DEMAND, "vcpu_hour", 0.0405),
        (POD_MEMORY, ON_DEMAND, "gib_hour", 0.00445),
        (POD_VCPU, SPOT, "vcpu_hour", 0.01215),
        (POD_MEMORY, SPOT, "gib_hour", 0.001335),
    ],
)
def test_a_container_group_costs_by_vcpu_and_gib(
    eastus: Listing, kind: str, capacity: str, unit: str, usd: float
) -> None:
    """On demand and spot, and neither Windows' surcharge nor the confidential ones."""
    answer = quoted(container_price(priced("aci", kind=kind, capacity=capacity), eastus, book()))
    assert answer.unit == unit
    assert answer.amount == usd


@pytest.mark.parametrize(("sku", "os"), [("fargate", "linux"), ("", "linux"), ("aci", "windows")])
def test_other_container_groups_have_none(eastus: Listing, sku: str, os: str) -> None:
    """Another cloud's, and Windows, which costs more than these rows say."""
    assert isinstance(container_price(priced(sku, kind=POD_VCPU, os=os), eastus, book()), Unknown)


def test_a_query_names_the_region_and_what_is_everywhere() -> None:
    """The load balancer's price is Global's, AKS' is the region's."""
    assert "(armRegionName eq 'eastus' or armRegionName eq 'Global')" in SERVICES[LOAD_BALANCER].query("eastus")
    assert "Global" not in SERVICES[CONTROL_PLANE].query("eastus")
