"""Nodes that are no machines: each pod on them is sold by its own size, and they cost what their pods do."""

from collections.abc import Iterable, Sequence

from kube_cost_aggregator.state.nodes import Node
from kube_cost_aggregator.state.places import Place
from kube_cost_aggregator.state.pods import Pod
from kube_cost_aggregator.state.prices import PriceBook, RateChange
from kube_cost_common.domain.pod_sizes import Sizing, aci_size, fargate_size, sizing_of
from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.settlement import Change, PriceChange
from kube_cost_common.domain.unit_prices import NodePrice, UnitPrices

WHOLE = Resources(float("inf"), float("inf"), float("inf"))
"""What is allocatable where no system keeps anything."""


def sizing(node: Node) -> Sizing | None:
    """Return how a node's pods are sold; None for a machine."""
    return sizing_of(node.facts.labels)


def size_of(pod: Pod, sold: Sizing) -> Resources:
    """Return the size that a pod was bound with; of one whose containers aren't known, by its sum."""
    requests = pod.requests[0].requests
    if sold == "fargate":
        return fargate_size(requests)
    containers = pod.facts.containers if pod.facts is not None else ()
    return aci_size(containers or [(requests.vcpu, requests.memory_gib)])


def requests_of(pod: Pod, sold: Sizing) -> Sequence[Change]:
    """Return a pod's size as its only request."""
    return [Change(pod.requests[0].since_ns, size_of(pod, sold))]


def place_of(node: Node, sold: Sizing, region: str) -> Place:
    """Return where a node's pods are sold; `region` is the cluster's, should the node not say its own."""
    provider = {"fargate": "aws", "aci": "azure"}[sold]
    return Place(provider, node.identity.region or region, managed=False)


def timeline(node: Node, sold: Sizing, book: PriceBook, region: str) -> list[PriceChange]:
    """Return what a node has cost since it was settled last: the sizes of the pods that were there, at their prices.

    Empty while a price isn't known. The first holds from the beginning. `region` is the cluster's.
    """
    vcpu, memory = book.pod_size_timelines(place_of(node, sold, region), sold)
    if not vcpu or not memory:
        return []
    pods = list(node.pods.values())
    moments = {change.since_ns for change in (*vcpu, *memory)}
    moments.update(pod.start_ns for pod in pods)
    moments.update(pod.end_ns for pod in pods if pod.end_ns is not None)
    start_ns = node.settled_ns
    changes = []
    for moment in (start_ns, *sorted(moment for moment in moments if moment > start_ns)):
        there = [pod for pod in pods if pod.start_ns <= moment and (pod.end_ns is None or pod.end_ns > moment)]
        changes.append(PriceChange(moment, _price(there, sold, _at(vcpu, moment), _at(memory, moment))))
    return changes


def price_now(node: Node, sold: Sizing, book: PriceBook, region: str) -> NodePrice | None:
    """Return what a node costs now; None while a price isn't known."""
    vcpu, memory = book.pod_size_timelines(place_of(node, sold, region), sold)
    if not vcpu or not memory:
        return None
    return _price([pod for pod in node.pods.values() if pod.end_ns is None], sold, vcpu[-1], memory[-1])


def _price(pods: Iterable[Pod], sold: Sizing, vcpu: RateChange, memory: RateChange) -> NodePrice:
    sizes = [size_of(pod, sold) for pod in pods]
    all_of_them = Resources(*map(sum, zip(*sizes, strict=True))) if sizes else NOTHING
    units = UnitPrices(vcpu.usd_per_hour, memory.usd_per_hour, 0.0)
    usd = all_of_them.vcpu * units.vcpu + all_of_them.memory_gib * units.memory_gib
    return NodePrice(usd, None, all_of_them, units, vcpu.source)


def _at(timeline: Sequence[RateChange], moment_ns: int) -> RateChange:
    holding = timeline[0]
    for change in timeline[1:]:
        if change.since_ns <= moment_ns:
            holding = change
    return holding
