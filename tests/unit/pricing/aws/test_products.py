import json
import math
from pathlib import Path
from typing import Any

import pytest

from kube_cost_common.messages.prices import PriceRequest, Shape
from kube_cost_pricing.calls.failures import ANSWER, CallFailedError
from kube_cost_pricing.providers.aws.judging import choose, machine
from kube_cost_pricing.providers.aws.price_list import Listing
from kube_cost_pricing.providers.aws.products import Product, read_products
from kube_cost_pricing.providers.source import Quote


def item(terms: dict[str, Any], **attributes: str) -> str:
    """An item of the list as it comes: JSON in a string."""
    product = {"sku": "S", "productFamily": "Compute Instance", "attributes": attributes}
    return json.dumps({"product": product, "serviceCode": "AmazonEC2", "terms": terms})


def term(*prices: tuple[str, dict[str, str]], effective: str = "2026-11-01T00:00:00Z") -> dict[str, Any]:
    """A term with a dimension for each (from how many units on, price by currency)."""
    dimensions = {
        str(number): {"unit": "Hrs", "beginRange": begin, "endRange": "Inf", "pricePerUnit": price}
        for number, (begin, price) in enumerate(prices)
    }
    return {"priceDimensions": dimensions, "effectiveDate": effective}


def read_one(text: str) -> Product:
    (product,) = read_products([text])
    return product


def test_the_recorded_item_is_its_on_demand_price(recorded_data: Path) -> None:
    """Not one of its twelve reserved terms; with what judges and shapes need."""
    text = (recorded_data / "pricing/aws/GetProducts_m5.large.json").read_text()
    product = read_one(text)
    assert (product.sku, product.family, product.usage_type) == (
        "6C86BEPQVG73ZGGR",
        "Compute Instance",
        "BoxUsage:m5.large",
    )
    assert (product.amount, product.currency, product.unit, product.hourly) == (0.096, "USD", "Hrs", True)
    assert len(json.loads(text)["terms"]["Reserved"]) == 12


def test_the_recorded_item_is_the_price_of_its_machine(recorded_data: Path) -> None:
    """Though it was recorded before there was a `marketoption`."""
    text = (recorded_data / "pricing/aws/GetProducts_m5.large.json").read_text()
    request = PriceRequest("aws", "us-east-1", "", "instance", "m5.large", "linux", "on_demand")
    answer = choose(Listing(read_products([text]), 7), machine(request), "m5.large", unit="hour", seen=lambda _: None)
    assert isinstance(answer, Quote)
    assert (answer.amount, answer.shape, answer.fetched_at_ns) == (0.096, Shape(2.0, 8.0), 7)


def test_tiers_are_in_order_and_the_price_is_the_first_that_costs() -> None:
    """However they are listed."""
    terms = {"OnDemand": {"a": term(("10240", {"USD": "0.085"}), ("1", {"USD": "0.09"}), ("0", {"USD": "0"}))}}
    product = read_one(item(terms))
    assert product.tiers == ((0.0, 0.0), (1.0, 0.09), (10240.0, 0.085))
    assert product.amount == 0.09


def test_of_two_terms_the_later_is_in_force() -> None:
    """A price that was replaced isn't a tier of the new one."""
    old, new = (
        term(("0", {"USD": usd}), effective=f"2026-{month}-01T00:00:00Z") for usd, month in (("1", "09"), ("2", "11"))
    )
    assert read_one(item({"OnDemand": {"new": new, "old": old}})).tiers == ((0.0, 2.0),)


@pytest.mark.parametrize(
    ("price", "currency", "amount"),
    [({"USD": "0.1"}, "USD", 0.1), ({"CNY": "0.7"}, "CNY", 0.7), ({"CNY": "0.7", "USD": "0.1"}, "USD", 0.1)],
)
def test_dollars_are_taken_where_there_are_any(price: dict[str, str], currency: str, amount: float) -> None:
    """Two currencies of one price aren't two tiers."""
    product = read_one(item({"OnDemand": {"a": term(("0", price))}}))
    assert (product.currency, product.tiers) == (currency, ((0.0, amount),))


def test_nan_is_read_as_it_is() -> None:
    """Prices that can't be are for the gate that all prices pass."""
    assert math.isnan(read_one(item({"OnDemand": {"a": term(("0", {"USD": "NaN"}))}})).amount)


@pytest.mark.parametrize(
    "terms", [{}, {"OnDemand": {}}, {"Reserved": {"a": term(("0", {"USD": "1"}))}}, {"OnDemand": {"a": term()}}]
)
def test_what_isnt_sold_on_demand_is_left_out(terms: dict[str, Any]) -> None:
    """It is no product for us, and no fault either."""
    assert read_products([item(terms)]) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"terms": {}}',
        '{"product": {"sku": 1}}',
        item({"OnDemand": {"a": term(("0", {"USD": "much"}))}}),
        item({"OnDemand": {"a": term(("0", {"USD": "1"}), ("5", {"CNY": "1"}), ("9", {"EUR": "1"}))}}),
    ],
)
def test_what_is_no_item_is_said(text: str) -> None:
    """An answer that can't be one."""
    with pytest.raises(CallFailedError) as caught:
        read_products([text])
    assert caught.value.reason == ANSWER
