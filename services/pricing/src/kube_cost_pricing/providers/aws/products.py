"""Products of the Price List, as far as prices go."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from kube_cost_pricing.calls.failures import ANSWER, CallFailedError

_SECONDS_AND_HOURS = frozenset({"Hrs", "Hours", "hours", "hrs"})


class _Dimension(msgspec.Struct, rename="camel"):
    unit: str = ""
    begin_range: str = "0"
    price_per_unit: dict[str, str] = {}


class _Term(msgspec.Struct, rename="camel"):
    effective_date: str = ""
    price_dimensions: dict[str, _Dimension] = {}


class _Terms(msgspec.Struct):
    on_demand: dict[str, _Term] = msgspec.field(name="OnDemand", default_factory=dict)


class _Product(msgspec.Struct, rename="camel"):
    sku: str = ""
    product_family: str = ""
    attributes: dict[str, str] = {}


class _Item(msgspec.Struct):
    product: _Product
    terms: _Terms = msgspec.field(default_factory=_Terms)


_ITEM = msgspec.json.Decoder(_Item)


class Product(NamedTuple):
    """One product that is sold by use: `tiers` are (from how many units on, price of a unit in `currency`)."""

    sku: str
    family: str
    attributes: Mapping[str, str]
    currency: str
    unit: str
    tiers: tuple[tuple[float, float], ...]

    @property
    def usage_type(self) -> str:
        """What bills call it, after a region's prefix where there is one: `USE2-BoxUsage:m5.large`."""
        return self.attributes.get("usagetype", "")

    @property
    def hourly(self) -> bool:
        """Whether its unit is an hour."""
        return self.unit in _SECONDS_AND_HOURS

    @property
    def amount(self) -> float:
        """The price of a unit: of the first that costs."""
        return next((price for _, price in self.tiers if price != 0), self.tiers[0][1])


def read_products(items: Iterable[str]) -> list[Product]:
    """Return the products of a page, whose items are JSON texts; raise CallFailedError where one is none.

    What isn't sold on demand is left out, and of several terms all but the one that came into effect last.
    """
    products = []
    for text in items:
        try:
            item = _ITEM.decode(text)
            product = _product(item)
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            raise CallFailedError(ANSWER, f"an item of the price list can't be read: {error}") from error
        if product is not None:
            products.append(product)
    return products


def _product(item: _Item) -> Product | None:
    term = max(item.terms.on_demand.values(), key=lambda each: each.effective_date, default=_Term())
    dimensions = [dimension for dimension in term.price_dimensions.values() if dimension.price_per_unit]
    if not dimensions:
        return None
    currency = _currency(dimensions)
    tiers = sorted((float(each.begin_range), float(each.price_per_unit[currency])) for each in dimensions)
    return Product(
        item.product.sku,
        item.product.product_family,
        item.product.attributes,
        currency,
        dimensions[0].unit,
        tuple(tiers),
    )


def _currency(dimensions: list[_Dimension]) -> str:
    """Return dollars where all have them, else what the first is in."""
    return (
        "USD" if all("USD" in each.price_per_unit for each in dimensions) else next(iter(dimensions[0].price_per_unit))
    )
