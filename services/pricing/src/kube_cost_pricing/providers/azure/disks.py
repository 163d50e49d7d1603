"""Managed disks: most are priced by the disk, in tiers of size; PremiumV2 and Ultra by GiB, operations, throughput.

https://learn.microsoft.com/azure/virtual-machines/disks-types
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kube_cost_common.messages.prices import DISK_MONTH, VOLUME, VOLUME_IOPS, VOLUME_THROUGHPUT, PriceRequest
from kube_cost_pricing.providers.azure.book import Judge, PriceBook, Wanted
from kube_cost_pricing.providers.azure.filters import any_of, consumption, equal
from kube_cost_pricing.providers.azure.rows import Listing, Row
from kube_cost_pricing.providers.azure.units import GB_MONTH, MONTH
from kube_cost_pricing.providers.source import Answer, Unknown

SERVICE = "Storage"

TIERS: Mapping[int, int] = {
    1: 4,
    2: 8,
    3: 16,
    4: 32,
    6: 64,
    10: 128,
    15: 256,
    20: 512,
    30: 1024,
    40: 2048,
    50: 4096,
    60: 8192,
    70: 16384,
    80: 32767,
}
"""The tiers' numbers, and the GiB up to which each goes. A disk is billed as the next greater one."""


@dataclass(frozen=True)
class _ByDisk:
    product: str
    letter: str
    redundancy: str


@dataclass(frozen=True)
class _ByGib:
    product: str
    sku: str


_KINDS: Mapping[str, _ByDisk | _ByGib] = {
    "premium_lrs": _ByDisk("Premium SSD Managed Disks", "P", "LRS"),
    "premium_zrs": _ByDisk("Premium SSD Managed Disks", "P", "ZRS"),
    "standardssd_lrs": _ByDisk("Standard SSD Managed Disks", "E", "LRS"),
    "standardssd_zrs": _ByDisk("Standard SSD Managed Disks", "E", "ZRS"),
    "standard_lrs": _ByDisk("Standard HDD Managed Disks", "S", "LRS"),
    "premiumv2_lrs": _ByGib("Azure Premium SSD v2", "Premium LRS"),
    "ultrassd_lrs": _ByGib("Ultra Disks", "Ultra LRS"),
}
"""By the `skuName` of a StorageClass, which the CSI driver compares without case."""

_METERS: Mapping[str, tuple[str, str, str]] = {
    VOLUME: ("Provisioned Capacity", GB_MONTH, "gib_month"),
    VOLUME_IOPS: ("Provisioned IOPS", MONTH, "iops_month"),
    VOLUME_THROUGHPUT: ("Provisioned Throughput (MBps)", MONTH, "mibps_month"),
}
"""A MBps is taken as a MiB/s: a StorageClass asks for throughput in the unit that the meter counts."""


def products(requests: Sequence[PriceRequest]) -> list[str]:
    """Return the products that have the prices of `requests`."""
    kinds = [_KINDS.get(request.sku.lower()) for request in requests]
    return sorted({kind.product for kind in kinds if kind is not None})


def query(region: str, names: Sequence[str]) -> str:
    """Return the filter for all rows of the products `names` in `region`."""
    return consumption(SERVICE, equal("armRegionName", region), any_of("productName", names))


def price(request: PriceRequest, listing: Listing, book: PriceBook) -> Answer:
    """Return what the request's disk costs: in tiers of whole disks, or per GiB, operation and MiB/s in a month."""
    kind = _KINDS.get(request.sku.lower())
    if kind is None:
        return Unknown(reason=f"Azure has no managed disk {request.sku or 'without a type'}")
    if isinstance(kind, _ByGib):
        meter, measure, unit = _METERS[request.kind]
        wanted = Wanted(words=f"{meter.lower()} of {request.sku} in {request.region}", measure=measure, unit=unit)
        return book.by_amount(listing, _meter(kind.product, f"{kind.sku} {meter}"), wanted)
    if request.kind != VOLUME:
        return Unknown(reason=f"the price of a {request.sku} disk has its operations and throughput in it")
    return _whole_disks(kind, request, listing, book)


def _whole_disks(kind: _ByDisk, request: PriceRequest, listing: Listing, book: PriceBook) -> Answer:
    """A tier that isn't sold in the region is covered by the next greater one."""
    wanted = Wanted(words=f"{request.sku} disk in {request.region}", measure=MONTH, unit=DISK_MONTH)
    names = {f"{kind.letter}{number} {kind.redundancy} Disk": gib for number, gib in TIERS.items()}
    found = book.paid(listing.rows, _tier(kind.product, names), wanted)
    steps, start = [], 0.0
    for name, gib in names.items():
        paid = [each for each in found if each.row.meter_name == name]
        if paid:
            steps.append((start, paid))
            start = float(gib)
    return book.stepped(steps, listing, wanted)


def _tier(product: str, names: Mapping[str, int]) -> Judge:
    """`P10 LRS Disk Mount` is for disks that machines share, `P60 - Special LRS Disk` for a few customers."""

    def reason(row: Row) -> str:
        if row.product_name != product:
            return "it is another kind of disk"
        return "" if row.meter_name in names else "it isn't a disk's own price"

    return reason


def _meter(product: str, meter: str) -> Judge:
    def reason(row: Row) -> str:
        return "" if row.product_name == product and row.meter_name == meter else "it is another meter"

    return reason
