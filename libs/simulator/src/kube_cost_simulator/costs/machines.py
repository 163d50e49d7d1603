"""Machines: the truth of the nodes as rows."""

from collections.abc import Iterator, Mapping

from kube_cost_simulator.costs.rows import COMPUTE, SYSTEM, Row
from kube_cost_simulator.history import PodHistory
from kube_cost_simulator.truth import IDLE, ByResource, Truth


def machine_rows(truth: Truth, pods: Mapping[str, PodHistory]) -> Iterator[Row]:
    """What each pod owes of its node, and what is left to idle and system."""
    for (node, hour, uid), usd in truth.pods.items():
        yield from _rows(hour, pods[uid].namespace, usd, pod=uid, node=node)
    for namespace, lines in ((IDLE, truth.idle), (SYSTEM, truth.system)):
        for (node, hour), usd in lines.items():
            yield from _rows(hour, namespace, usd, pod="", node=node)


def _rows(hour: int, namespace: str, usd: ByResource, *, pod: str, node: str) -> Iterator[Row]:
    for kind, amount in zip(COMPUTE, usd, strict=True):
        if amount:
            yield Row(hour, namespace, kind, amount, pod=pod, node=node, thing=node)
