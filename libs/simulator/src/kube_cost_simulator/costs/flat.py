"""What has a flat price per hour: load balancers and the control plane."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from kube_cost_simulator.costs.rows import CLUSTER, Row
from kube_cost_simulator.costs.stretches import Stretch, alive, hour_of, overlap, pieces
from kube_cost_simulator.records import ServiceHistory
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR

CONTROL_PLANE = "control plane"


def load_balancer_rows(service: ServiceHistory, usd_per_hour: Fraction, window: Stretch) -> Iterator[Row]:
    """What a Service's namespace owes while it has a load balancer, once, whoever stands behind it."""
    edges = [state.from_ns for state in service.states]
    edges.append(alive(0, service.deleted_ns, window[1])[1])
    for state, between in zip(service.states, pairwise(edges), strict=True):
        if not state.has_load_balancer:
            continue
        for start_ns, end_ns in pieces(overlap(between, window), ()):
            usd = usd_per_hour * (end_ns - start_ns) / NANOSECONDS_PER_HOUR
            yield Row(hour_of(start_ns), service.namespace, "load_balancer", usd, thing=service.name)


def control_plane_rows(usd_per_hour: Fraction, window: Stretch) -> Iterator[Row]:
    """What the cluster owes for its control plane."""
    for start_ns, end_ns in pieces(window, ()):
        usd = usd_per_hour * (end_ns - start_ns) / NANOSECONDS_PER_HOUR
        if usd:
            yield Row(hour_of(start_ns), CLUSTER, "control_plane", usd, thing=CONTROL_PLANE)
