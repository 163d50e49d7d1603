"""From counters to /metrics through every process of the mesh, against the simulated cluster's own truth."""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from harness.mesh import DEADLINE_SECONDS, LiveMesh, live_mesh
from kube_cost_common.messages.usage import UsageSample
from kube_cost_demo.mesh import Pace
from kube_cost_simulator.truth import Sample, settle

RUN_SECONDS = 40.0


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
    got = {metric.labels["namespace"]: metric.value for metric in live.metrics("kube_cost_namespace_usd_total")}
    simulator = live.process("simulator")
    assert simulator.stop() == 0
    live.processes.forget(simulator)

    expected = truth_by_namespace(live, samples, start_ns=int(started * 10**9))
    print("\nnamespace: ledger, truth (USD), difference")
    for namespace, usd in sorted(expected.items()):
        print(f"{namespace}: {float(got[namespace]):.9f}, {float(usd):.9f}, {float(got[namespace] / usd - 1):+.4%}")
    total = sum(expected.values(), Fraction(0))
    assert abs(sum(got.values(), Fraction(0)) / total - 1) < Fraction(1, 1000)
    for namespace, usd in expected.items():
        assert abs(got[namespace] - usd) <= max(usd / 100, total / 1000), namespace


def truth_by_namespace(live: LiveMesh, samples: list[UsageSample], *, start_ns: int) -> dict[str, Fraction]:
    """The truth from the ledger's beginning over the samples as they were sent."""
    history = live.history()
    by_node: dict[str, list[Sample]] = {}
    for node in live.nodes:
        own = sorted(sample.end_ns for sample in samples if sample.node == node.name)
        edges = [start_ns, *(end for end in own if end > start_ns)]
        by_node[history.node(node.name).uid] = [Sample(start_ns=start, end_ns=end) for start, end in pairwise(edges)]
    truth = settle(history, by_node)
    namespaces = {pod.uid: pod.namespace for pod in history.pods}
    usd: dict[str, Fraction] = defaultdict(Fraction)
    for (_, _, uid), row in truth.pods.items():
        usd[namespaces[uid]] += row.total
    usd["__idle__"] = sum((row.total for row in truth.idle.values()), Fraction(0))
    usd["__system__"] = sum((row.total for row in truth.system.values()), Fraction(0))
    return usd
