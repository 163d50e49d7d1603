"""Azure: on-demand Linux prices of six regions. The source has no shapes; some are certain from the name."""

import re
from pathlib import Path

import msgspec

from kube_cost_common.messages.prices import Shape
from kube_cost_price_snapshot.table import Row, Table, VolumeRow

_PRICES = "vm_ondemand_linux_6_regions.json"

_CERTAIN = (
    # D v3 to v6: 4 GiB a vCPU, 2 where the name has an l (low memory)
    (re.compile(r"Standard_D(2|4|8|16|32|48|64|96)[ap]?d?s?_v[3-6]"), 4.0),
    (re.compile(r"Standard_D(2|4|8|16|32|48|64|96)[ap]?ld?s_v[56]"), 2.0),
    # E v3 to v6: 8 GiB a vCPU up to 48; the greater ones differ by generation
    (re.compile(r"Standard_E(2|4|8|16|20|32|48)a?d?s?_v[3-6]"), 8.0),
    (re.compile(r"Standard_F(2|4|8|16|32|48|64|72)s_v2"), 2.0),
    (re.compile(r"Standard_B(2|4|8|12|16|20)ms"), 4.0),
    (re.compile(r"Standard_B(2|4|8|16|32)[ap]?s_v2"), 4.0),
    (re.compile(r"Standard_B(2|4|8|16|32)[ap]?ls_v2"), 2.0),
)
"""Series whose every size has the same GiB a vCPU, vCPUs being the number in the name: Microsoft's size tables."""

_SMALL = {
    "Standard_B1ls": Shape(vcpu=1, memory_gib=0.5),
    "Standard_B1s": Shape(vcpu=1, memory_gib=1),
    "Standard_B1ms": Shape(vcpu=1, memory_gib=2),
    "Standard_B2s": Shape(vcpu=2, memory_gib=4),
}

_MIXED_SERIES = re.compile(r"Standard_([DE])(\d+)(ad?s_v5)")
_WINDOWS_USD_PER_VCPU_HOUR = 0.046
"""In the source of 2026-06 about half of the sizes of Dasv5, Dadsv5, Easv5 and Eadsv5 have the price of Windows, which
is Linux' and 0.046 USD per vCPU-hour: the rate per vCPU is the same for all sizes of such a series in a region."""

_DISKS = (("P4", 5.28, 32.0), ("S4", 1.54, 32.0), ("E30", 76.80, 1024.0))
_DISKS_AS_OF = "2026-08-03"
"""Azure's managed disks pricing page, eastus: USD per disk and month, and the size of a full disk in GiB."""


class _Prices(msgspec.Struct):
    currency: str
    generated: str
    prices: dict[str, dict[str, float]]


def read(folder: Path) -> Table:
    """Return the table made of the file in `folder`; raise msgspec.ValidationError or OSError.

    Dedicated hosts (names without `Standard_` or `Basic_`) are no machines of a cluster and stay out, as do prices of
    0, which the source has for sizes that aren't sold yet. Where the source has Windows' price, Windows is taken off.
    """
    source = msgspec.json.decode((folder / _PRICES).read_bytes(), type=_Prices)
    regions = sorted(source.prices)
    sold = {
        region: {sku.strip(): usd for sku, usd in prices.items() if usd > 0 and sku.startswith(("Standard_", "Basic_"))}
        for region, prices in source.prices.items()
    }
    for prices in sold.values():
        prices.update(_without_windows(prices))
    skus = {sku for prices in sold.values() for sku in prices}
    return Table(
        provider="azure",
        as_of=source.generated[:10],
        sources=[
            "Azure Retail Prices API, as generated into Azure/karpenter-provider-azure (Apache-2.0)",
            "machine shapes: from the names of series with one ratio of memory to vCPU, Microsoft's size tables",
            "volumes: Azure managed disks pricing page",
        ],
        unit=f"{source.currency} per hour, Linux",
        regions=regions,
        instances={
            sku: Row(shape=shape_of(sku), on_demand=[sold[region].get(sku) for region in regions], spot=[])
            for sku in skus
        },
        volumes=[VolumeRow(sku, "eastus", usd, _DISKS_AS_OF, gib) for sku, usd, gib in _DISKS],
    )


def _without_windows(prices: dict[str, float]) -> dict[str, float]:
    """Return the Linux prices of those sizes of one region that have the price of Windows."""
    series: dict[tuple[str, str], dict[str, int]] = {}
    for sku in prices:
        match = _MIXED_SERIES.fullmatch(sku)
        if match is not None:
            series.setdefault((match[1], match[3]), {})[sku] = int(match[2])
    linux: dict[str, float] = {}
    for sizes in series.values():
        rate = min(prices[sku] / vcpu for sku, vcpu in sizes.items())
        for sku, vcpu in sizes.items():
            if abs(prices[sku] / vcpu - rate - _WINDOWS_USD_PER_VCPU_HOUR) < 1e-6:
                linux[sku] = rate * vcpu
    return linux


def shape_of(sku: str) -> Shape | None:
    """Return the nominal shape of an Azure size where its name says it for certain, else None."""
    if sku in _SMALL:
        return _SMALL[sku]
    for pattern, gib_per_vcpu in _CERTAIN:
        match = pattern.fullmatch(sku)
        if match is not None:
            vcpu = float(match[1])
            return Shape(vcpu=vcpu, memory_gib=vcpu * gib_per_vcpu)
    return None
