"""What budgets of labels and workloads are compared with: the ledger's hours against the simulator's truth."""

from fractions import Fraction
from pathlib import Path

from harness.everything import settled_costs
from harness.twin import Twin
from kube_cost_aggregator.outputs.scope_hours import ScopeHours
from kube_cost_common.domain.budgets import Scope
from kube_cost_simulator.costs.rows import NO_VALUE
from kube_cost_simulator.everything.scenarios import everything_scenario

NAMES = ("team", "env")


async def test_labels_cost_what_their_pods_and_namespaces_do(tmp_path: Path) -> None:
    """Over 50 minutes, volumes, load balancers and traffic included: within 1 % of the truth.

    There is a restart in it: the labels of pods that began after the last commit and were gone at the first list are
    nobody's to know.
    """
    twin = Twin(scenario=everything_scenario(), folder=tmp_path, seed=6, labels=frozenset(NAMES))
    await twin.start()
    await twin.run(1500)
    twin.close()
    await twin.start_aggregator()
    twin.relist()
    await twin.run(1500)
    await twin.catch_up()
    costs = await settled_costs(twin)
    truth = {
        Scope("label", f"{name}={value}"): usd
        for name in NAMES
        for value, usd in costs.by_label(name).items()
        if value != NO_VALUE
    }
    labels = {one.name: one.labels for one in twin.inventory.namespaces.values()}
    found = await ScopeHours(store=twin.store).refresh(list(truth), labels, now_ns=twin.clock.now_ns())
    twin.close()
    assert len(truth) >= 6
    for scope, usd in truth.items():
        spent = Fraction(sum(found[scope].values()), 10**9)
        assert abs(spent - usd) <= usd / 100, f"{scope.name}: {float(spent)} instead of {float(usd)}"
