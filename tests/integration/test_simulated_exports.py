"""A simulated day's exports: FOCUS by the specification's rules, and the past in a real Prometheus."""

import asyncio
import csv
import io
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from harness.costs import Shown
from harness.exported import exported, openmetrics_families
from harness.focus_rules import broken_rules, charge_of, rows_of, totals
from harness.prometheus import Past, Prometheus, put_past, running_prometheus
from harness.twin import SECOND_NS, Twin
from kube_cost_aggregator.outputs.exports.openmetrics import (
    CAPACITY_SHOWN,
    COMPONENT_SHOWN,
    NAMESPACE_SHOWN,
    RESOURCE_SHOWN,
    SAVINGS_SHOWN,
)
from kube_cost_aggregator.outputs.windows import rfc3339
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_simulator.everything.scenarios import everything_scenario, priced_demo_scenario
from kube_cost_simulator.scenario import Scenario

pytestmark = pytest.mark.timeout(600)
"""A day is half a minute on a machine that does nothing else."""

START = 1_790_000_000 // 3600 * 3600
DAY_SECONDS = 86_400
LIVE_SECONDS = 1800
NANO = Decimal(1).scaleb(-9)
PAID = "cpu_nano + memory_nano + gpu_nano + storage_nano + network_nano + load_balancer_nano + control_plane_nano"


@dataclass(frozen=True)
class Day:
    """A ledger, what was exported of its first day, and what /metrics said in the half hour after."""

    folder: Path
    focus: str
    metrics: str
    costs: str
    live: Past
    spent: Mapping[str, int]
    """What counters of the cluster's components said last, in nano-USD."""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("day")
    return asyncio.run(live(folder))


def quiet(scenario: Scenario) -> Scenario:
    """Without its jobs, which come and go by the minute: a day of them takes minutes to simulate."""
    return replace(scenario, workloads=tuple(one for one in scenario.workloads if one.kind not in {"Job", "CronJob"}))


