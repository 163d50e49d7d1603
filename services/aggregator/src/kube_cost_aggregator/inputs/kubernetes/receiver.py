"""Hands what the watches say to the inventory."""

from collections.abc import Callable, Sequence

from kube_cost_aggregator.inputs.kubernetes.resources import Facts
from kube_cost_aggregator.state.facts import (
    NodeFacts,
    OwnerFacts,
    PodFacts,
)
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.pods import Pod


class InventoryReceiver:
    """A `Receiver` for all kinds. `last_seen_ns` tells when a pod that a list lacks was last known to be there."""

    def __init__(self, *, inventory: Inventory, last_seen_ns: Callable[[Pod], int]) -> None:
        self._inventory = inventory
        self._last_seen_ns = last_seen_ns

    def replaced(self, kind: str, facts: Sequence[Facts], at_ns: int) -> None:
        """Take a whole list."""
        inventory = self._inventory
        match kind:
            case "Node":
                inventory.replace_nodes([node for node in facts if isinstance(node, NodeFacts)], at_ns)
            case "Pod":
                pods = [pod for pod in facts if isinstance(pod, PodFacts)]
                inventory.replace_pods(pods, self._last_seen_ns)
            case "ReplicaSet" | "Job" | "CronJob":
                inventory.replace_owners(kind, [owner for owner in facts if isinstance(owner, OwnerFacts)])
            case _:
                inventory.replace_plain(kind, facts, at_ns)

    def changed(self, kind: str, facts: Facts, at_ns: int) -> None:
        """Take an object that is new or has changed."""
        match facts:
            case NodeFacts():
                self._inventory.put_node(facts, at_ns)
            case PodFacts():
                self._inventory.put_pod(facts, at_ns)
            case OwnerFacts():
                self._inventory.put_owner(facts)
            case _:
                self._inventory.put_plain(kind, facts, at_ns)

    def removed(self, kind: str, uid: str, last: Facts | None, at_ns: int) -> None:
        """Take the end of an object."""
        match kind:
            case "Node":
                self._inventory.end_node(uid, at_ns)
            case "Pod":
                if isinstance(last, PodFacts):
                    self._inventory.put_pod(last, at_ns)  # its last state may say that it finished before
                self._inventory.end_pod(uid, at_ns)
            case "ReplicaSet" | "Job" | "CronJob":
                self._inventory.owners.pop(uid, None)
            case _:
                self._inventory.end_plain(kind, uid, at_ns)
