"""Two simulated hours as a real Prometheus' past: what the documented queries say of it is the truth."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from harness.costs import Shown
from harness.everything import settled_costs
from harness.prometheus import Past, Prometheus, running_prometheus
from harness.twin import SECOND_NS, Twin
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_common.domain.money import NS_PER_DAY
from kube_cost_simulator.costs.rows import COMPUTE, LINES, Costs
from kube_cost_simulator.demo import demo_scenario

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"

WEEK_SECONDS = 3600
"""What stands for 7 days; a tenth of it for a day."""
STEP_SECONDS = 30
START_NS = 1_790_000_000 // 3600 * 3600 * SECOND_NS

assert START_NS % NS_PER_DAY < NS_PER_DAY - 3 * WEEK_SECONDS * SECOND_NS, "all of it is one day of one month"


@dataclass(frozen=True)
class Lived:
    """What was lived through: the expositions in Prometheus, and what was owed before each week and after the last."""

    prometheus: Prometheus
    owed: tuple[Costs, ...]
    ended_seconds: float
    expositions: tuple[Mapping[str, Fraction], ...]

    def query(self, panel: str, *, before_seconds: float = 0) -> dict[str, float]:
        """What a panel's query says, by the value of its one label."""
        asked = documented()[panel].replace("7d", f"{WEEK_SECONDS}s").replace("1d", f"{WEEK_SECONDS // 10}s")
        found = self.prometheus.query(asked, at_seconds=self.ended_seconds - before_seconds)
        return {"".join(sample.labels.values()): sample.value for sample in found}


def documented() -> dict[str, str]:
    """The queries of the document by the name of their panel."""
    text = DOCUMENT.read_text()
    table = text[text.index("A first look at a cluster:") : text.index("And what isn't:")]
    return dict(re.findall(r"^\| ([^|]+?) \| `([^`]+)`", table, re.MULTILINE))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, promtool: str, prometheus_binary: str) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("past")
    past = Past(folder / "past.txt")
    owed, ended_seconds, expositions = asyncio.run(live(folder, past))
    past.put(promtool, folder)
    with running_prometheus(prometheus_binary, folder) as prometheus:
        yield Lived(prometheus, owed, ended_seconds, expositions)