async def live(folder: Path) -> Day:
    """A day of the demo's cluster, all of it priced, and its exports; then half an hour that Prometheus scrapes."""
    twin = Twin(
        scenario=quiet(priced_demo_scenario()),
        folder=folder,
        start_ns=START * SECOND_NS,
        read_seconds=300,
        interval_seconds=300,
    )
    await twin.start()
    await twin.run(DAY_SECONDS + 1200)
    window = f"{rfc3339(START)}/{rfc3339(START + DAY_SECONDS)}"
    now_ns = twin.clock.now_ns()
    focus, metrics, costs = [
        await exported(folder, name, now_ns=now_ns, window=window) for name in ("focus", "openmetrics", "costs.csv")
    ]
    past = Past(folder / "live.txt")
    shares = {sku: float(share) for sku, share in twin.cluster.history.prices.network.shares.items()}
    board = RateBoard(inventory=twin.inventory, now_ns=twin.clock.now_ns, network_shares=shares)
    shown = Shown(cluster="twin", info_max_pods=0)
    for _ in range(LIVE_SECONDS // 60):
        shown.rates, shown.totals = board.refresh(twin.shelf.book), twin.ledger.totals
        await shown.metrics.tick()
        past.add(shown.metrics.current.identity().decode(), twin.clock.now_ns() / SECOND_NS)
        await twin.run(60)
    twin.close()
    return Day(folder, focus, metrics, costs, past, shown.totals.components)


@pytest.fixture(scope="module")
def prometheus(day: Day, promtool: str, prometheus_binary: str) -> Iterator[Prometheus]:
    """One with the day in it, and what was scraped after it."""
    file = day.folder / "metrics.txt"
    file.write_text(day.metrics)
    put_past(promtool, file, day.folder)
    day.live.put(promtool, day.folder)
    with running_prometheus(prometheus_binary, day.folder) as running:
        yield running


def asked(folder: Path, query: str, until: int = START + DAY_SECONDS) -> list[tuple[object, ...]]:
    """Rows of the ledger's hours before a moment; the query has `:until`."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as db:
        return db.execute(query, {"until": until}).fetchall()


def by_charge(folder: Path, until: int) -> dict[tuple[str, str, str], int]:
    """What the ledger says that each charge cost, by hour, uid and kind."""
    rows = asked(
        folder,
        """SELECT hour, uid, 'node', paid_nano FROM node_hours JOIN nodes USING (node_id) WHERE hour < :until
           UNION ALL
           SELECT hour, uid, 'traffic', network_nano + (
               SELECT coalesce(sum(p.network_nano), 0) FROM pod_hours p JOIN pods USING (pod_id)
               WHERE p.hour = n.hour AND pods.node_id = n.node_id)
           FROM node_hours n JOIN nodes USING (node_id) WHERE hour < :until
           UNION ALL
           SELECT hour, uid, kind, sum(paid_nano) FROM object_hours JOIN objects USING (object_id)
           WHERE hour < :until GROUP BY hour, uid, kind""",
        until,
    )
    return {(rfc3339(hour), str(uid), str(kind)): int(str(nano)) for hour, uid, kind, nano in rows if nano}  # type: ignore[arg-type]


def exported_charges(text: str) -> dict[tuple[str, str, str], Decimal]:
    """What rows of a charge are together, named likewise."""
    kinds = {
        "Node hours": "node",
        "Traffic of a node": "traffic",
        "Volume hours": "volume",
        "Load balancer hours": "load_balancer",
        "Control plane hours": "control_plane",
    }
    rows = rows_of(text)
    named = {
        charge_of(row): (row["ChargePeriodStart"], row["ResourceId"], kinds[row["SkuMeter"] or ""]) for row in rows
    }
    return {
        (str(hour), str(uid), kind): usd
        for charge, usd in totals(rows).items()
        if usd
        for hour, uid, kind in [named[charge]]
    }


def namespace_of(row: Mapping[str, str | None]) -> str:
    tags = json.loads(row["AllocatedTags"] or "{}") | json.loads(row["Tags"] or "{}")
    return str(tags["kube_cost/namespace"])


def check_namespaces(text: str, folder: Path, until: int) -> None:
    """Assert that the rows of each namespace are what it cost."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows_of(text):
        found[namespace_of(row)] += Decimal(row["BilledCost"] or 0)
    query = f"SELECT namespace, sum({PAID}) AS nano FROM namespace_hours WHERE hour < :until GROUP BY 1 HAVING nano"
    truth = {str(name): int(str(nano)) * NANO for name, nano in asked(folder, query, until)}
    assert {name: usd for name, usd in found.items() if usd} == truth


def test_focus_is_what_the_specification_demands(day: Day) -> None:
    """Columns, types, nulls, allowed values, and what one demands of another, in each of a day's rows."""
    assert len(rows_of(day.focus)) > 2000
    assert not broken_rules(day.focus)


def test_focus_splits_each_charge_to_the_nano_dollar(day: Day) -> None:
    """In each hour: nodes, their traffic, volumes; and load balancers and the control plane, which aren't split."""
    truth = by_charge(day.folder, START + DAY_SECONDS)
    assert {kind for _, _, kind in truth} == {"node", "traffic", "volume", "load_balancer", "control_plane"}
    assert exported_charges(day.focus) == {key: nano * NANO for key, nano in truth.items()}


def test_focus_by_namespace_is_what_the_ledger_says(day: Day) -> None:
    """By the tag that rows have for it, what is no namespace's included."""
    check_namespaces(day.focus, day.folder, START + DAY_SECONDS)


def test_focus_list_cost_is_what_it_would_cost_on_demand(day: Day) -> None:
    """What was paid, and what spot saved."""
    rows = rows_of(day.focus)
    listed = sum(Decimal(row["ListCost"] or 0) - Decimal(row["BilledCost"] or 0) for row in rows)
    ((saved,),) = asked(day.folder, "SELECT sum(savings_nano) FROM namespace_hours WHERE hour < :until")
    assert listed == int(str(saved)) * NANO > 0


async def test_focus_of_everything_that_costs(tmp_path: Path) -> None:
    """GPUs, Fargate, shared volumes, nodes without agents: two hours of them keep the rules, and add up."""
    twin = Twin(
        scenario=everything_scenario(),
        folder=tmp_path,
        start_ns=START * SECOND_NS,
        read_seconds=60,
        labels=frozenset({"team"}),
    )
    await twin.start()
    for _ in range(6):
        await twin.run(1200)
        await twin.catch_up()
    await twin.run(900)
    await twin.catch_up()
    until = await twin.store.hours.settled_until()
    assert until is not None
    assert until > START
    text = await exported(tmp_path, "focus", now_ns=twin.clock.now_ns(), window=f"{rfc3339(START)}/{rfc3339(until)}")
    twin.close()
    assert not broken_rules(text)
    assert exported_charges(text) == {key: nano * NANO for key, nano in by_charge(tmp_path, until).items()}
    check_namespaces(text, tmp_path, until)
    units = {
        one["UsageUnit"]
        for row in rows_of(text)
        for one in json.loads(row["AllocatedMethodDetails"] or '{"Elements": []}')["Elements"]
    }
    assert units == {"CPU", "Memory", "GPU", "B", "Hours"}
    assert any("team" in json.loads(row["AllocatedTags"] or "{}") for row in rows_of(text))


def test_costs_for_finance_add_up_to_the_cluster(day: Day) -> None:
    """All lines of all days together, to the nano-dollar."""
    lines = list(csv.DictReader(io.StringIO(day.costs)))
    ((paid,),) = asked(day.folder, f"SELECT sum({PAID} + shared_nano) FROM namespace_hours WHERE hour < :until")
    assert sum(Decimal(line["total_usd"]) for line in lines) == int(str(paid)) * NANO
    ((saved,),) = asked(day.folder, "SELECT sum(savings_nano) FROM namespace_hours WHERE hour < :until")
    assert sum(Decimal(line["spot_savings_usd"]) for line in lines) == int(str(saved)) * NANO
    assert {line["period_start"] for line in lines} == {
        rfc3339(START),
        rfc3339(START // DAY_SECONDS * DAY_SECONDS + DAY_SECONDS),
    }


def test_the_past_is_openmetrics(day: Day) -> None:
    """By a parser of the standard, which wants families and series together, and each in order of time."""
    families = {family.name: family for family in openmetrics_families(day.metrics)}
    shown = {
        one.name
        for of in (NAMESPACE_SHOWN, SAVINGS_SHOWN, RESOURCE_SHOWN, COMPONENT_SHOWN, CAPACITY_SHOWN)
        for one in of
    }
    assert {sample.name for family in families.values() for sample in family.samples} == shown


@pytest.mark.parametrize(
    ("series", "by", "query"),
    [
        (
            "kube_cost_namespace_usd_total",
            "namespace",
            f"SELECT namespace, sum({PAID} + shared_nano) FROM namespace_hours WHERE hour < :until GROUP BY 1",
        ),
        (
            "namespace:kube_cost_namespace_usd_total:max",
            "namespace",
            f"SELECT namespace, sum({PAID} + shared_nano) FROM namespace_hours WHERE hour < :until GROUP BY 1",
        ),
        (
            "sum by (resource) (kube_cost_namespace_resource_usd_total)",
            "resource",
            """SELECT 'storage', sum(storage_nano) FROM namespace_hours WHERE hour < :until
               UNION ALL SELECT 'cpu', sum(cpu_nano) FROM namespace_hours WHERE hour < :until""",
        ),
        (
            "kube_cost_nodes_usd_total",
            "capacity_type",
            """SELECT capacity_type, sum(paid_nano) FROM node_hours JOIN nodes USING (node_id) WHERE hour < :until
               GROUP BY 1""",
        ),
        (
            "kube_cost_cluster_usd_total",
            "component",
            "SELECT 'compute', sum(paid_nano) FROM node_hours WHERE hour < :until",
        ),
    ],
)
def test_a_days_increase_in_prometheus_is_the_ledgers(
    day: Day, prometheus: Prometheus, series: str, by: str, query: str
) -> None:
    """Asked over the whole day, and a millisecond more at both ends, so that whichever end counts is in it."""
    ranged = "[86400002ms]"
    expression = f"increase({series}{ranged})"
    if "(" in series:
        expression = f"sum by ({by}) (increase({series.rsplit('(', 1)[1].rstrip(')')}{ranged}))"
    found = prometheus.query(expression, at_seconds=START + DAY_SECONDS + 0.001)
    values = {sample.labels[by]: sample.value for sample in found}
    for name, nano in asked(day.folder, query):
        assert values.get(str(name), 0.0) == pytest.approx(int(str(nano or 0)) / 1e9, rel=1e-6, abs=1e-8), name


def test_what_is_scraped_afterwards_goes_on_without_a_reset(prometheus: Prometheus) -> None:
    """In all counters of the ledger."""
    ended = START + DAY_SECONDS + 1200 + LIVE_SECONDS
    for name in ("namespace", "namespace_resource", "cluster", "nodes"):
        resets = prometheus.query(f"resets(kube_cost_{name}_usd_total[{DAY_SECONDS}s])", at_seconds=ended)
        assert len(resets) > 1
        assert not [sample for sample in resets if sample.value], name
    savings = prometheus.query("resets(kube_cost_spot_savings_usd_total[1d])", at_seconds=ended)
    assert savings
    assert not [sample for sample in savings if sample.value]


def test_the_seam_loses_nothing(day: Day, prometheus: Prometheus) -> None:
    """From the exported counters' last sample to the last scraped one it is what was spent meanwhile."""
    seam, last = START + DAY_SECONDS, START + DAY_SECONDS + 1200 + LIVE_SECONDS - 60
    expression = f"kube_cost_cluster_usd_total - kube_cost_cluster_usd_total offset {last - seam}s"
    found = {one.labels["component"]: one.value for one in prometheus.query(expression, at_seconds=last)}
    ((compute,),) = asked(day.folder, "SELECT sum(paid_nano) FROM node_hours WHERE hour < :until")
    ((storage,),) = asked(day.folder, "SELECT sum(storage_nano) FROM namespace_hours WHERE hour < :until")
    for component, before in (("compute", compute), ("storage", storage)):
        spent = day.spent[component] - int(str(before))
        assert found[component] == pytest.approx(spent / 1e9, rel=1e-9)
        assert spent > 0


def test_rules_of_a_day_are_there(day: Day, prometheus: Prometheus) -> None:
    """What a day cost at its end, as Prometheus would have recorded it."""
    found = prometheus.query("sum(namespace:kube_cost_namespace_usd:increase1d)", at_seconds=START + DAY_SECONDS + 1)
    ((paid,),) = asked(day.folder, f"SELECT sum({PAID} + shared_nano) FROM namespace_hours WHERE hour < :until")
    assert found[0].value == pytest.approx(int(str(paid)) / 1e9, rel=1e-9)
