"""What is kept of a SKU: some hundred bytes of its two kilobytes."""

from typing import NamedTuple

CORE = "core"
RAM = "ram"
GPU = "gpu"
LOCAL_SSD = "local_ssd"
WHOLE = "whole"
UPGRADE_CORE = "upgrade_core"
UPGRADE_RAM = "upgrade_ram"
LICENCE_CORE = "licence_core"
LICENCE_RAM = "licence_ram"
DISK = "disk"
DISK_IOPS = "disk_iops"
DISK_THROUGHPUT = "disk_throughput"
ZONE_TRAFFIC = "zone_traffic"
REGION_TRAFFIC = "region_traffic"
INTERNET_TRAFFIC = "internet_traffic"
FORWARDING_RULE = "forwarding_rule"
CLUSTER = "cluster"
POD_CORE = "pod_core"
POD_RAM = "pod_ram"

GIB_IN_GB = 1.073741824
HOURS_PER_MONTH = 730.0


class Key(NamedTuple):
    """What a SKU is a price of: the part, of what (`n2`, `h100 80gb`, `pd-balanced`), and `on_demand` or `spot`."""

    part: str
    name: str
    capacity: str


class Fact(NamedTuple):
    """One SKU as far as prices go.

    `tiers` are (from how many units on, price of a unit), in our units: an hour of a core, a GPU or a thing, a GiB-hour
    of memory, a GiB-month of 730 h of storage, a GiB of traffic, an IOPS-month.
    """

    sku_id: str
    description: str
    currency: str
    tiers: tuple[tuple[float, float], ...]

    @property
    def amount(self) -> float:
        """The price of a unit once what is free is used up: that of the last tier."""
        return self.tiers[-1][1]


_TO_UNITS: dict[str, dict[str, float]] = {
    "hour": {"h": 1.0},
    "memory": {"GiBy.h": 1.0, "GBy.h": GIB_IN_GB},
    "storage": {
        "GiBy.mo": 1.0,
        "GBy.mo": GIB_IN_GB,
        "GiBy.h": HOURS_PER_MONTH,
        "GBy.h": GIB_IN_GB * HOURS_PER_MONTH,
    },
    "performance": {"mo": 1.0, "count.mo": 1.0, "MiBy/s.mo": 1.0, "MiBps.mo": 1.0, "h": HOURS_PER_MONTH},
    "traffic": {"GiBy": 1.0, "GBy": GIB_IN_GB},
    "pod_core": {"h": 1000.0, "mCPU.h": 1000.0},
}
"""By what the price of one of their units is multiplied for one of ours. Memory per GB is sold in some regions."""

_MEASURES: dict[str, str] = {
    RAM: "memory",
    UPGRADE_RAM: "memory",
    LICENCE_RAM: "memory",
    POD_RAM: "memory",
    POD_CORE: "pod_core",
    LOCAL_SSD: "storage",
    DISK: "storage",
    DISK_IOPS: "performance",
    DISK_THROUGHPUT: "performance",
    ZONE_TRAFFIC: "traffic",
    REGION_TRAFFIC: "traffic",
    INTERNET_TRAFFIC: "traffic",
}


def factor(part: str, usage_unit: str) -> float | None:
    """Return by what a price per `usage_unit` is multiplied for `part`; None where that isn't a unit of it."""
    return _TO_UNITS[_MEASURES.get(part, "hour")].get(usage_unit)
