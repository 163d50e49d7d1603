"""How much of what workloads reserve they use, over all nodes."""

from collections.abc import Iterable, Iterator, Mapping
from operator import add, itemgetter

from kube_cost_aggregator.outputs.text import number
from kube_cost_aggregator.state.rates import NodeRate, Use
from kube_cost_common.domain.resources import COMPUTE

Owned = tuple[str, str, str]
"""Namespace, kind and name of a workload."""


class UseSum:
    """Adds up uses: there are thousands, and a record of records for each would take most of the time."""

    __slots__ = ("above", "reserved", "used", "wasted")

    def __init__(self) -> None:
        self.used = [0.0] * len(COMPUTE)
        self.reserved = [0.0] * len(COMPUTE)
        self.wasted = self.above = 0.0

    def add(self, use: "Use | UseSum") -> None:
        """Add another one."""
        self.used = list(map(add, self.used, use.used))
        self.reserved = list(map(add, self.reserved, use.reserved))
        self.wasted += use.wasted
        self.above += use.above


def add_up(nodes: Iterable[NodeRate], into: dict[str, dict[Owned, UseSum]]) -> Iterator[object]:
    """Add the uses of all nodes, by namespace and workload; yields each node, so that others get a turn."""
    for node in nodes:
        for owned, use in node.use.items():
            workloads = into.setdefault(owned[0], {})
            total = workloads.get(owned)
            if total is None:
                total = workloads[owned] = UseSum()
            total.add(use)
        yield node


def efficiency(used: Mapping[str, Mapping[Owned, UseSum]]) -> dict[tuple[str, ...], str]:
    """Return used divided by reserved, by namespace and resource, where anything is reserved."""
    values: dict[tuple[str, ...], str] = {}
    for namespace, workloads in sorted(used.items(), key=itemgetter(0)):
        whole = UseSum()
        for use in workloads.values():
            whole.add(use)
        for resource, uses, reserved in zip(COMPUTE, whole.used, whole.reserved, strict=True):
            if reserved > 0:
                values[namespace, resource] = number(uses / reserved)
    return values
