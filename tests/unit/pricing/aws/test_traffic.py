import pytest

from kube_cost_common.messages.prices import PriceRequest
from kube_cost_pricing.providers.aws.price_list import Listing
from kube_cost_pricing.providers.aws.products import Product
from kube_cost_pricing.providers.aws.traffic import conditions, price
from kube_cost_pricing.providers.source import Answer, Quote, Unknown


def product(usage_type: str, *prices: tuple[float, float], to: str = "External") -> Product:
    return Product(usage_type, "Data Transfer", {"usagetype": usage_type, "toLocation": to}, "USD", "GB", prices)


def asked(sku: str, *products: Product) -> Answer:
    request = PriceRequest("aws", "us-east-1", "", "network", sku, "", "")
    return price(request, Listing(list(products), 7), lambda _: None)


@pytest.mark.parametrize(
    ("sku", "kind"), [("zone", "IntraRegion"), ("region", "InterRegion Outbound"), ("internet", "AWS Outbound")]
)
def test_a_class_of_traffic_is_asked_for_by_its_name(sku: str, kind: str) -> None:
    """From the region."""
    assert conditions("eu-west-1", sku) == {"fromRegionCode": "eu-west-1", "transferType": kind}


def test_another_class_isnt_asked_for() -> None:
    """There is none."""
    assert conditions("eu-west-1", "moon") is None


def test_zones_are_a_cent_a_gb() -> None:
    """Not what else stays in the region."""
    answer = asked("zone", product("DataTransfer-Regional-Bytes", (0.0, 0.01)), product("VpcPeering", (0.0, 0.001)))
    assert isinstance(answer, Quote)
    assert answer.amount == 0.01
    assert answer.exact


def test_the_internet_is_in_tiers() -> None:
    """A GB of AWS's is a GiB: the first 10 TB are 10,240 of them."""
    answer = asked("internet", product("DataTransfer-Out-Bytes", (0.0, 0.09), (10_240.0, 0.085)))
    assert isinstance(answer, Quote)
    assert [(tier.start, tier.usd) for tier in answer.tiers] == [(0.0, 0.09), (10_240.0, 0.085)]


def test_between_regions_the_least_price_is_an_estimate_that_says_where_to() -> None:
    """It depends on the other region, which nobody asked for."""
    answer = asked(
        "region",
        product("USE1-AFS1-AWS-Out-Bytes", (0.0, 0.147), to="Africa (Cape Town)"),
        product("USE1-USE2-AWS-Out-Bytes", (0.0, 0.01), to="US East (Ohio)"),
    )
    assert isinstance(answer, Quote)
    assert answer.amount == 0.01
    assert not answer.exact
    assert answer.note == "as for US East (Ohio)"


def test_what_isnt_listed_is_unknown() -> None:
    """No traffic is free because it is missing."""
    assert isinstance(asked("internet", product("x", (0.0, 0.09), to="EU (Ireland)")), Unknown)
