"""Which prices sustained use makes cheaper, and when they change by themselves as the month goes on."""

from collections.abc import Iterable

from kube_cost_common.domain import sustained_use
from kube_cost_common.domain.nodes import SPOT, NodeIdentity
from kube_cost_common.domain.unit_prices import Quarters
from kube_cost_common.messages.prices import PriceRecord

LISTED = frozenset({"api", "snapshot"})
"""Sources of list prices. A price of the user's own, or of the bill, is what is paid."""


def quarters_of(identity: NodeIdentity, paid: PriceRecord) -> Quarters:
    """Return which part of a node's price each quarter of a month costs; nothing where it is always the whole.

    Google gives it on demand alone, and not beside another discount.
    """
    if identity.provider != "gcp" or identity.capacity_type == SPOT:
        return ()
    if paid.source not in LISTED or paid.usd != paid.list_usd:
        return ()
    quarters = sustained_use.quarters_of(identity.instance_type)
    if not quarters or identity.os != "windows":
        return quarters
    machine = _usd_of_machine(paid)
    return tuple(1 - (1 - part) * machine / paid.usd for part in quarters) if 0 < machine <= paid.usd else ()


def _usd_of_machine(paid: PriceRecord) -> float:
    """Return what cores and memory are of a price: the rest is a licence, which is never cheaper. 0: not known."""
    if paid.weights is None or paid.shape is None:
        return 0.0
    return paid.shape.vcpu * paid.weights.vcpu + paid.shape.memory_gib * paid.weights.memory_gib


class NextSteps:
    """Knows when the prices of nodes change next."""

    def __init__(self) -> None:
        self._next_ns: dict[str, int] = {}
        self._soonest_ns: int | None = None

    def note(self, node_uid: str, next_ns: int | None) -> None:
        """Take when a node's price changes, Unix nanoseconds; None: not by itself."""
        if next_ns is None:
            self._next_ns.pop(node_uid, None)
            return
        self._next_ns[node_uid] = next_ns
        if self._soonest_ns is None or next_ns < self._soonest_ns:
            self._soonest_ns = next_ns

    def due(self, now_ns: int) -> Iterable[str]:
        """Return the uids of nodes whose price has changed by now, each once."""
        if self._soonest_ns is None or now_ns < self._soonest_ns:
            return ()
        due = [uid for uid, next_ns in self._next_ns.items() if next_ns <= now_ns]
        for uid in due:
            del self._next_ns[uid]
        self._soonest_ns = min(self._next_ns.values(), default=None)
        return due
