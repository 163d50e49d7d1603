"""The past as OpenMetrics text, over a ledger in a file."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from harness.exported import exporting, openmetrics_families
from harness.ledger_days import FIRST, NOW, SECOND, fill
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch, Money, NamespaceTotal
from kube_cost_aggregator.outputs.exports import openmetrics
from kube_cost_aggregator.outputs.families import FAMILIES

RULES = Path(__file__).parents[5] / "deploy" / "prometheus" / "rules.yaml"
SHOWN = (
    *openmetrics.NAMESPACE_SHOWN,
    *openmetrics.SAVINGS_SHOWN,
    *openmetrics.RESOURCE_SHOWN,
    *openmetrics.COMPONENT_SHOWN,
    *openmetrics.CAPACITY_SHOWN,
)

Series = dict[tuple[str, ...], list[tuple[float, float]]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "ledger.sqlite")
    yield store
    store.close()


async def asked(store: SqliteStore, *, cluster: str = "", now: int = NOW, **query: str) -> str:
    async with (
        exporting(store.hours, now_ns=now * 10**9, cluster=cluster) as client,
        client.get("/api/v1/export/openmetrics", params=query) as answer,
    ):
        assert answer.status == 200
        assert answer.content_type == "application/openmetrics-text"
        return await answer.text()


def series(text: str, name: str) -> Series:
    """Times and nano-USD of a family's series by their labels' values."""
    found: Series = {}
    for family in openmetrics_families(text):
        for sample in family.samples:
            if sample.name == name:
                at = float(str(sample.timestamp))
                found.setdefault(tuple(sample.labels.values()), []).append((at, round(sample.value * 1e9)))
    return found


async def test_counters_are_what_they_were_at_each_hours_end(store: SqliteStore) -> None:
    """With a sample at the window's beginning, so that the first hour's increase is in it."""
    await fill(store)
    text = await asked(store)
    assert text.endswith("# EOF\n")
    assert series(text, "kube_cost_namespace_usd_total")["shop",] == [(FIRST, 0), (SECOND, 113), (NOW, 274)]
    assert series(text, "namespace:kube_cost_namespace_usd_total:max")["shop",] == [
        (FIRST, 0),
        (SECOND, 113),
        (NOW, 274),
    ]
    assert series(text, "kube_cost_namespace_hourly_usd")["shop",] == [(SECOND, 113), (NOW, 161)]
    assert series(text, "namespace:kube_cost_namespace_usd:increase1d")["shop",] == [(SECOND, 113), (NOW, 274)]
    assert series(text, "kube_cost_cluster_usd_total")["storage",] == [(FIRST, 0), (SECOND, 60), (NOW, 121)]
    assert series(text, "kube_cost_nodes_usd_total")["spot",] == [(FIRST, 0), (SECOND, 100), (NOW, 100)]


async def test_a_window_begins_with_what_was_before_it(store: SqliteStore) -> None:
    """And its day's increase counts the hours of the day before it."""
    await fill(store)
    text = await asked(store, window="1h")
    assert series(text, "kube_cost_namespace_usd_total")["shop",] == [(SECOND, 113), (NOW, 274)]
    assert series(text, "namespace:kube_cost_namespace_usd:increase1d")["shop",] == [(NOW, 274)]


async def test_no_counter_dips_or_is_above_what_is_exposed(store: SqliteStore) -> None:
    """Where idle loses a nano-dollar to rounding, and where what is exposed stood still meanwhile."""
    await fill(store)
    idle = Money(84, -7, 0, 17).plus(Money(-1))
    await store.commit(Batch(namespace_totals={"__idle__": NamespaceTotal(idle, 76, 17, idle)}))
    for found in series(await asked(store), "kube_cost_namespace_usd_total").values():
        assert all(before[1] <= after[1] for before, after in pairwise(found))
    assert series(await asked(store), "kube_cost_namespace_usd_total")["__idle__",] == [
        (FIRST, 0),
        (SECOND, 76),
        (NOW, 76),
    ]


async def test_the_cluster_is_a_label_where_it_has_a_name(store: SqliteStore) -> None:
    """First, as on /metrics."""
    await fill(store)
    assert 'kube_cost_namespace_usd_total{cluster="eu",namespace="shop"} ' in await asked(store, cluster="eu")


async def test_a_namespace_alone_is_without_the_clusters_families(store: SqliteStore) -> None:
    """Which would be a part under the whole's name."""
    await fill(store)
    text = await asked(store, namespace="sh*")
    assert set(series(text, "kube_cost_namespace_usd_total")) == {("shop",)}
    assert "kube_cost_cluster" not in text
    assert "kube_cost_nodes" not in text


async def test_an_empty_ledger_is_an_empty_text(store: SqliteStore) -> None:
    """Which is valid all the same."""
    text = await asked(store)
    assert text.endswith("# EOF\n")
    assert not any(family.samples for family in openmetrics_families(text))


async def test_many_series_are_read_again_and_are_the_same(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they don't fit into memory at once."""
    await fill(store)
    at_once = await asked(store)
    monkeypatch.setattr(openmetrics, "SERIES_HOURS", 60)
    monkeypatch.setattr(openmetrics, "HOURS_AT_A_TIME", 1)
    assert await asked(store) == at_once


def test_names_are_those_of_families_and_rules() -> None:
    """Each is one or the other; all rules are there."""
    rules = {rule["record"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    names = {shown.name for shown in SHOWN}
    assert names <= FAMILIES.keys() | rules
    assert rules <= names
