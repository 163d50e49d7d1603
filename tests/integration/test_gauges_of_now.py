"""What /metrics says of this moment, of everything that costs: against the simulator's truth of the same moment."""

from pathlib import Path

import pytest

from harness.compared import Tolerance, check
from harness.costs import Shown
from harness.everything import GAUGES, last_samples, metrics_rows, truth_rows, use_rows
from harness.twin import Twin
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_simulator.costs.now import rates_now, uses_now
from kube_cost_simulator.everything.scenarios import everything_scenario, mixed_clouds_scenario
from kube_cost_simulator.scenario import Scenario

LABELS = ("team", "env")

ROUNDED = Tolerance(0.005, 2_000)

YOUNG = dict.fromkeys(("pod", "waste", "beyond", "efficiency cpu", "efficiency memory"), Tolerance(0.02, 60_000))
"""An agent averages over the time since it first read a pod, up to 5 s after its birth: that shows in young ones."""

REMAINDERS = {("network", "__cluster__", ""), ("namespace", "__cluster__", ""), ("component", "", "network")}
"""What pods sent that ended since the kubelet was last asked can't be told from what their node sent: these have more
than the truth, never less."""


@pytest.mark.parametrize("scenario", [everything_scenario(), mixed_clouds_scenario()], ids=["everything", "clouds"])
async def test_gauges_are_the_truth_of_now(tmp_path: Path, scenario: Scenario) -> None:
    """Pods, namespaces by resource, nodes, volumes, labels; efficiency, waste, and use beyond requests; busy GPUs."""
    twin = Twin(scenario=scenario, folder=tmp_path, seed=2, labels=frozenset(LABELS))
    await twin.start()
    await twin.run(1800)
    while not all(pod.busy_gpus is not None for pod in twin.inventory.pods.values() if pod.request.gpus):
        await twin.run(60)  # who came just now; an agent learns a pod's name at the end of a sample
    history = twin.history()
    shares = {sku: float(share) for sku, share in history.prices.network.shares.items()}
    board = RateBoard(inventory=twin.inventory, now_ns=twin.clock.now_ns, network_shares=shares)
    shown = Shown(rates=board.refresh(twin.shelf.book), label_names=LABELS)
    await shown.metrics.tick()
    found = metrics_rows(shown.metrics.current.identity().decode(), GAUGES)
    moment = last_samples(twin)
    truth = [*truth_rows(rates_now(history, moment), labels=LABELS), *use_rows(uses_now(history, moment))]
    twin.close()
    exact = [[row for row in rows if (row.kind, row.namespace, row.name) not in REMAINDERS] for rows in (truth, found)]
    check(*exact, tolerances=dict.fromkeys({row.kind for row in truth}, ROUNDED) | YOUNG)
    for kind, namespace, name in REMAINDERS:
        owed, shown_usd = (
            next(row.nano_usd for row in rows if (row.kind, row.namespace, row.name) == (kind, namespace, name))
            for rows in (truth, found)
        )
        assert 0 <= shown_usd - owed <= 10_000_000, (kind, namespace)
    assert {"label team", "waste", "beyond", "claim", "network"} <= {row.kind for row in found}
