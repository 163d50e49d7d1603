"""Which of the products is the one that was asked for, and what it costs."""

import re
from collections.abc import Callable, Sequence

from kube_cost_common.messages.prices import PriceRequest, Shape, Tier
from kube_cost_pricing.providers.aws.price_list import Listing
from kube_cost_pricing.providers.aws.products import Product
from kube_cost_pricing.providers.cloud import Seen
from kube_cost_pricing.providers.source import AMBIGUOUS, API, Answer, Quote, Unknown

Judge = Callable[[Product], str]
"""Says why a product isn't the one, or nothing where it is."""

_MACHINES = frozenset({"Compute Instance", "Compute Instance (bare metal)"})
_SYSTEMS = {"linux": "Linux", "windows": "Windows"}
_OPERATIONS = {"linux": "RunInstances", "windows": "RunInstances:0002"}
"""What bills say of a machine without anything on it
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/billing-info-fields.html)."""

_NUMBER = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")


def machine(request: PriceRequest) -> Judge:
    """Return the judge of a machine on demand: shared, used, with the bare operating system."""
    wanted = {
        "instanceType": request.sku,
        "operatingSystem": _SYSTEMS.get(request.os, request.os),
        "preInstalledSw": "NA",
        "tenancy": "Shared",
        "capacitystatus": "Used",
    }

    def reason(product: Product) -> str:
        if product.family not in _MACHINES:
            return f"it is {product.family or 'nothing'}"
        for name, value in wanted.items():
            if product.attributes.get(name) != value:
                return f"its {name} is {product.attributes.get(name) or 'nothing'}"
        if product.attributes.get("marketoption", "OnDemand") != "OnDemand":
            return f"its market is {product.attributes['marketoption']}"
        if "Bring your own license" in product.attributes.get("licenseModel", ""):
            return "its licence is one's own"
        operation = product.attributes.get("operation", "")
        if operation and operation != _OPERATIONS.get(request.os, operation):
            return f"its operation is {operation}"
        return "" if product.hourly else f"its unit is {product.unit}"

    return reason


def usage(pattern: str) -> Judge:
    """Return the judge of what is billed by a usage type: the whole of it after a region's prefix (`USE2-`)."""
    compiled = re.compile(r"(?:[A-Z0-9]+-)?(?:" + pattern + ")")

    def reason(product: Product) -> str:
        return "" if compiled.fullmatch(product.usage_type) else f"its usage type is {product.usage_type}"

    return reason


def choose(
    listing: Listing, judge: Judge, words: str, *, unit: str, seen: Seen, scale: float = 1.0, free: float = 0.0
) -> Answer:
    """Return the one price that the judge leaves, by `scale` of theirs; `free` is how many units cost nothing.

    None: it isn't sold. Several that differ: `Unknown` too, since a wrong price is worse than none.
    """
    taken = [product for product in listing.products if _is_taken(product, judge, seen)]
    if not taken:
        return Unknown(reason=f"AWS sells no {words}")
    # Two SKUs at the same price are one (a region listed twice); zero is a row beside the real one.
    paid = [product for product in taken if any(price != 0 for _, price in product.tiers)] or taken
    if len({(product.currency, product.tiers) for product in paid}) > 1:
        prices = " and ".join(f"{product.sku} at {product.amount:g}" for product in paid)
        return Unknown(reason=f"ambiguous: {words}: {prices}", code=AMBIGUOUS)
    product = paid[0]
    tiers = [(start + free, price * scale) for start, price in product.tiers]
    if free:
        tiers.insert(0, (0.0, 0.0))
    return Quote(
        amount=product.amount * scale,
        unit=unit,
        source=API,
        fetched_at_ns=listing.fetched_at_ns,
        currency=product.currency,
        shape=shape_of(product) if unit == "hour" else None,
        tiers=tuple(Tier(start=start, usd=price) for start, price in tiers) if len(tiers) > 1 else (),
    )


def cheapest(products: Sequence[Product]) -> Product | None:
    """Return the one that costs least, of those that cost anything."""
    return min((one for one in products if one.amount > 0), key=lambda one: (one.amount, one.sku), default=None)


def shape_of(product: Product) -> Shape | None:
    """Return what the list says that a machine has; None where it doesn't."""
    vcpu, memory = _number(product.attributes.get("vcpu", "")), _number(product.attributes.get("memory", ""))
    if not vcpu or not memory:
        return None
    return Shape(vcpu, memory, _number(product.attributes.get("gpu", "")) or 0.0)


def _number(text: str) -> float | None:
    found = _NUMBER.match(text)
    return None if found is None else float(found[0].replace(",", ""))


def _is_taken(product: Product, judge: Judge, seen: Seen) -> bool:
    reason = judge(product)
    seen(f"{product.usage_type or product.sku} ({product.sku}): {f'left out, {reason}' if reason else 'taken'}")
    return not reason
