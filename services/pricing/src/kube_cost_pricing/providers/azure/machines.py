"""Which rows are the price of a machine type. One armSkuName is shared by some ten of them."""

import re

from kube_cost_common.messages.prices import SPOT, PriceRequest
from kube_cost_pricing.providers.azure.book import Judge, Wanted, by_request
from kube_cost_pricing.providers.azure.filters import any_of, consumption, equal
from kube_cost_pricing.providers.azure.rows import Row
from kube_cost_pricing.providers.azure.units import HOUR

SERVICE = "Virtual Machines"

_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PRODUCT = re.compile(r"Virtual Machines\b.*|.+\bseries(?: Linux| Windows)?", re.IGNORECASE)
"""Some products aren't called `Virtual Machines …`: `Lasv3 Series Linux`, `DCadsv5-series Linux`."""

_OTHER_PRODUCT = re.compile(r"Cloud ?Services|Dedicated ?Host|Reservation", re.IGNORECASE)
_OTHER_SKU = re.compile(r"\b(?:Low Priority|Expired|Free)\b", re.IGNORECASE)


def is_type(name: str) -> bool:
    """Return whether `name` can be a machine type's; it comes from a label that anybody may write."""
    return _TYPE.fullmatch(name) is not None


def query(region: str, types: list[str]) -> str:
    """Return the filter for all rows of `types` in `region`."""
    return consumption(SERVICE, equal("armRegionName", region), any_of("armSkuName", types))


def wanted(request: PriceRequest) -> Wanted:
    """Return what the request asks for."""
    return Wanted(words=by_request(request), measure=HOUR, unit="hour")


def is_usual(row: Row) -> bool:
    """Return whether the product has the usual name: a row with one goes before others."""
    return row.product_name.startswith("Virtual Machines ")


def judge(request: PriceRequest, region: str) -> Judge:
    """Return what tells the rows of the request's machine, capacity and system in `region` from its neighbours'."""

    def reason(row: Row) -> str:
        return (
            _not_a_machine(row, request.sku, region)
            or _other_system(row, windows=request.os == "windows")
            or _other_capacity(row, spot=request.capacity == SPOT)
        )

    return reason


def _not_a_machine(row: Row, sku: str, region: str) -> str:
    if row.service_name != SERVICE or row.arm_sku_name != sku or row.arm_region_name != region:
        return "it is of something else"
    other = _OTHER_PRODUCT.search(row.product_name)
    if other is not None:
        return f"its product is {other[0]}"
    if _PRODUCT.fullmatch(row.product_name) is None:
        return "its product is no virtual machine"
    other = _OTHER_SKU.search(f"{row.sku_name} {row.meter_name}")
    if other is not None:
        return f"it is {other[0]}"
    return "it is a tier" if row.tier_minimum_units else ""


def _other_system(row: Row, *, windows: bool) -> str:
    if row.product_name.endswith(" Windows") != windows:
        return "it is without Windows" if windows else "it is with Windows"
    return ""


def _other_capacity(row: Row, *, spot: bool) -> str:
    if (row.sku_name.endswith(" Spot") or row.meter_name.endswith(" Spot")) != spot:
        return "it isn't spot" if spot else "it is spot"
    return ""
