import json
import math
from pathlib import Path
from typing import Any

import pytest

from kube_cost_pricing.providers.azure.filters import any_of, consumption, equal
from kube_cost_pricing.providers.azure.rows import Row, not_in_force, page_of

NOW_NS = 1_790_000_000_000_000_000  # 2026-09-21

PLAIN: dict[str, Any] = {"retailPrice": 0.096, "currencyCode": "USD", "type": "Consumption", "unitOfMeasure": "1 Hour"}


def row(**more: Any) -> Row:
    return page_of(json.dumps({"Items": [{**PLAIN, **more}]}).encode()).Items[0]


def test_recorded_pages_are_read(recorded_data: Path) -> None:
    """Every recorded page has as many rows as it says, and each has a price, a unit and a region."""
    files = [
        recorded_data / "pricing/azure/retail_items_B16als_v2_australiacentral.json",
        *sorted((recorded_data / "pricing/azure/retail_pages").glob("*.json")),
    ]
    assert len(files) == 6
    for file in files:
        body = file.read_bytes()
        page = page_of(body)
        # Two of the pages were shortened when they were recorded: their count is of before.
        assert 0 < len(page.Items) <= json.loads(body)["Count"], file.name
        assert page.NextPageLink is None
        assert all(each.retail_price > 0 and each.unit_of_measure and each.arm_region_name for each in page.Items)


def test_a_row_with_nan_is_read_with_its_neighbours() -> None:
    """NaN is no JSON, but only its own row is spoiled."""
    body = json.dumps({"Items": [{**PLAIN, "retailPrice": float("nan")}, PLAIN]}).encode()
    first, second = page_of(body).Items
    assert math.isnan(first.retail_price)
    assert second.retail_price == 0.096


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b'{"Items": [', b"[]", b'{"Count": 0}', b'{"Items": [{"retailPrice": "much"}]}', b"\xff"]
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    """Anything but a page raises ValueError."""
    with pytest.raises(ValueError):  # noqa: PT011 - any of its kinds
        page_of(body)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, ""),
        ({"type": "DevTestConsumption"}, "DevTest"),
        ({"type": "Reservation", "reservationTerm": "1 Year"}, "Reservation"),
        ({"reservationTerm": "3 Years"}, "reserved"),
        ({"effectiveEndDate": "2026-09-01T00:00:00Z"}, "ended"),
        ({"effectiveEndDate": "2026-12-01T00:00:00Z"}, ""),
        ({"effectiveStartDate": "2026-10-01T00:00:00Z"}, "begins"),
        ({"effectiveStartDate": "2026-01-01", "effectiveEndDate": None}, ""),
        ({"effectiveStartDate": "someday"}, ""),
    ],
)
def test_only_what_is_paid_by_use_now_is_in_force(more: dict[str, Any], reason: str) -> None:
    """Reservations, Dev/Test prices and prices of other times aren't."""
    found = not_in_force(row(**more), NOW_NS)
    assert (reason in found) if reason else found == ""


def test_a_filter_names_the_service_the_region_and_all_types() -> None:
    """Quotes in a value are doubled, several values are in parentheses."""
    condition = consumption("Virtual Machines", equal("armRegionName", "east'us"), any_of("armSkuName", ["A", "B"]))
    assert condition == (
        "serviceName eq 'Virtual Machines' and priceType eq 'Consumption' and armRegionName eq 'east''us'"
        " and (armSkuName eq 'A' or armSkuName eq 'B')"
    )