async def live(folder: Path, past: Past) -> tuple[tuple[Costs, ...], float, tuple[Mapping[str, Fraction], ...]]:
    """Two weeks of the demo's cluster, with ten minutes before them, and an aggregator that ends twice and returns."""
    (folder / "ledger").mkdir()
    twin = Twin(scenario=demo_scenario(), folder=folder / "ledger", start_ns=START_NS)
    await twin.start()
    board, shown = show(twin)
    owed, expositions = [], []
    steps = (600 + 2 * WEEK_SECONDS) // STEP_SECONDS
    for step in range(1, steps + 1):
        await twin.run(STEP_SECONDS)
        if step in {steps // 3, steps // 2}:
            twin.close()
            await twin.start_aggregator()
            twin.relist()
            board, shown = show(twin)
        seconds = step * STEP_SECONDS
        if seconds >= 600 and (seconds - 600) % WEEK_SECONDS == 0:
            owed.append(await settled_costs(twin))
        shown.rates, shown.totals = board.refresh(twin.shelf.book), twin.ledger.totals
        await shown.metrics.tick()
        text = shown.metrics.current.identity().decode()
        past.add(text, twin.clock.now_ns() / SECOND_NS)
        expositions.append(counters_of(text))
    twin.close()
    return tuple(owed), twin.clock.now_ns() / SECOND_NS, tuple(expositions)


def show(twin: Twin) -> tuple[RateBoard, Shown]:
    """Who shows what an aggregator of now knows."""
    shares = {sku: float(share) for sku, share in twin.cluster.history.prices.network.shares.items()}
    return RateBoard(inventory=twin.inventory, now_ns=twin.clock.now_ns, network_shares=shares), Shown(info_max_pods=0)


def counters_of(text: str) -> dict[str, Fraction]:
    """All counters of an exposition by their series."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {series: Fraction(value) for series, value in lines if "_total{" in series and series.startswith("kube")}


def within_a_percent(found: float, truth: Fraction) -> bool:
    return abs(found - float(truth)) <= float(truth) / 100


def of_week(lived: Lived, number: int, of: str) -> dict[str, Fraction]:
    """What the truth says of the first week, 0, or the second, 1, by component, namespace or capacity type."""
    before, after = (by(costs, of) for costs in lived.owed[number : number + 2])
    return {name: usd - before.get(name, Fraction(0)) for name, usd in after.items()}


def by(costs: Costs, of: str) -> dict[str, Fraction]:
    if of == "component":
        return costs.by_component()
    if of == "namespace":
        return {name: usd for name, usd in costs.by_namespace().items() if name not in LINES}
    rows = (row for row in costs.rows if row.kind in COMPUTE)
    return costs.by(lambda row: costs.nodes[row.node].labels["eks.amazonaws.com/capacityType"].lower(), rows)


def test_the_week_and_the_one_before_cost_what_they_cost(lived: Lived) -> None:
    """In all, and by component."""
    for panel, number in (("what 7 days cost", 1), ("the 7 days before", 0)):
        (found,) = lived.query(panel).values()
        assert within_a_percent(found, sum(of_week(lived, number, "component").values(), Fraction(0))), panel
    truth = of_week(lived, 1, "component")
    found_by = lived.query("by component")
    for component, usd in truth.items():
        assert within_a_percent(found_by[component], usd), component


def test_the_days_are_the_week(lived: Lived) -> None:
    """Ten of them here."""
    days = [lived.query("each day", before_seconds=number * WEEK_SECONDS / 10)[""] for number in range(10)]
    assert within_a_percent(sum(days), sum(of_week(lived, 1, "component").values(), Fraction(0)))
    assert min(days) > 0


def test_the_top_five_are_the_five_dearest(lived: Lived) -> None:
    """Idle and what isn't any namespace's left out."""
    truth = of_week(lived, 1, "namespace")
    found = lived.query("top five")
    assert set(found) == set(sorted(truth, key=truth.__getitem__)[-5:])
    for namespace, usd in found.items():
        assert within_a_percent(usd, truth[namespace]), namespace


def test_spot_and_on_demand_are_what_their_nodes_cost(lived: Lived) -> None:
    """To the percent."""
    truth = of_week(lived, 1, "capacity")
    found = lived.query("spot and on demand")
    assert set(found) == set(truth) == {"spot", "on_demand"}
    for capacity, usd in truth.items():
        assert within_a_percent(found[capacity], usd), capacity


BY_HAND = """
clamp_min(
  0.7 * sum(kube_cost_node_on_demand_hourly_usd)
  - sum(kube_cost_node_on_demand_hourly_usd * on (node) kube_cost_node_info{capacity_type="spot"}), 0)
* (1 - sum(kube_cost_node_spot_hourly_usd * on (node) kube_cost_node_info{capacity_type="on_demand"})
     / sum(kube_cost_node_on_demand_hourly_usd * on (node) kube_cost_node_info{capacity_type="on_demand"}
           and on (node) kube_cost_node_spot_hourly_usd))
"""


def test_what_more_spot_would_save(lived: Lived) -> None:
    """The same as from the nodes' prices, by the formula."""
    (found,) = lived.query("what 70 % spot would save, an hour").values()
    (expected,) = lived.prometheus.query(BY_HAND, at_seconds=lived.ended_seconds)
    assert found == pytest.approx(expected.value, abs=1e-9)
    assert found > 0


def test_pools_together_are_the_nodes(lived: Lived) -> None:
    """Each node is in one."""
    found = lived.query("nodes by pool, an hour")
    nodes = lived.prometheus.query("sum(kube_cost_node_hourly_usd)", at_seconds=lived.ended_seconds)
    assert set(found) == {"general", "batch"}
    assert sum(found.values()) == pytest.approx(nodes[0].value)


def test_no_counter_ever_dips(lived: Lived) -> None:
    """Over two restarts, in more than two hours; none is lost once it is there."""
    assert len(lived.expositions[-1]) > 100
    for before, after in pairwise(lived.expositions):
        for series, value in before.items():
            assert after[series] >= value, series


def test_increase_is_what_the_ledger_added(lived: Lived) -> None:
    """A window whose first and last sample are at its ends needs no extrapolation: Prometheus before 3 has such."""
    start = len(lived.expositions) - 1 - WEEK_SECONDS // STEP_SECONDS
    first, last = lived.expositions[start], lived.expositions[-1]
    expression = f"max by (namespace) (kube_cost_namespace_usd_total)[{WEEK_SECONDS}s:{STEP_SECONDS}s]"
    for sample in lived.prometheus.query(f"increase({expression})", at_seconds=lived.ended_seconds):
        series = f'kube_cost_namespace_usd_total{{namespace="{sample.labels["namespace"]}"}}'
        added = last[series] - first.get(series, Fraction(0))
        assert sample.value == pytest.approx(float(added), rel=STEP_SECONDS / WEEK_SECONDS * 1.5, abs=1e-9), series
