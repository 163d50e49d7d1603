"""From counters to /metrics through every process of the mesh, against the simulated cluster's own truth."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from harness.compared import differences, table
from harness.everything import ledger_rows, live_costs, standing_seconds, truth_rows
from harness.mesh import DEADLINE_SECONDS, LiveMesh, live_mesh
from kube_cost_demo.mesh import Pace

RUN_SECONDS = 40.0
READ_NS = 500_000_000
PRICED = frozenset({"cpu", "memory", "gpu", "storage"})
"""What the shipped table has prices of."""
KINDS = ("namespace", "component", "node", "idle", "system", "workload", "volume", "claim", "savings")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveMesh]:
    with live_mesh(tmp_path, pace=Pace(interval_seconds=5.0, read_seconds=0.5)) as mesh:
        yield mesh


async def test_the_ledger_is_the_truth(live: LiveMesh) -> None:
    """What /metrics says every namespace cost is what the simulated cluster's own ledger says, sample by sample.

    In the middle the aggregator is killed and started anew.
    """
    started = live.value("kube_cost_history_start_timestamp_seconds") or Fraction(0)

    def settle_for(seconds: float) -> None:
        live.wait(
            lambda: (live.value("kube_cost_settled_through_timestamp_seconds") or 0) > started + int(seconds),
            f"{seconds} s are settled",
            seconds + DEADLINE_SECONDS,
        )

    settle_for(RUN_SECONDS / 2)
    live.restart_aggregator()
    settle_for(RUN_SECONDS)
    for process in live.mesh.agents.values():
        assert process.stop() == 0
        live.processes.forget(process)
    samples = await live.samples()
    last = {node.name: max(s.end_ns for s in samples if s.node == node.name) for node in live.nodes}

    def all_settled() -> bool:
        ends = {
            metric.labels["node"]: metric.value
            for metric in live.metrics("kube_cost_agent_last_sample_timestamp_seconds")
        }
        # The bus's clock and the agents' are the same machine's, but for a message's way.
        return all(ends.get(node, 0) >= Fraction(end, 10**9) for node, end in last.items())

    live.wait(all_settled, "the last samples are settled")
    for name in ("aggregator", "simulator"):
        process = live.process(name)
        assert process.stop() == 0
        live.processes.forget(process)

    folder, start_ns = live.mesh.folder, int(started * 10**9)
    costs = live_costs(
        live.history(),
        samples,
        start_ns=start_ns,
        through_ns=start_ns + round(standing_seconds(folder) * 10**9),
        read_ns=READ_NS,
    )
    priced = replace(costs, rows=[row for row in costs.rows if row.kind in PRICED])
    compared = differences(truth_rows(priced), ledger_rows(folder), KINDS)
    print("\n" + table(compared))
    total = round(priced.total * 10**9)
    namespaces = [one for one in compared if one.row.kind == "namespace"]
    assert abs(sum(one.nano_usd for one in namespaces)) < total / 1000
    for one in compared:
        assert abs(one.nano_usd) <= max(one.row.nano_usd / 100, total / 1000), one
