from fractions import Fraction
from typing import Any

import pytest

from kube_cost_simulator.billed import ServiceFact
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.costs.flat import control_plane_rows, load_balancer_rows
from kube_cost_simulator.costs.rows import CLUSTER
from kube_cost_simulator.operations import Operations
from kube_cost_simulator.resources import SERVICES
from kube_cost_simulator.scenario import NamespaceFact, Scenario

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
START_NS = 1_800_000_000 // 3600 * HOUR_NS
USD = Fraction("0.036")
"""A hundred-thousandth of a dollar a second."""


def cost_of(fact: ServiceFact, seconds: int = 3600) -> Fraction:
    """What an hour of a cluster with that Service alone costs in load balancers, in hundred-thousandths of a dollar."""
    scenario = Scenario(name="services", nodes=(), namespaces=(NamespaceFact("shop"),), services=(fact,))
    cluster = SimulatedCluster(scenario=scenario, seed=1, clock=ManualClock(start_ns=START_NS))
    cluster.start()
    cluster.advance_to(START_NS + seconds * SECOND_NS)
    rows = [
        row
        for service in cluster.history.services
        for row in load_balancer_rows(service, USD, (START_NS, cluster.now_ns))
    ]
    assert {(row.namespace, row.thing, row.pod) for row in rows} <= {("shop", "web", "")}
    return sum((row.usd for row in rows), Fraction(0)) * 100_000


def service(**changes: Any) -> ServiceFact:
    return ServiceFact(**{"namespace": "shop", "name": "web", "selector": {}, "type": "LoadBalancer", **changes})


@pytest.mark.parametrize(
    ("fact", "seconds"),
    [
        (service(hostname="lb.example.com"), 3598),
        (service(ip="203.0.113.7", address_after_seconds=900), 2700),
        (service(), 0),
        (service(hostname="lb.example.com", type="ClusterIP"), 0),
        (service(hostname="lb.example.com", load_balancer_class="metallb.io/metallb"), 0),
        (service(hostname="lb.example.com", load_balancer_class="service.k8s.aws/nlb"), 3598),
        (service(hostname="lb.example.com", made_after_seconds=600, deleted_after_seconds=1602), 1000),
    ],
    ids=["at once", "late", "never an address", "no load balancer", "another's class", "the cloud's class", "a while"],
)
def test_a_load_balancer_is_paid_while_it_has_an_address(fact: ServiceFact, seconds: int) -> None:
    """By nobody but its namespace, and with no pods behind it."""
    assert cost_of(fact) == seconds


def test_one_that_lasts_is_in_every_hours_row() -> None:
    """Cut at the full hour."""
    assert cost_of(service(hostname="lb.example.com"), 3 * 3600) == 3 * 3600 - 2


def test_a_service_that_a_client_changes_is_followed(small: SimulatedCluster) -> None:
    """It costs from the moment at which somebody gives it an address, until it becomes another type."""
    operations = Operations(cluster=small)
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    operations.create(SERVICES, "default", {"metadata": {"name": "web"}, "spec": spec})
    small.advance_to(small.now_ns + 10 * SECOND_NS)
    address = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}}
    operations.patch(SERVICES, "default", "web", address, status_only=True)
    small.advance_to(small.now_ns + 20 * SECOND_NS)
    operations.patch(SERVICES, "default", "web", {"spec": {"type": "ClusterIP"}})
    small.advance_to(small.now_ns + 30 * SECOND_NS)
    (history,) = small.history.services
    rows = load_balancer_rows(history, USD, (small.history.started_ns, small.now_ns))
    assert sum(row.usd for row in rows) == Fraction(20, 100_000)


def test_the_control_plane_is_the_clusters() -> None:
    """An hour and a half at 0.10 USD, in two rows."""
    rows = list(control_plane_rows(Fraction("0.10"), (START_NS, START_NS + HOUR_NS * 3 // 2)))
    assert [(row.namespace, row.usd) for row in rows] == [(CLUSTER, Fraction("0.1")), (CLUSTER, Fraction("0.05"))]


def test_without_a_fee_there_is_no_row() -> None:
    """A cluster whose control plane is free has no line for it."""
    assert not list(control_plane_rows(Fraction(0), (START_NS, START_NS + HOUR_NS)))
