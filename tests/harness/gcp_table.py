"""The recorded table of machine prices, taken apart into the SKUs that Google would list for it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, PriceRequest, Shape
from kube_cost_price_snapshot import PriceSnapshot
from kube_cost_simulator.clouds.gcp_skus import GcpSku

USAGES = {ON_DEMAND: "OnDemand", SPOT: "Preemptible"}

Prices = Mapping[str, float]
"""USD per hour by machine type."""

FAMILIES: Mapping[str, tuple[str, str, str]] = {
    "n1": ("N1 Predefined Instance Core", "N1 Predefined Instance Ram", "N1Standard"),
    "n2": ("N2 Instance Core", "N2 Instance Ram", ""),
    "n2d": ("N2D AMD Instance Core", "N2D AMD Instance Ram", ""),
    "c2": ("Compute optimized Core", "Compute optimized Ram", ""),
    "c2d": ("C2D AMD Instance Core", "C2D AMD Instance Ram", ""),
    "c4a": ("C4A Arm Instance Core", "C4A Arm Instance Ram", ""),
    "t2a": ("T2A Arm Instance Core", "T2A Arm Instance Ram", ""),
    "t2d": ("T2D AMD Instance Core", "T2D AMD Instance Ram", ""),
    "m1": ("Memory-optimized Instance Core", "Memory-optimized Instance Ram", ""),
    "m3": ("M3 Memory-optimized Instance Core", "M3 Memory-optimized Instance Ram", ""),
}
"""How the SKUs of a family are described where it isn't `<FAMILY> Instance Core`."""

WHOLE = {"f1-micro": "Micro Instance with burstable CPU", "g1-small": "Small Instance with 1 VCPU"}
SHARED = {"e2-micro": (0.25, 1.0), "e2-small": (0.5, 2.0), "e2-medium": (1.0, 4.0)}

USUAL_RAM = Fraction(134, 1000)
"""What a GiB costs of what a vCPU does, where the table leaves that open."""

SSD_OF_ITS_OWN = ("c4", "c4a", "c4d")
"""Families whose local SSD has a SKU for the family; the others' is that of all."""

Z3_GIB = {"z3-highmem-88-standardlssd": 18000, "z3-highmem-88-highlssd": 36000}

EXCEPTIONS: tuple[tuple[str, str, str], ...] = (
    ("a2-megagpu-16g", "", "the table has it at less than 16 times a2-highgpu-1g's GPU, and doesn't say of which part"),
    ("z3-highmem-192-highlssd-metal", "", "the only one of its family in some regions: its parts can't be told apart"),
    ("c3-", "asia-northeast2", "the table has none without local SSD there: what that costs can't be told"),
    ("c4-", "asia-southeast3", "the table has those with local SSD at the price of those without"),
    ("c4-highmem-288-lssd-metal", "me-central2", "the only one with local SSD there"),
    ("m2-", "me-central2", "the table has no M1 there: what of their price is the upgrade's can't be told"),
)
"""Types (how their names begin) and a region (empty: any) whose price can't be rebuilt from others, and why."""


WITH_MORE = ("a2", "a3", "g2", "g4", "z3", "m2")
"""Families whose machines come with GPUs or disks, or with a premium."""


@dataclass(frozen=True)
class Machine:
    """A type of the table that can be taken apart."""

    name: str
    vcpu: Fraction
    memory_gib: Fraction


def table(recorded_data: Path) -> Mapping[str, Mapping[str, Prices]]:
    """Prices by region and by `on_demand` or `spot`."""
    document = json.loads((recorded_data / "pricing/gcp/karpenter_gcp_initial-prices.json").read_text())
    prices: Mapping[str, Mapping[str, Prices]] = document["prices"]
    return prices


def machine(name: str, snapshot: PriceSnapshot) -> Machine | None:
    """What a type has; None for one that has more than cores and memory, or cores of its own."""
    if name.split("-", maxsplit=1)[0] in WITH_MORE or "lssd" in name or name in WHOLE or name == "m4-ultramem-224":
        return None
    if name in SHARED:
        vcpu, gib = SHARED[name]
        return Machine(name, Fraction(vcpu), Fraction(gib))
    shape = snapshot.shape("gcp", name)
    return None if shape is None else Machine(name, Fraction(str(shape.vcpu)), Fraction(str(shape.memory_gib)))


