"""The parts that a node's pods have in a stretch of its time, as what they cost is worked out from."""

from collections.abc import Mapping, Sequence

from kube_cost_aggregator.state import sized_pods
from kube_cost_aggregator.state.nodes import Node
from kube_cost_aggregator.state.pods import Pod
from kube_cost_aggregator.state.sized_pods import sizing
from kube_cost_common.domain.basis import Basis, counted_requests, counted_usage
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import Change, PodSpan


def pod_spans(
    node: Node, *, start_ns: int, end_ns: int, usage: Mapping[str, Resources], memory_known: bool, basis: Basis
) -> list[PodSpan[str]]:
    """Return the pods that were there between two moments (Unix nanoseconds), with their usage by uid.

    Without `memory_known` usage is of CPU alone.
    """
    sold = sizing(node)
    return [
        PodSpan(
            key=pod.uid,
            start_ns=max(pod.start_ns, start_ns),
            end_ns=end_ns if pod.end_ns is None else min(pod.end_ns, end_ns),
            requests=_requests(pod, usage.get(pod.uid), memory_known=memory_known, basis=basis)
            if sold is None
            else sized_pods.requests_of(pod, sold),
            usage=counted_usage(basis, usage.get(pod.uid)),
            estimated=pod.estimated,
        )
        for pod in node.pods.values()
        if pod.start_ns < end_ns and (pod.end_ns is None or pod.end_ns > start_ns)
    ]


def _requests(pod: Pod, usage: Resources | None, *, memory_known: bool, basis: Basis) -> Sequence[Change]:
    """Return a pod's requests as far as they count: by usage alone, only of what nobody looked at."""
    if basis != "usage" or usage is None:
        return pod.requests
    return [
        Change(
            since_ns,
            counted_requests(basis, asked, usage)._replace(memory_gib=0.0 if memory_known else asked.memory_gib),
        )
        for since_ns, asked in pod.requests
    ]
