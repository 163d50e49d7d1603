"""What is committed, for who shows it, and the names of what isn't any namespace's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kube_cost_aggregator.history.store import NamespaceTotal, Traffic
from kube_cost_common.domain.money import NS_PER_SECOND

IDLE = "__idle__"
SYSTEM = "__system__"
UNCLAIMED = "__unclaimed__"
"""Volumes that no claim has."""
CLUSTER = "__cluster__"
"""The control plane, and what nodes send beside their pods."""

COMPONENTS_COUNTER = "components_nano_usd"
"""Likewise of what else costs, by component."""

COMPUTE, STORAGE, NETWORK, LOAD_BALANCER, CONTROL_PLANE = COMPONENTS = (
    "compute",
    "storage",
    "network",
    "load_balancer",
    "control_plane",
)
"""What a cluster's cost is made of."""

PSEUDO = frozenset({IDLE, SYSTEM, UNCLAIMED, CLUSTER})
"""The pseudo-namespaces."""

_SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Totals:
    """What is committed, for who shows it: immutable, swapped after each commit. Money is in nano-USD.

    `days` has each namespace's money by Unix day, of this month, `hours` by the hour, of the last day. `nodes` is what
    nodes cost by capacity type, `components` what everything costs by component, `traffic` what the pods of each
    namespace sent, read, wrote. `settled_through_ns` is the oldest node's; None before any is settled. `counters` are
    other processes', folded.
    """

    started_at_ns: int = 0
    namespaces: Mapping[str, NamespaceTotal] = field(default_factory=dict)
    days: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    hours: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    nodes: Mapping[str, int] = field(default_factory=dict)
    settled_through_ns: int | None = None
    counters: Mapping[str, int | float] = field(default_factory=dict)
    components: Mapping[str, int] = field(default_factory=dict)
    traffic: Mapping[str, Traffic] = field(default_factory=dict)

    def today(self, namespace: str, now_ns: int) -> int:
        """Return what the namespace cost since UTC midnight."""
        return self.days.get(namespace, {}).get(now_ns // NS_PER_SECOND // _SECONDS_PER_DAY, 0)

    def month_to_date(self, namespace: str, now_ns: int) -> int:
        """Return what the namespace cost since the month began, in UTC."""
        first = month_start(now_ns) // _SECONDS_PER_DAY
        return sum(nano for day, nano in self.days.get(namespace, {}).items() if day >= first)


def month_start(now_ns: int) -> int:
    """Return the Unix seconds at which the UTC month of a moment began."""
    now = datetime.fromtimestamp(now_ns // NS_PER_SECOND, tz=UTC)
    return int(now.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp())
