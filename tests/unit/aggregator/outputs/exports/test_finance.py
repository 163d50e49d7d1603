"""The table for finance, over a ledger in a file."""

import csv
import io
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from harness.exported import exported, exporting
from harness.ledger_days import NOW, fill
from kube_cost_aggregator.history.sqlite import open_store
from kube_cost_aggregator.history.store import Batch, Money
from kube_cost_aggregator.outputs.exports.finance import COLUMNS, periods
from kube_cost_aggregator.outputs.windows import DAY, HOUR, Window

NANO = Decimal(1).scaleb(-9)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    store = open_store(tmp_path / "ledger.sqlite")
    await fill(store)
    await store.commit(
        Batch(namespace_hours={(NOW - HOUR, "shop"): Money(shared=-5), (NOW - HOUR, "data"): Money(shared=5)})
    )
    store.close()
    return tmp_path


async def lines(folder: Path, **query: str) -> list[dict[str, str]]:
    text = await exported(folder, "costs.csv", now_ns=NOW * 10**9, **query)
    return list(csv.DictReader(io.StringIO(text)))


async def test_lines_by_namespace_are_what_the_ledger_says(folder: Path) -> None:
    """What sharing moves included, by each resource."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for line in await lines(folder):
        for column in COLUMNS[8:18]:
            sums[line["namespace"], column] += Decimal(line[column]) / NANO
    assert sums["shop", "total_usd"] == 274 - 5
    assert sums["shop", "storage_usd"] == 121
    assert sums["data", "total_usd"] == 58 + 50 + 5
    assert sums["data", "shared_usd"] == 5
    assert sums["__idle__", "total_usd"] == 76
    assert sums["__idle__", "spot_savings_usd"] == 17
    assert sums["__system__", "total_usd"] == 15
    assert sums["__cluster__", "total_usd"] == 102


async def test_by_the_hour_it_is_the_same_money(folder: Path) -> None:
    """In more lines."""
    days, hours = await lines(folder), await lines(folder, step="hour")
    assert sum(Decimal(line["total_usd"]) for line in days) == sum(Decimal(line["total_usd"]) for line in hours)
    assert {line["period_start"] for line in hours} == {"2027-01-15T06:00:00Z", "2027-01-15T07:00:00Z"}
    assert {(line["period_start"], line["period_end"]) for line in days} == {
        ("2027-01-15T06:00:00Z", "2027-01-15T08:00:00Z")
    }


async def test_names_that_begin_as_formulas_are_text(folder: Path) -> None:
    """While money below 0 stays a number."""
    found = await lines(folder, step="hour")
    assert "'=cmd|' /C calc'!A0" in {line["pod"] for line in found}
    assert "-0.000000001" in {line["total_usd"] for line in found}
    assert not any(cell[:1] in set("=+@\t\r") for line in found for cell in line.values())


async def test_a_line_says_whose_it_is(folder: Path) -> None:
    """A pod with its node, a claim, a Service; what nodes have left with theirs."""
    found = {
        (line["namespace"], line["workload_kind"], line["workload"], line["pod"], line["node"])
        for line in await lines(folder)
    }
    assert {
        ("shop", "Deployment", "web", "web-1", "n1"),
        ("shop", "PersistentVolumeClaim", "disk", "", ""),
        ("data", "Service", "front", "", ""),
        ("__idle__", "", "", "", "n2"),
        ("__cluster__", "", "", "", ""),
    } <= found


async def test_several_namespaces_are_alternatives(folder: Path) -> None:
    """As in all filters of the API."""
    store = open_store(folder / "ledger.sqlite")
    async with exporting(store.hours, now_ns=NOW * 10**9) as client:
        query = [("namespace", "shop"), ("namespace", "__idle__")]
        async with client.get("/api/v1/export/costs.csv", params=query) as answer:
            found = list(csv.DictReader(io.StringIO(await answer.text())))
    store.close()
    assert {line["namespace"] for line in found} == {"shop", "__idle__"}


async def test_a_pattern_of_namespaces_takes_those(folder: Path) -> None:
    """And no others."""
    assert {line["namespace"] for line in await lines(folder, namespace="__*")} == {
        "__idle__",
        "__system__",
        "__cluster__",
    }


def test_periods_are_the_windows_days_and_no_more() -> None:
    """The first and the last as far as they are in it."""
    found = list(periods(Window(NOW, NOW + 2 * DAY), DAY))
    midnight = NOW // DAY * DAY + DAY
    assert found == [Window(NOW, midnight), Window(midnight, midnight + DAY), Window(midnight + DAY, NOW + 2 * DAY)]
    assert len(list(periods(Window(NOW, NOW + DAY), HOUR))) == 24
