"""A twin's ledger held to the simulator's truth, by node and hour, by namespace, by pod."""

from collections import defaultdict
from fractions import Fraction
from pathlib import Path

from harness import rows
from harness.twin import Twin
from kube_cost_simulator.truth import Truth

WITHIN = 0.005


def usd_of_pods(truth: Truth) -> dict[str, Fraction]:
    usd: dict[str, Fraction] = defaultdict(Fraction)
    for (_, _, pod), charge in truth.pods.items():
        usd[pod] += charge.total
    return usd


def near(nano: int, usd: Fraction, within: float = WITHIN) -> bool:
    return abs(nano - float(usd) * 1e9) <= within * float(usd) * 1e9 + 2


def check_nodes(folder: Path, truth: Truth, within: float = WITHIN) -> None:
    """Assert that each node's hour is paid to the nano, and given to system and idle as the truth has it."""
    settled = rows.node_hours(folder)
    assert set(settled) == set(truth.nodes)
    for key, usd in truth.nodes.items():
        paid, system, idle, _ = settled[key]
        assert abs(paid - float(usd * 10**9)) <= 1
        assert near(system, truth.system[key].total, within)
        assert near(idle, truth.idle[key].total, within)


def check(twin: Twin, folder: Path, within: float = WITHIN) -> None:
    """Assert that nodes, namespaces and pods cost what they cost in truth, and that all adds up."""
    truth = twin.truth()
    check_nodes(folder, truth, within)
    namespace_of = {pod.uid: pod.namespace for pod in twin.cluster.history.pods}
    by_namespace: dict[str, Fraction] = defaultdict(Fraction)
    for uid, usd in usd_of_pods(truth).items():
        by_namespace[namespace_of[uid]] += usd
    settled = rows.namespaces(folder)
    assert set(settled) == {*by_namespace, "__idle__", "__system__"}
    for namespace, usd in by_namespace.items():
        assert near(settled[namespace], usd, within), namespace
    assert set(rows.pods(folder)) == set(usd_of_pods(truth))
    rows.check_sums(folder)
