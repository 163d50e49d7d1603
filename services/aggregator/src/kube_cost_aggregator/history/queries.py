"""What the ledger's history can be asked: what a window cost, by what you like, of what you like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from kube_cost_aggregator.history.store import Money

Grouping = Literal["cluster", "namespace", "workload", "pod", "node", "node_pool", "resource", "label"]

GROUP_COLUMNS: Mapping[Grouping, tuple[str, ...]] = {
    "cluster": (),
    "namespace": ("namespace",),
    "workload": ("namespace", "workload_kind", "workload"),
    "pod": ("namespace", "pod", "node"),
    "node": ("node", "instance_type", "node_pool"),
    "node_pool": ("node_pool",),
    "resource": ("resource",),
    "label": ("value",),
}
"""What names a line of each grouping, in order."""

Sort = Literal["cost", "name"]


@dataclass(frozen=True, kw_only=True)
class CostFilter:
    """Patterns of names, `*` being any text; what is given for one thing is one or the other, all things must hold.

    `labels` are by the label's name; `""` as a pattern means pods that have none.
    """

    namespaces: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    node_pools: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def of_pods(self) -> bool:
        """Whether some of a namespace's pods are asked for, and not the namespace."""
        return bool(self.workloads or self.pods or self.nodes or self.node_pools)


NO_FILTER = CostFilter()


@dataclass(frozen=True, kw_only=True)
class CostQuery:
    """What the full hours from `start` up to `end` (Unix seconds) cost.

    `step` is 3600 or 86,400 seconds for a line each, or None for one in all; `limit` is how many groups, of the dearest
    or the first by name. `label` is the name of the one that a grouping by label means; a pod without it has its
    namespace's, for which `namespace_labels` are asked.
    """

    by: Grouping
    start: int
    end: int
    step: int | None = None
    label: str = ""
    filter: CostFilter = NO_FILTER
    sort: Sort = "cost"
    descending: bool = True
    limit: int | None = None
    namespace_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def whole_nodes(self) -> bool:
        """Whether nodes are asked for with all that is paid for them, and not what some pods on them cost."""
        chosen = self.filter
        some_pods = chosen.namespaces or chosen.workloads or chosen.pods or chosen.labels
        return self.by in {"node", "node_pool"} and not some_pods


class CostLine(NamedTuple):
    """One line of an answer: its group's values in the order of its columns, its step's start, its money.

    `start` is None where no step was asked for. `pods` is how many there were, None where that isn't counted. Whole
    nodes aren't kept by resource: their money is all in `money.cpu`, and `idle` and `system` are the parts of it that
    are no pod's, in nano-USD.
    """

    group: tuple[str, ...]
    start: int | None
    money: Money
    seconds: float
    estimated_seconds: float
    pods: int | None
    idle: int = 0
    system: int = 0


class Costs(NamedTuple):
    """An answer: its lines, the money of all lines, those that a limit left out too, and how many groups there are.

    `start` and `end` are what was answered: widened to days where only days are kept any more.
    """

    lines: list[CostLine]
    total: Money
    groups: int
    start: int
    end: int


class CostReader(Protocol):
    """A reader of what windows cost."""

    async def query(self, query: CostQuery) -> Costs:
        """Return what was asked for; raise StoreError where it can't be read."""
        ...


def glob_matches(text: str, pattern: str) -> bool:
    """Say whether a text is one of a pattern's, in which `*` is any text; its time is the product of both at most."""
    first, *others = pattern.split("*")
    if not others:
        return text == first
    *middle, last = others
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or end < len(first):
        return False
    at = len(first)
    for piece in middle:  # the leftmost place of each leaves the most room for those after it
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
