"""Which pods are on the node's own network, judged by their counters."""

from collections import deque

from kube_cost_agent.readings import NetworkReading

_MARGIN_NS = 2_000_000_000
"""The kubelet gives whole seconds, and reads a counter a little after the second it gives."""

_KEPT_READINGS = 8


class HostNetwork:
    """Knows the node's counters and tells whether a pod's are the same ones.

    A pod on the host's network reports the node's bytes, so each of them would be charged for all. The summary doesn't
    say which pods those are, and their values aren't equal to the node's either: each is read at a time of its own,
    up to 20 s apart. But they are one counter, which only rises: a value between the node's before and the node's
    after, received and sent both, is taken for the node's. Where one of the two isn't known (the first summary, or a
    pod read last) it is anything from half to twice the node's value. A pod of its own that is between them by chance
    is left out for that summary only; its totals aren't lost, they come with the next one.
    """

    def __init__(self) -> None:
        self._node: deque[NetworkReading] = deque(maxlen=_KEPT_READINGS)

    def see_node(self, reading: NetworkReading) -> None:
        """Take the node's own counters of one summary."""
        if not self._node or reading.time_ns > self._node[-1].time_ns:
            self._node.append(reading)

    def is_the_nodes(self, pod: NetworkReading) -> bool:
        """Return whether `pod` has the node's counters; without the node's that can't be excluded."""
        if not self._node:
            return True
        before = [node for node in self._node if node.time_ns <= pod.time_ns - _MARGIN_NS]
        after = [node for node in self._node if node.time_ns >= pod.time_ns + _MARGIN_NS]
        oldest, newest = self._node[0], self._node[-1]
        lowest = (before[-1].receive_bytes, before[-1].transmit_bytes) if before else _scaled(oldest, 0.5)
        highest = (after[0].receive_bytes, after[0].transmit_bytes) if after else _scaled(newest, 2.0)
        return lowest[0] <= pod.receive_bytes <= highest[0] and lowest[1] <= pod.transmit_bytes <= highest[1]


def _scaled(reading: NetworkReading, factor: float) -> tuple[float, float]:
    return reading.receive_bytes * factor, reading.transmit_bytes * factor
