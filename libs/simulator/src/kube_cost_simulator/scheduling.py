"""Which node a pod goes to: one with room for its requests, the emptiest first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kube_cost_simulator.scenario import NONE_RESERVED, NodeFact, Resources


@dataclass
class NodeRoom:
    """A node and what is held of it."""

    fact: NodeFact
    uid: str
    internal_ip: str
    pod_subnet: int
    held: Resources = NONE_RESERVED
    pods: int = 0
    addresses: int = 1

    @property
    def free(self) -> Resources:
        """Allocatable less what is held."""
        return self.fact.allocatable - self.held

    def next_pod_ip(self) -> str:
        """An address for a pod; they come round again after 250."""
        self.addresses = self.addresses % 250 + 1
        return f"10.244.{self.pod_subnet}.{self.addresses + 1}"


class Scheduler:
    """Keeps the room on every node and finds a place for a pod."""

    def __init__(self) -> None:
        self.rooms: dict[str, NodeRoom] = {}

    def place(
        self, requests: Resources, selector: Mapping[str, str], only_node: str | None, tolerates: Collection[str] = ()
    ) -> NodeRoom | None:
        """The node for a pod, None if there is no room.

        `only_node` is the one that a DaemonSet's pod is meant for, whatever taints it has.
        """
        best: NodeRoom | None = None
        best_score = -1.0
        for name, room in self.rooms.items():
            if only_node is not None and name != only_node:
                continue
            if room.pods >= room.fact.max_pods or not requests.fits_in(room.free):
                continue
            if only_node is None and any(taint.key not in tolerates for taint in room.fact.taints):
                continue
            if any(room.fact.labels.get(key) != value for key, value in selector.items()):
                continue
            score = free_part(room)
            if score > best_score:
                best, best_score = room, score
        return best

    def hold(self, room: NodeRoom, requests: Resources) -> None:
        """Take `requests` of a node for one pod."""
        room.held += requests
        room.pods += 1

    def release(self, room: NodeRoom, requests: Resources) -> None:
        """Give back what one pod held."""
        room.held -= requests
        room.pods -= 1


def free_part(room: NodeRoom) -> float:
    """How empty a node is: the mean of the free parts of CPU, memory and places for pods."""
    free, allocatable = room.free, room.fact.allocatable
    parts = [
        free.cpu_millicores / max(allocatable.cpu_millicores, 1),
        free.memory_bytes / max(allocatable.memory_bytes, 1),
        1 - room.pods / max(room.fact.max_pods, 1),
    ]
    return sum(parts) / len(parts)
