"""Managed disks, by the disk and by the GiB."""

from pathlib import Path

import pytest

from harness.azure_facts import NOW_NS, book, listed, priced, quoted
from kube_cost_common.messages.prices import VOLUME, VOLUME_IOPS, VOLUME_THROUGHPUT, Tier
from kube_cost_pricing.providers.azure.disks import price, products
from kube_cost_pricing.providers.azure.rows import Listing, page_of
from kube_cost_pricing.providers.source import Answer, Unknown
from kube_cost_simulator.clouds.azure_list import AzurePriceSheet
from kube_cost_simulator.clouds.azure_rows import meter_id
from kube_cost_simulator.clouds.azure_services import service_rows


@pytest.fixture
def eastus() -> Listing:
    return listed([row for row in service_rows("eastus") if row["serviceName"] == "Storage"])


def cost(answer: Answer, gib: float) -> float:
    """What a disk of that size costs a month, by the rule of `disk_month`."""
    return [tier.usd for tier in quoted(answer).tiers if tier.start < gib][-1]


@pytest.mark.parametrize(
    ("kind", "gib", "usd"),
    [
        ("Premium_LRS", 1, 0.60),
        ("Premium_LRS", 4, 0.60),
        ("Premium_LRS", 5, 1.20),
        ("Premium_LRS", 32, 5.28),
        ("Premium_LRS", 33, 10.21),
        ("Premium_LRS", 100, 19.71),
        ("Premium_LRS", 32767, 3604.11),
        ("premium_lrs", 32, 5.28),
        ("Premium_ZRS", 32, 7.92),
        ("StandardSSD_LRS", 1024, 76.80),
        ("StandardSSD_LRS", 1000, 76.80),
        ("StandardSSD_ZRS", 1024, 115.20),
        ("Standard_LRS", 1, 1.54),
        ("Standard_LRS", 32, 1.54),
        ("Standard_LRS", 33, 3.01),
    ],
)
def test_a_disk_costs_its_tier(eastus: Listing, kind: str, gib: float, usd: float) -> None:
    """A size is rounded up to a tier: P4 5.28, S4 1.54, E30 76.80 in eastus; hard disks begin with S4."""
    answer = price(priced(kind, kind=VOLUME), eastus, book())
    assert cost(answer, gib) == pytest.approx(usd, rel=1e-12)
    assert quoted(answer).unit == "disk_month"


def test_a_disk_has_a_price_for_each_of_fourteen_sizes(eastus: Listing) -> None:
    """The tiers begin above the size of the one before; mounts, operations, snapshots and specials are none."""
    answer = quoted(price(priced("Premium_LRS", kind=VOLUME), eastus, book()))
    starts = [tier.start for tier in answer.tiers]
    assert starts == [0, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384]
    assert answer.amount == 0.60


def test_a_recorded_disk_has_its_price(recorded_data: Path) -> None:
    """P10 of West Europe is 21.68; where no other size is sold, a smaller disk costs the same."""
    body = (recorded_data / "pricing/azure/retail_pages/aks_availability-set.json").read_bytes()
    listing = Listing(rows=page_of(body).Items, fetched_at_ns=NOW_NS)
    answer = price(priced("Premium_LRS", kind=VOLUME, region="westeurope"), listing, book())
    assert quoted(answer).amount == 21.68
    assert cost(answer, 100) == 21.68


@pytest.mark.parametrize(
    ("disk", "kind", "unit", "amount", "tiers"),
    [
        ("PremiumV2_LRS", VOLUME, "gib_month", 0.000110 * 730, ()),
        ("PremiumV2_LRS", VOLUME_IOPS, "iops_month", 0.000007 * 730, (0.0, 3000.0)),
        ("PremiumV2_LRS", VOLUME_THROUGHPUT, "mibps_month", 0.000056 * 730, (0.0, 125.0)),
        ("UltraSSD_LRS", VOLUME, "gib_month", 0.000164 * 730, ()),
        ("UltraSSD_LRS", VOLUME_IOPS, "iops_month", 0.000068 * 730, ()),
        ("UltraSSD_LRS", VOLUME_THROUGHPUT, "mibps_month", 0.000479 * 730, ()),
    ],
)
def test_newer_disks_cost_by_what_they_have(
    eastus: Listing,
    disk: str,
    kind: str,
    unit: str,
    amount: float,
    tiers: tuple[float, ...],
) -> None:
    """Per GiB, operation and throughput in a month of 730 h; the first tier is free where there is one."""
    answer = quoted(price(priced(disk, kind=kind), eastus, book()))
    assert answer.unit == unit
    assert answer.amount == pytest.approx(amount, rel=1e-12)
    assert tuple(tier.start for tier in answer.tiers) == tiers
    assert not tiers or answer.tiers[0] == Tier(start=0.0, usd=0.0)


@pytest.mark.parametrize(
    ("disk", "kind", "reason"),
    [
        ("Premium_LRS", VOLUME_IOPS, "in it"),
        ("gp3", VOLUME, "no managed disk gp3"),
        ("", VOLUME, "without a type"),
        ("Standard_ZRS", VOLUME, "no managed disk"),
    ],
)
def test_what_isnt_sold_has_a_reason(eastus: Listing, disk: str, kind: str, reason: str) -> None:
    """Operations of a disk that includes them, and disks that aren't Azure's."""
    answer = price(priced(disk, kind=kind), eastus, book())
    assert isinstance(answer, Unknown)
    assert reason in answer.reason


def test_only_the_wanted_products_are_asked() -> None:
    """Two kinds of a product are one product; unknown kinds are none."""
    requests = [priced(sku, kind=VOLUME) for sku in ("Premium_LRS", "Premium_ZRS", "Standard_LRS", "gp3")]
    assert products(requests) == ["Premium SSD Managed Disks", "Standard HDD Managed Disks"]


def test_an_agreed_tier_is_taken_and_the_others_are_said_to_be_list_prices(eastus: Listing) -> None:
    """The sheet has P10 alone: 13 of 14 tiers stay as listed, and the note counts them."""
    sheet = AzurePriceSheet()
    sheet.set(meter_id("eastus", "Premium SSD Managed Disks", "P10 LRS Disk"), 17.0, "1 /Month", category="Storage")
    answer = price(priced("Premium_LRS", kind=VOLUME), eastus, book(sheet))
    assert cost(answer, 128) == 17.0
    assert cost(answer, 64) == 10.21
    assert quoted(answer).note == "price sheet, 13 of 14 tiers at retail price"
