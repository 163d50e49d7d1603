"""What nobody's own costs, and what serves all, given to those who use the cluster."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from kube_cost_simulator.costs.rows import CLUSTER, LINES, SYSTEM, Costs
from kube_cost_simulator.truth import IDLE

Way = Literal["none", "weighted", "even"]

ByHour = Mapping[tuple[int, str], Fraction]
"""USD by hour (its start in Unix seconds) and namespace."""


@dataclass(frozen=True)
class Sharing:
    """How the lines of idle, of system, and of the control plane with the nodes' traffic are shared, and namespaces."""

    idle: Way = "none"
    system: Way = "none"
    control_plane: Way = "none"
    namespaces: Way = "none"
    shared_namespaces: frozenset[str] = frozenset()

    def ways(self) -> dict[str, Way]:
        """Whose cost is shared, and how."""
        found: dict[str, Way] = {IDLE: self.idle, SYSTEM: self.system, CLUSTER: self.control_plane}
        found |= dict.fromkeys(self.shared_namespaces, self.namespaces)
        return {namespace: way for namespace, way in found.items() if way != "none"}


def moved(costs: Costs, sharing: Sharing) -> ByHour:
    """What each namespace gets (or, below 0, gives) in each hour: 0 in all.

    In an hour those get that owe anything in it themselves and aren't shared: in equal parts, or by what they owe
    themselves. Where there are none, nothing moves.
    """
    ways = sharing.ways()
    by_hour: dict[int, dict[str, Fraction]] = defaultdict(dict)
    for (hour, namespace), usd in costs.by(lambda row: (row.hour, row.namespace)).items():
        by_hour[hour][namespace] = usd
    found: dict[tuple[int, str], Fraction] = defaultdict(Fraction)
    for hour, owed in by_hour.items():
        getting = {name: usd for name, usd in owed.items() if name not in LINES and name not in ways and usd > 0}
        for giver, way in ways.items():
            if giver in owed and getting:
                found[hour, giver] -= owed[giver]
                for name, part in _parts(getting, way):
                    found[hour, name] += owed[giver] * part
    return dict(found)


def _parts(getting: Mapping[str, Fraction], way: Way) -> Iterable[tuple[str, Fraction]]:
    if way == "even":
        return [(name, Fraction(1, len(getting))) for name in getting]
    whole = sum(getting.values())
    return [(name, usd / whole) for name, usd in getting.items()]
