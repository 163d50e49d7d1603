"""Charges in FOCUS, and that the validator sees what isn't right."""

import asyncio
import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from harness.exported import exported
from harness.focus_rules import FocusRow, broken_rules, rows_of
from harness.ledger_days import NOW, fill
from kube_cost_aggregator.history.sqlite import open_store

NANO = Decimal(1).scaleb(-9)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("focus")
    store = open_store(folder / "ledger.sqlite")
    asyncio.run(fill(store))
    store.close()
    return folder


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return asyncio.run(exported(folder, "focus", now_ns=NOW * 10**9))


def rows(text: str, **wanted: str | None) -> list[FocusRow]:
    return [row for row in rows_of(text) if all(row[name] == value for name, value in wanted.items())]


def test_a_small_ledger_keeps_all_rules(text: str) -> None:
    """With a pod of a name that isn't one, a node whose idle part is below 0, an hour without pods of a volume."""
    assert broken_rules(text) == []


def test_a_pods_row_says_who_it_is_and_what_it_pays(text: str) -> None:
    """Its part of the node's charge by what it is measured by; its labels as they are, ours under a prefix."""
    (row,) = rows(text, AllocatedResourceId="pod-1", AllocatedMethodId="kube-cost-compute-1")
    assert (row["ResourceName"], row["AllocatedResourceName"], row["SkuPriceId"]) == (
        "n1",
        "web-1",
        "m5.large/on_demand",
    )
    assert (row["BilledCost"], row["EffectiveCost"], row["ListCost"]) == ("0.00000005", "0.00000005", "0.000000054")
    assert json.loads(row["AllocatedMethodDetails"] or "") == {
        "Elements": [{"AllocatedRatio": 0.3, "UsageUnit": "CPU"}, {"AllocatedRatio": 0.2, "UsageUnit": "Memory"}]
    }
    assert json.loads(row["AllocatedTags"] or "") == {
        "kube_cost/namespace": "shop",
        "kube_cost/workload_kind": "Deployment",
        "kube_cost/workload": "web",
        "team": "pay",
        "tier": "front",
    }


def test_spot_is_dynamic_and_lists_what_it_would_cost_on_demand(text: str) -> None:
    """Over the rows of the node, idle included."""
    spot = rows(text, ResourceName="n2")
    assert {row["PricingCategory"] for row in spot} == {"Dynamic"}
    assert sum(Decimal(row["BilledCost"] or 0) for row in spot) == 100 * NANO
    assert sum(Decimal(row["ListCost"] or 0) for row in spot) == 126 * NANO
    assert sum(Decimal(row["PricingQuantity"] or 0) for row in spot) == Decimal("0.999861111111")


def test_what_no_pod_has_is_no_resources(text: str) -> None:
    """But says under which name the ledger has it."""
    names = {
        json.loads(row["AllocatedTags"] or "{}")["kube_cost/namespace"]
        for row in rows(text, AllocatedResourceId=None)
        if row["AllocatedMethodId"]
    }
    assert names == {"__idle__", "__system__", "__cluster__"}


def test_a_volume_is_its_pods_and_without_any_its_claims(text: str) -> None:
    """Hour by hour."""
    mounted, alone = (rows(text, ResourceId="pv-1", ChargePeriodStart=f"2027-01-15T0{hour}:00:00Z") for hour in (6, 7))
    assert [(row["AllocatedResourceId"], row["BilledCost"]) for row in mounted] == [
        ("pod-1", "0.00000003"),
        ("pod-5000", "0.00000003"),
    ]
    assert [(row["AllocatedResourceId"], row["BilledCost"]) for row in alone] == [("shop/disk", "0.000000061")]


def test_load_balancers_and_the_control_plane_arent_split(text: str) -> None:
    """What they are for is in their own tags."""
    (balancer, _), (plane,) = rows(text, ResourceId="svc-1"), rows(text, SkuId="control_plane")
    assert balancer["AllocatedMethodId"] is plane["AllocatedMethodId"] is None
    assert json.loads(balancer["Tags"] or "")["kube_cost/namespace"] == "data"
    assert (plane["ServiceName"], plane["BilledCost"]) == ("Amazon Elastic Kubernetes Service", "0.0000001")


def test_no_name_comes_alive_in_a_spreadsheet(text: str) -> None:
    """Nor in the file that programs read: nothing that Kubernetes calls a name begins so."""
    assert "'=cmd|' /C calc'!A0" in {row["AllocatedResourceName"] for row in rows_of(text)}


async def test_one_namespace_has_the_same_rows_as_in_all(folder: Path, text: str) -> None:
    """And no others; idle has a name too."""
    everything = rows_of(text)
    for name in ("shop", "__idle__", "data"):
        one = rows_of(await exported(folder, "focus", now_ns=NOW * 10**9, namespace=name))
        assert one == [row for row in everything if namespace_of(row) == name]
        assert one


def namespace_of(row: FocusRow) -> str:
    tags = json.loads(row["Tags"] or "{}") | json.loads(row["AllocatedTags"] or "{}")
    return str(tags["kube_cost/namespace"])


BREAKS = {
    "a mandatory column is missing": ("BilledCost", None),
    "a cost that isn't there": ("BilledCost", ""),
    "a number with an exponent": ("BilledCost", "1e-9"),
    "a category of our own": ("ChargeCategory", "Compute"),
    "a time without its zone": ("ChargePeriodStart", "2027-01-15T06:00:00"),
    "a month that isn't the hour's": ("BillingPeriodEnd", "2027-01-01T00:00:00Z"),
    "a usage without a SKU": ("SkuPriceId", ""),
    "a list cost that isn't price times quantity": ("ListCost", "7"),
    "a subcategory of another category": ("ServiceSubcategory", "Block Storage"),
    "a region without a name": ("RegionName", ""),
    "a part for nobody with a name": ("AllocatedResourceId", ""),
    "a ratio too much": ("AllocatedMethodDetails", '{"Elements":[{"AllocatedRatio":0.6,"UsageUnit":"CPU"}]}'),
    "a row of another charge": ("ChargeDescription", "something else"),
    "nested tags": ("Tags", '{"a":{"b":1}}'),
    "a column of nobody's": ("Anything", "1"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_validator_sees(text: str, name: str) -> None:
    """Each in the first row, which is a pod's."""
    column, value = BREAKS[name]
    lines = list(csv.DictReader(io.StringIO(text)))
    if value is None:
        for line in lines:
            del line[column]
    else:
        lines[0][column] = value
    broken = io.StringIO()
    writer = csv.DictWriter(broken, dict.fromkeys([*lines[0]]), restval="")
    writer.writeheader()
    writer.writerows(lines)
    said = broken_rules(broken.getvalue())
    assert said
    assert not any("row 2:" in one for one in said)
