"""How much of what workloads reserve they use, over all nodes."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter

from kube_cost_aggregator.outputs.text import number
from kube_cost_aggregator.state.rates import NodeRate, Use
from kube_cost_common.domain.resources import COMPUTE, Resources

Owned = tuple[str, str, str]
"""Namespace, kind and name of a workload."""


def add_up(nodes: Iterable[NodeRate], into: dict[str, dict[Owned, Use]]) -> Iterator[object]:
    """Add the uses of all nodes, by namespace and workload; yields now and then, so that others get a turn.

    They are gathered first and then added column by column: there are as many as pods.
    """
    gathered: dict[str, dict[Owned, list[Use]]] = {}
    for node in nodes:
        for owned, use in node.use.items():
            workloads = gathered.get(owned[0])
            if workloads is None:
                workloads = gathered[owned[0]] = {}
            known = workloads.get(owned)
            if known is None:
                workloads[owned] = [use]
            else:
                known.append(use)
        yield node
    for namespace, workloads in gathered.items():
        into[namespace] = {owned: sum_of(uses) for owned, uses in workloads.items()}
        yield namespace


def sum_of(uses: Collection[Use]) -> Use:
    """Return what some uses, one at least, are together."""
    used, reserved, wasted, above = zip(*uses, strict=True)
    return Use(
        Resources(*map(sum, zip(*used, strict=True))),
        Resources(*map(sum, zip(*reserved, strict=True))),
        sum(wasted),
        sum(above),
    )


def efficiency(used: Mapping[str, Mapping[Owned, Use]]) -> dict[tuple[str, ...], str]:
    """Return used divided by reserved, by namespace and resource, where anything is reserved."""
    values: dict[tuple[str, ...], str] = {}
    for namespace, workloads in sorted(used.items(), key=itemgetter(0)):
        whole = sum_of(workloads.values())
        for resource, uses, reserved in zip(COMPUTE, whole.used, whole.reserved, strict=True):
            if reserved > 0:
                values[namespace, resource] = number(uses / reserved)
    return values
