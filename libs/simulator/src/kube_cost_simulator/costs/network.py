"""Network: bytes sent by pods with a network of their own, and what is left to their nodes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from kube_cost_simulator.costs.rows import CLUSTER, Row
from kube_cost_simulator.costs.stretches import Stretch, alive, hour_of, overlap, pieces
from kube_cost_simulator.history import NodeHistory, PodHistory
from kube_cost_simulator.truth import Sample

NANOSECONDS_PER_SECOND = 1_000_000_000
Sent = Mapping[tuple[str, int], Fraction]


def sent_bytes(
    node: NodeHistory, pods: Sequence[PodHistory], samples: Sequence[Sample], through_ns: int
) -> tuple[Sent, Mapping[int, Fraction]]:
    """Bytes that pods sent by uid and hour, and the node's remainder by hour, in the samples of an agent.

    What a pod sent in a sample is spread evenly over its time in it. The remainder is what the node's interface counted
    beyond: the node's own, that of pods on its network, and that of pods that nobody saw.
    """
    by_pod: dict[tuple[str, int], Fraction] = defaultdict(Fraction)
    rest: dict[int, Fraction] = defaultdict(Fraction)
    for sample in samples:
        within = overlap((sample.start_ns, sample.end_ns), alive(node.created_ns, node.deleted_ns, through_ns))
        if sample.by_request or within[0] >= within[1]:
            continue
        own_rate = 0 if sample.bytes_since_ns is not None else node.system_rates.transmit_bytes_per_second
        left = Fraction(own_rate * (within[1] - within[0]), NANOSECONDS_PER_SECOND)
        for pod in pods:
            life = alive(pod.bound_ns, pod.ended_ns, through_ns)
            there, looked = overlap(life, within), overlap(life, sample.usage_from or within)
            if there[0] >= there[1] or looked[0] >= looked[1] or not known(pod, sample):
                continue
            sent = sent_between(pod, looked) * (there[1] - there[0]) / (looked[1] - looked[0])
            if pod.host_network or pod.uid in sample.unseen or (sample.bytes_at_end and stopped(pod, within[1])):
                left += sent
                continue
            for hour, part in spread(sent, there):
                by_pod[pod.uid, hour] += part
        for hour, part in spread(left, within):
            rest[hour] += part
    return dict(by_pod), dict(rest)


def known(pod: PodHistory, sample: Sample) -> bool:
    """Whether anybody knows what a pod sent in a sample, the pod or its node."""
    if sample.bytes_since_ns is None:
        return True
    return not pod.host_network and pod.usage is not None and pod.usage.start_ns > sample.bytes_since_ns


def stopped(pod: PodHistory, by_ns: int) -> bool:
    """Whether a pod's containers had stopped by a moment, so that its kubelet said nothing more of it."""
    return pod.usage is not None and pod.usage.end_ns is not None and pod.usage.end_ns <= by_ns


def sent_between(pod: PodHistory, stretch: Stretch) -> Fraction:
    """The bytes that a pod sent in a stretch."""
    if pod.usage is None:
        return Fraction(0)
    before, after = (pod.usage.totals(at_ns).transmit_byte_ns for at_ns in stretch)
    return Fraction(after - before, NANOSECONDS_PER_SECOND)


def spread(amount: Fraction, stretch: Stretch) -> Iterator[tuple[int, Fraction]]:
    """An amount by hour, evenly over a stretch."""
    for start_ns, end_ns in pieces(stretch, ()):
        if amount:
            yield hour_of(start_ns), amount * (end_ns - start_ns) / (stretch[1] - stretch[0])


def network_rows(
    node: NodeHistory, pods: Mapping[str, PodHistory], sent: Sent, rest: Mapping[int, Fraction], usd_per_byte: Fraction
) -> Iterator[Row]:
    """What pods owe for their bytes, and the cluster for those of its nodes."""
    for (uid, hour), amount in sent.items():
        yield Row(hour, pods[uid].namespace, "network", amount * usd_per_byte, uid, node.uid, node.uid)
    for hour, amount in rest.items():
        yield Row(hour, CLUSTER, "network", amount * usd_per_byte, node=node.uid, thing=node.uid)
