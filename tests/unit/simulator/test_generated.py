from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.generated import generated_scenario
from kube_cost_simulator.truth import samples, settle

SECOND_NS = 1_000_000_000


def test_a_generated_cluster_has_the_size_asked_for_and_adds_up(clock: ManualClock) -> None:
    """60 pods on 3 nodes all run, some are replaced, and the truth of five minutes gives out the whole price."""
    scenario = generated_scenario(nodes=3, pods=60, namespaces=4, mean_lifetime_seconds=200, price_changes_per_node=2)
    cluster = SimulatedCluster(scenario=scenario, seed=1, clock=clock)
    cluster.start()
    cluster.advance_to(clock.now_ns() + 300 * SECOND_NS)
    going_on = [pod for pod in cluster.pods.pods.values() if not pod.terminating]
    assert len(going_on) == 60
    assert all(pod.node is not None for pod in going_on if pod.created_ns < cluster.now_ns - SECOND_NS)
    assert len(cluster.history.pods) > 90
    edges = list(range(clock.now_ns(), cluster.now_ns + 1, 15 * SECOND_NS))
    truth = settle(cluster.history, {node.uid: samples(edges) for node in cluster.history.nodes})
    rows = (*truth.pods.values(), *truth.idle.values(), *truth.system.values())
    assert sum(row.total for row in rows) == sum(truth.nodes.values())
