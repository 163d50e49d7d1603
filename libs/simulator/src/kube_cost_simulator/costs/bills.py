"""What the providers bill: each thing by itself, without asking who uses it."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from kube_cost_simulator.costs.stretches import Stretch
from kube_cost_simulator.history import History, NodeHistory
from kube_cost_simulator.pod_sizes import sold_size
from kube_cost_simulator.truth import Sample

NANOSECONDS_PER_HOUR = 3_600_000_000_000
NANOSECONDS_PER_MONTH = 730 * NANOSECONDS_PER_HOUR


def bills(history: History, samples_by_node: Mapping[str, Sequence[Sample]], window: Stretch) -> dict[str, Fraction]:
    """USD by component, of machines over their samples and of everything else over a window."""
    return {
        "compute": _machines(history, samples_by_node) + _sized_pods(history, window),
        "storage": _volumes(history, window),
        "network": _network(history, samples_by_node),
        "load_balancer": _load_balancers(history, window),
        "control_plane": history.prices.control_plane_usd_per_hour * (window[1] - window[0]) / NANOSECONDS_PER_HOUR,
    }


def _common_ns(one: Stretch, other: Stretch) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _until(end_ns: int | None, history: History) -> int:
    return history.through_ns if end_ns is None else end_ns


def _machines(history: History, samples_by_node: Mapping[str, Sequence[Sample]]) -> Fraction:
    usd = Fraction(0)
    for node in history.nodes:
        end_ns = _until(node.deleted_ns, history)
        edges = [*(price.from_ns for price in node.prices), end_ns]
        for price, (from_ns, to_ns) in zip(node.prices, pairwise(edges), strict=True):
            spot = price.spot_usd_per_hour if node.capacity_type == "spot" else None
            paid = price.on_demand_usd_per_hour if spot is None else spot
            for sample in samples_by_node.get(node.uid, ()):
                usd += paid * _common_ns((from_ns, to_ns), (sample.start_ns, sample.end_ns)) / NANOSECONDS_PER_HOUR
    return usd


def _sized_pods(history: History, window: Stretch) -> Fraction:
    nodes = {node.uid: node for node in history.nodes}
    usd = Fraction(0)
    for pod in history.pods:
        sizing = nodes[pod.node_uid].pod_sized
        price = None if sizing is None else history.prices.pod_sizes.get(sizing)
        if sizing is not None and price is not None:
            vcpu, gb = sold_size(sizing, pod.requests[0])
            per_hour = vcpu * price.usd_per_vcpu_hour + gb * price.usd_per_gb_hour
            usd += per_hour * _common_ns((pod.bound_ns, _until(pod.ended_ns, history)), window) / NANOSECONDS_PER_HOUR
    return usd


def _volumes(history: History, window: Stretch) -> Fraction:
    usd = Fraction(0)
    for volume in history.volumes:
        price = history.prices.volumes.get(volume.storage_class)
        if price is None:
            continue
        edges = [*(state.from_ns for state in volume.states), _until(volume.deleted_ns, history)]
        for state, between in zip(volume.states, pairwise(edges), strict=True):
            monthly = price.usd_per_gib_month * state.gib
            monthly += price.usd_per_iops_month * max(0, volume.iops - price.free_iops)
            monthly += price.usd_per_mib_per_second_month * max(0, volume.mib_per_second - price.free_mib_per_second)
            if price.tiers:
                monthly = next(tier.usd_per_month for tier in price.tiers if tier.up_to_gib >= state.gib)
            usd += monthly * _common_ns(between, window) / NANOSECONDS_PER_MONTH
    return usd


def _load_balancers(history: History, window: Stretch) -> Fraction:
    lasted_ns = 0
    for service in history.services:
        edges = [*(state.from_ns for state in service.states), _until(service.deleted_ns, history)]
        for state, between in zip(service.states, pairwise(edges), strict=True):
            lasted_ns += state.has_load_balancer * _common_ns(between, window)
    return history.prices.load_balancer_usd_per_hour * lasted_ns / NANOSECONDS_PER_HOUR


def _network(history: History, samples_by_node: Mapping[str, Sequence[Sample]]) -> Fraction:
    usd = Fraction(0)
    for node in history.nodes:
        for sample in samples_by_node.get(node.uid, ()):
            if not sample.by_request:
                sent = _sent_by_node(history, node, sample)
                usd += sum(
                    sent * share * history.prices.network.usd_per_gib[name] / 2**30
                    for name, share in history.prices.network.shares.items()
                )
    return usd


def _sent_by_node(history: History, node: NodeHistory, sample: Sample) -> Fraction:
    """What its interface counted: everything that it and its pods sent."""
    life = (node.created_ns, _until(node.deleted_ns, history))
    lasted_ns = _common_ns(life, (sample.start_ns, sample.end_ns))
    byte_ns = node.system_rates.transmit_bytes_per_second * lasted_ns
    for pod in history.pods:
        there_ns = _common_ns((pod.bound_ns, _until(pod.ended_ns, history)), (sample.start_ns, sample.end_ns))
        if pod.node_uid == node.uid and there_ns and pod.usage is not None:
            before, after = (pod.usage.totals(at_ns) for at_ns in (sample.start_ns, sample.end_ns))
            byte_ns += after.transmit_byte_ns - before.transmit_byte_ns
    return Fraction(byte_ns, 1_000_000_000)