def skus_of(region: str, capacity: str, prices: Prices, snapshot: PriceSnapshot) -> Iterator[GcpSku]:
    """The SKUs of a region: the prices of a core and a GiB that two types of each family agree on."""
    families: dict[str, list[tuple[Machine, Fraction]]] = {}
    for name, price in prices.items():
        usd = Fraction(str(price))
        if name in WHOLE:
            yield sku(f"{region}-{name}-{capacity}", WHOLE[name], "F1Micro", capacity, region, "h", usd)
        elif (known := machine(name, snapshot)) is not None:
            families.setdefault(name.split("-", maxsplit=1)[0], []).append((known, usd))
    for family, machines in families.items():
        yield from _parts(family, *taken_apart(machines), capacity, region)
    for text, group, unit, each in _more(prices, families):
        yield sku(f"{region}-{text}-{capacity}", text, group, capacity, region, unit, each)


def _parts(family: str, core: Fraction, ram: Fraction, capacity: str, region: str) -> Iterator[GcpSku]:
    core_text, ram_text, group = FAMILIES.get(
        family, (f"{family.upper()} Instance Core", f"{family.upper()} Instance Ram", "")
    )
    yield sku(f"{region}-{family}-core-{capacity}", core_text, group or "CPU", capacity, region, "h", core)
    yield sku(f"{region}-{family}-ram-{capacity}", ram_text, group or "RAM", capacity, region, "GiBy.h", ram)


def _more(
    prices: Prices, families: Mapping[str, list[tuple[Machine, Fraction]]]
) -> Iterator[tuple[str, str, str, Fraction]]:
    """Description, group, unit and price of what machines have beside usual cores and memory."""
    usd = {name: Fraction(str(price)) for name, price in prices.items()}
    ssd = {family: _ssd(family, usd) for family in ("c3", "c3d", *SSD_OF_ITS_OWN)}
    shared = ssd["c3"] or ssd["c3d"] or Fraction(8, 100)
    yield "SSD backed Local Storage", "SSD", "GiBy.mo", shared
    for family in SSD_OF_ITS_OWN:
        if (own := ssd[family]) is not None:
            yield f"{family.upper()} Instance Local SSD", "SSD", "GiBy.mo", own
    yield from _g2(usd)
    yield from _g4(usd)
    yield from _a_machines(usd, shared)
    yield from _z3(usd, shared)
    yield from _m2(usd, families)
    if "m4-ultramem-224" in usd:
        core = usd["m4-ultramem-224"] / (224 + 5952 * USUAL_RAM)
        yield "M4Ultramem224 Instance Core", "CPU", "h", core
        yield "M4Ultramem224 Instance Ram", "RAM", "GiBy.h", core * USUAL_RAM


def _ssd(family: str, usd: Mapping[str, Fraction]) -> Fraction | None:
    """A GiB-month of what the machines with local SSD have more than those without."""
    disks = {"c3": (8, 2), "c3d": (8, 1), "c4": (8, 1), "c4a": (8, 2), "c4d": (8, 1)}
    vcpus, count = disks[family]
    for kind in ("standard", "highmem"):
        plain, with_ssd = usd.get(f"{family}-{kind}-{vcpus}"), usd.get(f"{family}-{kind}-{vcpus}-lssd")
        if plain is not None and with_ssd is not None:
            return (with_ssd - plain) / (count * 375) * 730
    return None


def _cores(family: str, core: Fraction, ram: Fraction) -> Iterator[tuple[str, str, str, Fraction]]:
    yield f"{family.upper()} Instance Core", "CPU", "h", core
    yield f"{family.upper()} Instance Ram", "RAM", "GiBy.h", ram


def _g2(usd: Mapping[str, Fraction]) -> Iterator[tuple[str, str, str, Fraction]]:
    if "g2-standard-4" in usd:
        core = (usd["g2-standard-8"] - usd["g2-standard-4"]) / (4 + 16 * USUAL_RAM)
        yield from _cores("g2", core, core * USUAL_RAM)
        yield "Nvidia L4 GPU", "GPU", "h", usd["g2-standard-4"] - core * (4 + 16 * USUAL_RAM)


def _g4(usd: Mapping[str, Fraction]) -> Iterator[tuple[str, str, str, Fraction]]:
    if "g4-standard-48" in usd:
        ram = Fraction(5, 1000)
        if "g4-standard-6" in usd:
            ram = 2 * (usd["g4-standard-48"] / 8 - usd["g4-standard-6"])
        core = Fraction(1, 100)
        yield from _cores("g4", core, ram)
        yield "RTX 6000 96GB", "GPU", "h", usd["g4-standard-48"] - 48 * core - 180 * ram


