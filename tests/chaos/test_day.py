"""A simulated day of a cluster that is hard to account for, against the simulator's truth."""

import os
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pytest

from harness import rows
from harness.twin import SECOND_NS, Twin
from kube_cost_simulator.hard import hard_scenario
from kube_cost_simulator.truth import Truth

HOURS = 1 if int(os.environ.get("ROUNDS", "1")) == 1 else 24
CATCH_UP_SECONDS = 300
ENDED_NODE_SECONDS = 60
WITHIN = 0.005


def usd_by_namespace(twin: Twin, truth: Truth) -> dict[str, Fraction]:
    namespace_of = {pod.uid: pod.namespace for pod in twin.cluster.history.pods}
    usd: dict[str, Fraction] = defaultdict(Fraction)
    for (_, _, uid), charge in truth.pods.items():
        usd[namespace_of[uid]] += charge.total
    usd["__idle__"] = sum((charge.total for charge in truth.idle.values()), Fraction(0))
    usd["__system__"] = sum((charge.total for charge in truth.system.values()), Fraction(0))
    return usd


@pytest.mark.timeout(300 * HOURS)
async def test_a_day_costs_what_it_costs(tmp_path: Path) -> None:
    """Each node's hour is paid to the nano, every pod is found, each namespace is within 0.5 %."""
    twin = Twin(scenario=hard_scenario(), folder=tmp_path)
    await twin.start()
    for _ in range(HOURS * 3600 // CATCH_UP_SECONDS):
        await twin.run(CATCH_UP_SECONDS)
        await twin.catch_up()
    twin.close()
    truth = twin.truth()

    expected, settled = usd_by_namespace(twin, truth), rows.namespaces(tmp_path)
    print(f"\n{HOURS} h: namespace: ledger, truth (USD), difference")
    for namespace, usd in sorted(expected.items()):
        got = settled.get(namespace, 0) / 1e9
        print(f"{namespace}: {got:.9f}, {float(usd):.9f}, {got / float(usd) - 1:+.4%}")
    found, real = set(rows.pods(tmp_path)), {uid for _, _, uid in truth.pods}
    nodes = rows.node_hours(tmp_path)
    print(f"{len(found)} of {len(real)} pods, {len({uid for uid, _ in nodes})} nodes, {len(nodes)} node-hours")

    rows.check_sums(tmp_path)
    assert found == real
    assert nodes.keys() == truth.nodes.keys()
    for key, usd in truth.nodes.items():
        assert abs(nodes[key][0] - float(usd * 10**9)) <= 1, key
    for node in twin.cluster.history.nodes:
        if node.deleted_ns is not None and node.deleted_ns < twin.clock.now_ns() - ENDED_NODE_SECONDS * SECOND_NS:
            assert node.uid not in twin.ledger.nodes
    assert settled.keys() == expected.keys()
    over = {
        namespace: settled[namespace] / 1e9 / float(usd) - 1
        for namespace, usd in expected.items()
        if abs(settled[namespace] - float(usd) * 1e9) > WITHIN * float(usd) * 1e9
    }
    assert over == {}
