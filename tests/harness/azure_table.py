"""The recorded table of Azure's machines in six regions, and what about it isn't as it says."""

import json
from collections.abc import Mapping
from pathlib import Path

from kube_cost_price_snapshot.build import azure as snapshot_build

NOT_MACHINES: Mapping[str, str] = {
    "ARM_SKU_NAME_PLACEHOLDER": "a placeholder of Microsoft's",
    "NC16dsxlRTX6Kv6": "a name that no machine type has",
    "NC8dsxlRTX6Kv6": "a name that no machine type has",
    "Standard_NM16ads_MA35D  ": "blanks behind it: a node's label can't have them, and the list compares exactly",
}
"""Names in the table that no node can have, each with its reason; the others without `Standard_` or `Basic_` are
dedicated hosts (`Dsv3_Type3`, `DCsv2 Type 1`), which hold machines and are none."""


def read_table(recorded_data: Path) -> dict[str, dict[str, float]]:
    """USD per hour by region and armSkuName, as recorded."""
    table = json.loads((recorded_data / "pricing/azure/vm_ondemand_linux_6_regions.json").read_text())
    prices: dict[str, dict[str, float]] = table["prices"]
    return prices


def without_price(sku: str) -> bool:
    """Whether the name is none of a machine type: then it has no price."""
    return sku in NOT_MACHINES or not sku.startswith(("Standard_", "Basic_"))


def windows_among(recorded_data: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """The prices in the table that are Windows': by region and type, what Linux costs, and what the table has.

    They come from the rows of `Dasv5 Series Cloud Services` and the like, whose price is that with Windows. Which they
    are is worked out where the shipped snapshot is built.
    """
    snapshot = snapshot_build.read(recorded_data / "pricing/azure")
    found = {}
    for region, prices in read_table(recorded_data).items():
        place = snapshot.regions.index(region)
        for sku, usd in prices.items():
            row = snapshot.instances.get(sku)
            linux = row.on_demand[place] if row is not None else None
            if linux is not None and abs(linux - usd) > 1e-9:
                found[region, sku] = (linux, usd)
    return found


def linux_prices(recorded_data: Path) -> dict[str, dict[str, float]]:
    """The table with Linux' price where it has Windows'."""
    table = read_table(recorded_data)
    for (region, sku), (linux, _) in windows_among(recorded_data).items():
        table[region][sku] = linux
    return table