def _a_machines(usd: Mapping[str, Fraction], ssd: Fraction) -> Iterator[tuple[str, str, str, Fraction]]:
    core = Fraction(1, 100)
    ram = core * USUAL_RAM
    for family in ("a2", "a3"):
        if any(name.startswith(f"{family}-") for name in usd):
            yield from _cores(family, core, ram)
    disk = ssd / 730
    sold = {
        "a2-highgpu-1g": ("Nvidia Tesla A100 GPU", 12, 85, 1, 0),
        "a2-ultragpu-1g": ("Nvidia Tesla A100 80GB GPU", 12, 170, 1, 375),
        "a3-highgpu-8g": ("Nvidia H100 80GB GPU", 208, 1872, 8, 750),
        "a3-megagpu-8g": ("Nvidia H100 80GB Mega GPU", 208, 1872, 8, 750),
    }
    for name, (text, vcpus, gib, gpus, ssd_gib) in sold.items():
        if name in usd:
            yield text, "GPU", "h", (usd[name] - vcpus * core - gib * ram) / gpus - ssd_gib * disk


def _z3(usd: Mapping[str, Fraction], ssd: Fraction) -> Iterator[tuple[str, str, str, Fraction]]:
    lean, fat = "z3-highmem-88-standardlssd", "z3-highmem-88-highlssd"
    if lean in usd and fat in usd:
        per_gib = (usd[fat] - usd[lean]) / (Z3_GIB[fat] - Z3_GIB[lean])
        core = (usd[lean] - Z3_GIB[lean] * per_gib) / (88 + 704 * USUAL_RAM)
        yield from _cores("z3", core, core * USUAL_RAM)
        yield "Z3 Instance Local SSD", "SSD", "GiBy.mo", per_gib * 730
    elif fat in usd:
        core = (usd[fat] - Z3_GIB[fat] * ssd / 730) / (88 + 704 * USUAL_RAM)
        yield from _cores("z3", core, core * USUAL_RAM)


def _m2(
    usd: Mapping[str, Fraction], families: Mapping[str, list[tuple[Machine, Fraction]]]
) -> Iterator[tuple[str, str, str, Fraction]]:
    lean, fat = "m2-megamem-416", "m2-ultramem-416"
    if lean in usd and fat in usd and "m1" in families:
        core, ram = taken_apart(families["m1"])
        more_ram = (usd[fat] - usd[lean]) / (11776 - 5888) - ram
        more_core = (usd[lean] - 5888 * (ram + more_ram)) / 416 - core
        text = "Memory Optimized Upgrade Premium for Memory-optimized Instance"
        yield f"{text} Core", "CPU", "h", more_core
        yield f"{text} Ram", "RAM", "GiBy.h", more_ram


def taken_apart(machines: list[tuple[Machine, Fraction]]) -> tuple[Fraction, Fraction]:
    """Prices of a vCPU and a GiB from the two types that differ most; from one alone by a usual ratio."""
    by_ratio = sorted(machines, key=lambda one: (one[0].memory_gib / one[0].vcpu, one[0].name))
    (lean, lean_usd), (fat, fat_usd) = by_ratio[0], by_ratio[-1]
    determinant = lean.vcpu * fat.memory_gib - fat.vcpu * lean.memory_gib
    if determinant == 0:
        core = lean_usd / (lean.vcpu + lean.memory_gib * USUAL_RAM)
        return core, core * USUAL_RAM
    core = (lean_usd * fat.memory_gib - fat_usd * lean.memory_gib) / determinant
    ram = (lean.vcpu * fat_usd - fat.vcpu * lean_usd) / determinant
    return core, ram


def sku(sku_id: str, text: str, group: str, capacity: str, region: str, unit: str, usd: Fraction) -> GcpSku:
    """A SKU at that price, in one tier."""
    spot = "Spot Preemptible " if capacity == SPOT else ""
    return GcpSku(
        sku_id=sku_id,
        description=f"{spot}{text} running in Somewhere",
        group=group,
        usage=USAGES[capacity],
        regions=(region,),
        unit=unit,
        tiers=((0.0, usd),),
    )


def is_exception(name: str, region: str) -> bool:
    """Whether a price of the table can't be rebuilt."""
    return any(name.startswith(start) and where in {"", region} for start, where, _ in EXCEPTIONS)


def request(name: str, region: str, capacity: str, snapshot: PriceSnapshot) -> PriceRequest:
    """A request for a type of the table, with its nominal shape."""
    shape = snapshot.shape("gcp", name)
    return PriceRequest(
        "gcp",
        region,
        "",
        INSTANCE,
        name,
        "linux",
        capacity,
        None if shape is None else Shape(shape.vcpu, shape.memory_gib, shape.gpus),
    )
