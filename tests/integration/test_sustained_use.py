"""Nodes of Google's over five weeks of a simulated cluster: what sustained use takes off, against the truth's."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from harness import rows
from harness.against_truth import check
from harness.compared import Tolerance
from harness.compared import check as check_rows
from harness.costs import Shown
from harness.everything import GAUGES, last_samples, metrics_rows, truth_rows
from harness.twin import SECOND_NS, Twin
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_simulator.cloud_nodes import Machine, google_node
from kube_cost_simulator.costs.now import rates_now
from kube_cost_simulator.scenario import (
    MIB,
    CapacityType,
    ContainerFact,
    NamespaceFact,
    NodeFact,
    PriceChange,
    Resources,
    Scenario,
    TemplateFact,
    WorkloadFact,
)
from kube_cost_simulator.usage import Rates, steady

DAY = 86_400
START_NS = int(datetime(2027, 3, 25, tzinfo=UTC).timestamp()) * SECOND_NS
"""Seven days before April, which then has thirty."""

N1_STANDARD_4 = Machine("n1-standard-4", 4, 15, 15392904, 3920, 12699140, "0.189999", "0.0399")
N2_STANDARD_4 = Machine("n2-standard-4", 4, 16, 16393244, 3920, 13591584, "0.194236", "0.0469")
E2_STANDARD_2 = Machine("e2-standard-2", 2, 8, 8145404, 1930, 6252540, "0.06701142")

ROUNDED = Tolerance(0.005, 2_000)


def node(name: str, machine: Machine, *, capacity_type: CapacityType = "on_demand", joins: int = 0) -> NodeFact:
    """One that joins that many seconds after the start."""
    fact = google_node(name, machine, zone="us-central1-a", pool="pool", capacity_type=capacity_type)
    return replace(fact, joins_after_seconds=joins)


def five_weeks() -> Scenario:
    """Nodes with and without the discount, one that comes on the 20th of April, one whose price changes in a month."""
    template = TemplateFact(
        containers=(ContainerFact("main", "image", Resources(500, 256 * MIB)),), usage=steady(Rates(700, 300 * MIB))
    )
    return Scenario(
        name="five weeks",
        nodes=(
            node("n1", N1_STANDARD_4),
            node("n2", N2_STANDARD_4),
            node("e2", E2_STANDARD_2),
            node("spot", N1_STANDARD_4, capacity_type="spot"),
            node("late", replace(N1_STANDARD_4, instance_type="custom-4-15360"), joins=26 * DAY + 4321),
            node("dearer", replace(N2_STANDARD_4, instance_type="n2d-standard-4")),
        ),
        namespaces=(NamespaceFact("shop"),),
        workloads=(
            WorkloadFact("DaemonSet", "shop", "logs", template),
            WorkloadFact("Deployment", "shop", "web", template, replicas=3),
        ),
        price_changes=(PriceChange(20 * DAY + 999, "dearer", Fraction("0.21")),),
    )


async def test_five_weeks_cost_what_google_takes(tmp_path: Path) -> None:
    """Each hour of each node is the truth's to the nano-USD; April costs 70 % of the list, 80 %, or all of it.

    Gauges are the truth of now each day, and what is off is no saving by spot.
    """
    twin = Twin(
        scenario=five_weeks(), folder=tmp_path, seed=1, start_ns=START_NS, interval_seconds=3600, read_seconds=1800
    )
    await twin.start()
    board = RateBoard(inventory=twin.inventory, now_ns=twin.clock.now_ns)
    shown = Shown()
    await twin.run(600)  # the truth of now is of just before now: no step is at that moment
    for _ in range(38):
        await twin.run(DAY)
        shown.rates = board.refresh(twin.shelf.book)
        await shown.metrics.tick()
        found = metrics_rows(shown.metrics.current.identity().decode(), GAUGES)
        truth = truth_rows(rates_now(twin.history(), last_samples(twin)))
        check_rows(truth, found, kinds=("node", "pod", "namespace"), tolerances=dict.fromkeys(GAUGES, ROUNDED))
    check(twin, tmp_path)
    twin.close()
    april = _of_april(tmp_path)
    assert april["n1"] == pytest.approx(0.7 * 0.189999 * 720 * 1e9, abs=720)
    assert april["n2"] == pytest.approx(0.8 * 0.194236 * 720 * 1e9, abs=720)
    assert april["e2"] == pytest.approx(0.06701142 * 720 * 1e9, abs=720)
    assert april["spot"] == pytest.approx(0.0399 * 720 * 1e9, abs=720)
    with rows.opened(tmp_path) as db:
        query = "SELECT DISTINCT name FROM node_hours JOIN nodes USING (node_id) WHERE saved_nano <> 0"
        assert db.execute(query).fetchall() == [("spot",)]


def _of_april(folder: Path) -> dict[str, int]:
    """Nano-USD that were paid for April's hours, by node."""
    april, may = (int(datetime(2027, month, 1, tzinfo=UTC).timestamp()) for month in (4, 5))
    query = """SELECT name, sum(paid_nano) FROM node_hours JOIN nodes USING (node_id)
               WHERE hour >= ? AND hour < ? GROUP BY name"""
    with rows.opened(folder) as db:
        return dict(db.execute(query, (april, may)).fetchall())
