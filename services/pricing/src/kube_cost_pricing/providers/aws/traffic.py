"""Traffic: between zones, between regions, and out of the cloud."""

from collections.abc import Callable, Mapping

from kube_cost_common.messages.prices import PriceRequest, Tier
from kube_cost_pricing.providers.aws.judging import cheapest
from kube_cost_pricing.providers.aws.price_list import Listing
from kube_cost_pricing.providers.aws.products import Product
from kube_cost_pricing.providers.cloud import Seen
from kube_cost_pricing.providers.source import API, Answer, Quote, Unknown

_TYPES: Mapping[str, str] = {"zone": "IntraRegion", "region": "InterRegion Outbound", "internet": "AWS Outbound"}
"""By class: what the list calls it. https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer"""

_WHERE: Mapping[str, Callable[[Product], bool]] = {
    "zone": lambda product: product.usage_type.endswith("DataTransfer-Regional-Bytes"),
    "region": lambda _: True,
    "internet": lambda product: product.attributes.get("toLocation") == "External",
}


def conditions(region: str, sku: str) -> dict[str, str] | None:
    """Return what the products of a class of traffic have in common; None for a class that there isn't."""
    kind = _TYPES.get(sku)
    return None if kind is None else {"fromRegionCode": region, "transferType": kind}


def price(request: PriceRequest, listing: Listing, seen: Seen) -> Answer:
    """Return the price of a GiB; the least one, where it depends on where to.

    A GB of AWS's has 2^30 bytes: its list's "first 10 TB" end at 10,240 GB, and its own sums divide by 1,048,576 KB
    (https://aws.amazon.com/s3/faqs/).
    """
    fitting = [product for product in listing.products if _WHERE[request.sku](product)]
    for each in fitting:
        seen(f"{each.usage_type} ({each.sku}): {each.amount:g} {each.currency} a GB")
    product = cheapest(fitting)
    if product is None:
        return Unknown(reason=f"AWS sells no traffic to another {request.sku} from {request.region}")
    several = len({one.amount for one in fitting if one.amount > 0}) > 1
    tiers = tuple(Tier(start=start, usd=usd) for start, usd in product.tiers)
    return Quote(
        amount=product.amount,
        unit="gib",
        source=API,
        fetched_at_ns=listing.fetched_at_ns,
        currency=product.currency,
        exact=not several,
        note=f"as for {product.attributes.get('toLocation', 'elsewhere')}" if several else "",
        tiers=tiers if len(tiers) > 1 else (),
    )
