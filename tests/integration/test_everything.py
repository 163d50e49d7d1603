"""Everything that costs, in a cluster that has all of it: the ledger against the simulator's truth."""

from pathlib import Path

import pytest

from harness.compared import Tolerance, check
from harness.everything import ledger_rows, settled_costs, truth_rows
from harness.twin import Twin
from kube_cost_aggregator.state.totals import CLUSTER, COMPONENTS, IDLE, PSEUDO, SYSTEM
from kube_cost_common.domain.basis import Basis
from kube_cost_common.domain.sharing import SharingRules
from kube_cost_simulator.everything.scenarios import everything_scenario, mixed_clouds_scenario

STANDING = ("storage", "load_balancer", "control_plane", "volume", "claim", "service")
"""What costs by its mere being: nothing of it depends on samples."""

EXACT = Tolerance(0.0, 2_000)
"""Two millionths of a dollar: rows are rounded, and the truth is a fraction."""


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_kind_of_cost_is_the_truths(tmp_path: Path, seed: int) -> None:
    """Volumes that grow, are released and forgotten, Services that come and go, traffic, GPUs, spot: 50 minutes."""
    twin = Twin(scenario=everything_scenario(), folder=tmp_path, seed=seed)
    await twin.start()
    await twin.run(3000)
    await twin.catch_up()
    truth, found = truth_rows(await settled_costs(twin)), ledger_rows(tmp_path)
    twin.close()
    check(truth, found, kinds=STANDING, tolerances=dict.fromkeys(STANDING, EXACT))
    check(truth, found, kinds=("cpu", "memory", "gpu", "network", "idle", "system", "savings", "node", "component"))


async def test_nodes_of_three_clouds_are_paid_side_by_side(tmp_path: Path) -> None:
    """EKS, GKE and AKS, on demand and spot, with their disks, which Azure sells whole."""
    twin = Twin(scenario=mixed_clouds_scenario(), folder=tmp_path, seed=3)
    await twin.start()
    await twin.run(1500)
    await twin.catch_up()
    truth, found = truth_rows(await settled_costs(twin)), ledger_rows(tmp_path)
    twin.close()
    check(truth, found, kinds=STANDING, tolerances=dict.fromkeys(STANDING, EXACT))
    check(truth, found, kinds=("cpu", "memory", "namespace", "node", "network", "savings"))


async def test_a_restart_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    """A ledger that is opened anew every ten minutes goes on where it was: the standing costs are the truth's."""
    twin = Twin(scenario=everything_scenario(), folder=tmp_path, seed=5)
    await twin.start()
    for _ in range(4):
        await twin.run(600)
        twin.close()
        await twin.start_aggregator()
        twin.relist()
    await twin.run(600)
    await twin.catch_up()
    truth, found = truth_rows(await settled_costs(twin)), ledger_rows(tmp_path)
    counters = dict(twin.ledger.totals.components)
    twin.close()
    check(truth, found, kinds=STANDING, tolerances=dict.fromkeys(STANDING, EXACT))
    assert set(counters) == set(COMPONENTS)


@pytest.mark.parametrize("basis", ["request", "usage"])
async def test_pods_are_charged_by_one_of_both_alone(tmp_path: Path, basis: Basis) -> None:
    """By requests, or by usage: the rest of a node is idle, and all adds up."""
    twin = Twin(scenario=mixed_clouds_scenario(), folder=tmp_path, seed=3, basis=basis)
    await twin.start()
    await twin.run(1500)
    await twin.catch_up()
    truth, found = truth_rows(await settled_costs(twin, basis=basis)), ledger_rows(tmp_path)
    twin.close()
    check(truth, found, kinds=("cpu", "memory", "namespace", "node", "idle", "system"))


async def test_sharing_moves_money_and_makes_none(tmp_path: Path) -> None:
    """Idle by weight, system evenly, a whole namespace: what is shared is 0 in every hour and in all."""
    rules = SharingRules(
        lines={IDLE: "weighted", SYSTEM: "even", CLUSTER: "weighted", "kube-system": "weighted"}, pseudo=PSEUDO
    )
    twin = Twin(scenario=mixed_clouds_scenario(), folder=tmp_path, seed=4, sharing=rules)
    await twin.start()
    await twin.run(900)
    twin.close()
    await twin.start_aggregator()
    twin.relist()
    await twin.run(3000)
    totals = twin.ledger.totals
    rows = {name: total.money for name, total in totals.namespaces.items()}
    own = sum(money.total - money.shared for money in rows.values())
    twin.close()
    assert sum(money.shared for money in rows.values()) == 0
    assert sum(money.total for money in rows.values()) == own == sum(totals.components.values())
    for line in rules.lines:
        assert rows[line].total == 0, f"{line} has given all of it"
    takers = {name: money for name, money in rows.items() if name not in rules.lines and name not in PSEUDO}
    weights = {name: money.total - money.shared for name, money in takers.items()}
    for name, money in takers.items():
        assert money.shared > 0, name
    dearest, cheapest = max(weights, key=weights.__getitem__), min(weights, key=weights.__getitem__)
    assert takers[dearest].shared > takers[cheapest].shared
