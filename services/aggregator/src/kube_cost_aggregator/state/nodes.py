"""A node as the ledger follows it, with its pods, from its creation until it is settled for good."""

from dataclasses import dataclass, field

from kube_cost_aggregator.state.facts import NodeFacts
from kube_cost_aggregator.state.pods import Pod, nearest
from kube_cost_common.domain.nodes import NodeIdentity

ADOPTION_SLACK_NS = 60_000_000_000
"""How much older than its node's object a pod may be and still be that node's: kubelets register after they start."""


@dataclass(slots=True, kw_only=True)
class Node:
    """A node, with the pods that are charged to it and not yet settled to their end, by uid.

    `settled_ns` is what it is settled through, 0 before that is known. `extends`: a list lacked it, so that it ended
    at some time since it was last seen, and samples may say later.
    """

    facts: NodeFacts
    identity: NodeIdentity
    ended_ns: int | None = None
    extends: bool = False
    settled_ns: int = 0
    clock_offset_ns: int = 0
    """What brings the node's own stamps, a pod's finishedAt among them, to the bus's clock."""
    transmit_bytes_per_second: float = 0.0
    """What it sent beside its pods, on average over the last sample."""
    pods: dict[str, Pod] = field(default_factory=dict)

    def go_on(self) -> None:
        """Take its end back, and that of the pods that ended with it: it is still there."""
        self.ended_ns, self.extends = None, False
        for pod in self.pods.values():
            if pod.ended_with_node:
                pod.extends = False
                pod.go_on()

    def may_have(self, pod: Pod) -> bool:
        """Whether a pod that is on a node of this name may be on this one."""
        if pod.node_uid:
            return pod.node_uid == self.facts.uid
        if self.ended_ns is not None and not self.extends and pod.start_ns >= self.ended_ns:
            return False  # another node of that name, which isn't told of yet
        return pod.start_ns >= self.facts.created_ns - ADOPTION_SLACK_NS


def finished_ns(stamped_ns: int, node: Node | None, at_ns: int | None) -> int:
    """Return when a pod finished: its kubelet stamped it by the node's clock, which may be minutes off.

    `at_ns` is when the event that tells of it arrived, None out of a list. Times are Unix nanoseconds.
    """
    corrected_ns = stamped_ns + (node.clock_offset_ns if node is not None else 0)
    return corrected_ns if at_ns is None else min(nearest(corrected_ns, at_ns), at_ns)
