from fractions import Fraction
from typing import Any

import pytest

from kube_cost_simulator.building import asked, container, on_host, template, using
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cloud_nodes import virtual_node
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.costs.whole import whole_truth
from kube_cost_simulator.pod_sizes import aci_size, fargate_size
from kube_cost_simulator.prices import PodSizePrice, Prices
from kube_cost_simulator.reservation import ContainerRequests, PodRequests
from kube_cost_simulator.resources import NODES, PODS
from kube_cost_simulator.scenario import NamespaceFact, NodeFact, Resources, Scenario, TemplateFact, WorkloadFact
from kube_cost_simulator.usage import ALWAYS_IDLE, steady

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
START_NS = 1_800_000_000 // 3600 * HOUR_NS
MEBI = 1024**2


@pytest.mark.parametrize(
    ("millicores", "mebibytes", "vcpu", "gb"),
    [
        (0, 0, "0.25", "0.5"),
        (250, 256, "0.25", "0.5"),
        (250, 257, "0.25", "1"),
        (251, 256, "0.5", "1"),
        (250, 2048, "0.5", "3"),
        (1000, 8192, "2", "9"),
        (1000, 1024, "1", "2"),
        (4000, 30 * 1024, "8", "32"),
        (9000, 16384, "16", "32"),
        (16000, 119 * 1024, "16", "120"),
    ],
)
def test_fargate_sells_the_smallest_size_that_holds_a_pod_and_its_own(
    millicores: int, mebibytes: int, vcpu: str, gb: str
) -> None:
    """256 MiB are added, and a pod of 1 vCPU and 8 GiB needs 2 vCPUs for its 9 GB."""
    assert fargate_size(asked(millicores, mebibytes)) == (Fraction(vcpu), Fraction(gb))


@pytest.mark.parametrize(("millicores", "mebibytes"), [(16001, 1024), (1000, 120 * 1024)])
def test_fargate_has_no_pod_that_large(millicores: int, mebibytes: int) -> None:
    """Such a pod is refused by name rather than sold cheaply."""
    with pytest.raises(ValueError, match="Fargate has no pod of"):
        fargate_size(asked(millicores, mebibytes))


def aci(*containers: tuple[int, int, str]) -> tuple[Fraction, Fraction]:
    return aci_size(
        PodRequests(
            0,
            tuple(
                ContainerRequests("c", Resources(cpu, memory), init=kind != "main", sidecar=kind == "sidecar")
                for cpu, memory, kind in containers
            ),
        )
    )


@pytest.mark.parametrize(
    ("containers", "vcpu", "gb"),
    [
        ([(0, 0, "main")], "1", "1.5"),
        ([(1000, 10**9, "main")], "1", "1"),
        ([(333, 700 * MEBI, "main"), (105, 128 * MEBI, "main")], "0.45", "1.0"),
        ([(1, 1, "main")], "0.01", "0.1"),
        ([(500, 10**9, "main"), (100, 10**8, "sidecar"), (4000, 10**10, "init")], "0.6", "1.1"),
    ],
)
def test_container_instances_round_each_container_up(
    containers: list[tuple[int, int, str]], vcpu: str, gb: str
) -> None:
    """To 10 millicores and 0.1 GB; one that asks for nothing gets 1 vCPU and 1.5 GB; init containers have gone."""
    assert aci(*containers) == (Fraction(vcpu), Fraction(gb))


def pods_of(**changes: Any) -> TemplateFact:
    main = container("main", "image", asked(200, 300), limits=asked(200, 300))
    made = template("edge", steady(using(900, 900)), main)
    return TemplateFact(made.containers, made.usage, {"app": "edge"}, **changes)


FARGATE = pods_of(fargate_profile="edge")
VIRTUAL = pods_of(node_selector={"type": "virtual-kubelet"}, tolerates=("virtual-kubelet.io/provider",))
DAEMON = on_host("agent", using(1, 1), container("main", "image", asked(10, 10)))


def lived(nodes: tuple[NodeFact, ...], *workloads: WorkloadFact, seconds: int = 3600) -> SimulatedCluster:
    scenario = Scenario(
        name="sized",
        nodes=nodes,
        namespaces=(NamespaceFact("edge"),),
        workloads=(*workloads, WorkloadFact("DaemonSet", "edge", "agent", DAEMON)),
        prices=Prices(
            pod_sizes={
                "fargate": PodSizePrice(Fraction("0.04"), Fraction("0.004")),
                "aci": PodSizePrice(Fraction("0.05"), Fraction("0.005")),
            }
        ),
    )
    cluster = SimulatedCluster(scenario=scenario, seed=1, clock=ManualClock(start_ns=START_NS))
    cluster.start()
    cluster.advance_to(START_NS + seconds * SECOND_NS)
    return cluster


