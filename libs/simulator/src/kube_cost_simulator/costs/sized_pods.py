"""Pods that are sold by their own size: Fargate, and virtual nodes."""

from collections.abc import Iterable, Iterator, Mapping

from kube_cost_simulator.costs.rows import Row
from kube_cost_simulator.costs.stretches import Stretch, alive, hour_of, overlap, pieces
from kube_cost_simulator.history import NodeHistory, PodHistory
from kube_cost_simulator.pod_sizes import sold_size
from kube_cost_simulator.prices import PodSizePrice, PodSizing
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR


def sized_pod_rows(
    pods: Iterable[PodHistory],
    nodes: Mapping[str, NodeHistory],
    prices: Mapping[PodSizing, PodSizePrice],
    window: Stretch,
) -> Iterator[Row]:
    """The size that a pod was bound with × its prices × its time from binding to end, whatever it uses."""
    for pod in pods:
        sizing = nodes[pod.node_uid].pod_sized
        if sizing is None or sizing not in prices:
            continue
        price, size = prices[sizing], sold_size(sizing, pod.requests[0])
        cpu_per_hour, memory_per_hour = size.vcpu * price.usd_per_vcpu_hour, size.gb * price.usd_per_gb_hour
        for start_ns, end_ns in pieces(overlap(alive(pod.bound_ns, pod.ended_ns, window[1]), window), ()):
            hour, lasted_ns = hour_of(start_ns), end_ns - start_ns
            cpu, memory = (usd * lasted_ns / NANOSECONDS_PER_HOUR for usd in (cpu_per_hour, memory_per_hour))
            yield Row(hour, pod.namespace, "cpu", cpu, pod.uid, pod.node_uid, pod.node_uid)
            yield Row(hour, pod.namespace, "memory", memory, pod.uid, pod.node_uid, pod.node_uid)