def test_each_pod_of_a_profile_has_a_node_as_eks_shows_it(node: NodeFact) -> None:
    """The node shows a machine, not the size that is paid; the pod's annotation says that."""
    cluster = lived((node,), WorkloadFact("Deployment", "edge", "function", FARGATE, replicas=2), seconds=60)
    pods = [stored.content for stored in cluster.store.objects(PODS) if "fargate" in stored.content["spec"]["nodeName"]]
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2
    for pod in pods:
        assert pod["metadata"]["annotations"]["CapacityProvisioned"] == "0.25vCPU 1GB"
        assert pod["metadata"]["labels"]["eks.amazonaws.com/fargate-profile"] == "edge"
        assert pod["spec"]["schedulerName"] == "fargate-scheduler"
        stored = cluster.store.get(NODES, "", pod["spec"]["nodeName"])
        assert stored is not None
        assert stored.content["metadata"]["labels"]["eks.amazonaws.com/compute-type"] == "fargate"
        assert stored.content["spec"]["taints"] == [
            {"key": "eks.amazonaws.com/compute-type", "value": "fargate", "effect": "NoSchedule"}
        ]
        assert stored.content["spec"]["providerID"].endswith(f"/{pod['spec']['nodeName']}")
        assert stored.content["status"]["capacity"]["cpu"] == "2"
        assert stored.content["status"]["capacity"]["pods"] == "1"


def test_a_fargate_node_goes_with_its_pod(node: NodeFact) -> None:
    """A Job's pod that has run stays a while, and its node with it; then both are gone."""
    job = WorkloadFact("Job", "edge", "sweep", FARGATE, run_seconds=(30, 30), keep_seconds=60)
    assert len(lived((node,), job, seconds=60).nodes) == 2
    cluster = lived((node,), job, seconds=200)
    assert set(cluster.nodes) == {"n1"}
    assert [known.deleted_ns is not None for known in cluster.history.nodes] == [False, True]


def test_no_daemon_runs_where_there_is_no_machine(node: NodeFact) -> None:
    """Neither on Fargate's nodes nor on the virtual one."""
    fact = WorkloadFact("Deployment", "edge", "function", FARGATE)
    cluster = lived((node, virtual_node()), fact, seconds=60)
    agents = [pod for pod in cluster.history.pods if pod.workload == ("DaemonSet", "agent")]
    assert len(cluster.nodes) == 3
    assert len(agents) == 1


def test_pods_that_dont_tolerate_it_stay_off_the_virtual_node(node: NodeFact) -> None:
    """It is the emptiest node of all, but has a taint."""
    cluster = lived((node, virtual_node()), WorkloadFact("Deployment", "edge", "plain", pods_of(), replicas=3))
    assert {pod.node for pod in cluster.pods.pods.values()} == {"n1"}


@pytest.mark.parametrize(
    ("pods", "usd_per_hour"),
    [
        (FARGATE, Fraction("0.25") * Fraction("0.04") + Fraction("0.004")),
        (VIRTUAL, Fraction("0.01") + Fraction("0.002")),
    ],
    ids=["fargate", "aci"],
)
def test_a_pod_is_sold_by_its_size_whatever_it_uses(node: NodeFact, pods: TemplateFact, usd_per_hour: Fraction) -> None:
    """0.25 vCPU and 1 GB of Fargate, or 0.2 vCPU and 0.4 GB of Azure, from binding to end, and nothing for its node."""
    cluster = lived((node, virtual_node()), WorkloadFact("Pod", "edge", "one", pods, run_seconds=(600, 1200)))
    costs = whole_truth(cluster.history)
    one = next(pod for pod in cluster.history.pods if pod.name == "one")
    assert one.ended_ns is not None
    assert costs.by_pod()[one.uid] == usd_per_hour * (one.ended_ns - one.bound_ns) / HOUR_NS
    assert costs.by_node()[one.node_uid] == costs.by_pod()[one.uid]


def test_what_a_container_uses_counts_nowhere() -> None:
    """An idle pod of the same size costs the same."""
    idle = TemplateFact(FARGATE.containers, ALWAYS_IDLE, fargate_profile="edge")
    costs = [whole_truth(lived((), WorkloadFact("Pod", "edge", "one", each)).history).total for each in (FARGATE, idle)]
    assert costs[0] == costs[1] > 0
