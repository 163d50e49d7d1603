"""The aggregator's ledger against the simulator's truth, which is another program's arithmetic in fractions."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from harness import rows
from harness.against_truth import check, usd_of_pods
from harness.twin import SECOND_NS, Twin
from kube_cost_simulator.demo import demo_scenario
from kube_cost_simulator.scenario import (
    GIB,
    MIB,
    ContainerFact,
    NamespaceFact,
    NodeFact,
    PriceChange,
    Resize,
    Resources,
    Scenario,
    Shape,
    TemplateFact,
    WorkloadFact,
    WorkloadKind,
)
from kube_cost_simulator.usage import Rates, steady

HOUR = 3600
TWO_MINUTES = 120

NewTwin = Callable[[Scenario], Twin]


def node(name: str = "n1", **changes: Any) -> NodeFact:
    """4 vCPU and 16 GiB at 0.192 USD an hour."""
    fact = NodeFact(
        name=name,
        provider_id=f"aws:///us-east-1a/i-{name}",
        labels={
            "topology.kubernetes.io/region": "us-east-1",
            "topology.kubernetes.io/zone": "us-east-1a",
            "node.kubernetes.io/instance-type": f"m5.{name}",
        },
        capacity_type="on_demand",
        shape=Shape(Fraction(4), Fraction(16)),
        capacity=Resources(4000, 15 * GIB),
        allocatable=Resources(3900, 14 * GIB),
        on_demand_usd_per_hour=Fraction("0.192"),
    )
    return replace(fact, **changes)


def spot_node(name: str) -> NodeFact:
    labels = {**node(name).labels, "karpenter.sh/capacity-type": "spot"}
    return node(name, labels=labels, capacity_type="spot", spot_usd_per_hour=Fraction("0.071"))


def workload(
    kind: WorkloadKind, name: str, *, cpu: int = 500, memory: int = 256 * MIB, uses: int = 700, **changes: Any
) -> WorkloadFact:
    """Containers that request `cpu` millicores and use `uses`."""
    template = TemplateFact(
        containers=(ContainerFact("main", "image", Resources(cpu, memory)),), usage=steady(Rates(uses, 300 * MIB))
    )
    fact = WorkloadFact(kind, "shop", name, template)
    return replace(fact, **changes)


def scenario(*workloads: WorkloadFact, nodes: tuple[NodeFact, ...] = (), **changes: Any) -> Scenario:
    made = Scenario(name="own", nodes=nodes or (node(),), namespaces=(NamespaceFact("shop"),), workloads=workloads)
    return replace(made, **changes)


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[NewTwin]:
    """Makes a twin whose ledger is in the test's folder; it is closed at the end."""
    made: list[Twin] = []

    def new(of: Scenario) -> Twin:
        made.append(Twin(scenario=of, folder=tmp_path))
        return made[-1]

    yield new
    for one in made:
        one.close()


async def test_an_hour_of_the_demo_costs_what_it_costs(twin: NewTwin, tmp_path: Path) -> None:
    """Each namespace, system and idle of each node are within 0.5 %, nodes exact, and every pod is found."""
    demo = twin(demo_scenario())
    await demo.start()
    await demo.run(HOUR)
    check(demo, tmp_path)
    assert len(rows.pods(tmp_path)) > 300


async def test_short_pods_one_after_another_are_all_found(twin: NewTwin, tmp_path: Path) -> None:
    """60 pods of 45 s: all found, 99.9 to 100.1 % of what they cost."""
    pods = [
        workload("Pod", f"short-{number}", starts_after_seconds=47 * number + 5, run_seconds=(45, 45), keep_seconds=1)
        for number in range(60)
    ]
    own = twin(scenario(*pods))
    await own.start()
    await own.run(60 * 47 + 120)
    settled, truth = rows.pods(tmp_path), usd_of_pods(own.truth())
    assert len(settled) == len(truth) == 60
    ratio = sum(pod.total for pod in settled.values()) / float(sum(truth.values()) * 10**9)
    print(f"60 pods of 45 s: {ratio:.4%} of the truth")
    assert 0.999 <= ratio <= 1.001


async def test_jobs_of_five_seconds_are_all_found(twin: NewTwin, tmp_path: Path) -> None:
    """Pods that live between two reads are charged by their request and what nobody else used."""
    jobs = [
        workload("Pod", f"blink-{number}", starts_after_seconds=17 * number + 3, run_seconds=(5, 5), keep_seconds=1)
        for number in range(30)
    ]
    own = twin(scenario(*jobs, workload("Deployment", "steady", replicas=2)))
    await own.start()
    await own.run(30 * 17 + 120)
    check(own, tmp_path, within=0.01)


async def test_prices_change_within_an_interval(twin: NewTwin, tmp_path: Path) -> None:
    """A changed price holds from its own moment on, for on-demand and spot nodes alike."""
    own = twin(
        scenario(
            workload("Deployment", "web", replicas=4),
            nodes=(node(), spot_node("n2")),
            price_changes=(
                PriceChange(97, "n1", Fraction("0.5")),
                PriceChange(205, "n2", Fraction("0.192"), Fraction("0.15")),
                PriceChange(331, "n2", Fraction("0.21"), Fraction("0.15")),
            ),
        )
    )
    await own.start()
    await own.run(600)
    check(own, tmp_path)
    truth = own.truth()
    saved = float(sum(truth.savings.values(), Fraction(0)))
    with rows.opened(tmp_path) as db:
        (settled,) = db.execute("SELECT sum(saved_nano) FROM node_hours").fetchone()
    assert abs(settled - saved * 1e9) <= 2


async def test_a_pod_resized_in_place_is_charged_by_what_it_had(twin: NewTwin, tmp_path: Path) -> None:
    """Each request is charged for its own time, though the change came in mid-interval."""
    own = twin(
        scenario(
            workload("Deployment", "web", replicas=2, cpu=500, uses=100),
            resizes=(Resize(100, "shop", "web", "main", Resources(1500, 256 * MIB)),),
        )
    )
    await own.start()
    await own.run(480)
    check(own, tmp_path)


async def test_nodes_that_join_and_leave_are_paid_for_their_time(twin: NewTwin, tmp_path: Path) -> None:
    """A node's first minutes and last are paid, and the pods on it charged by request."""
    own = twin(
        scenario(
            workload("DaemonSet", "logs", cpu=200, uses=100),
            workload("Deployment", "web", replicas=3),
            nodes=(node(), node("n2", joins_after_seconds=95, leaves_after_seconds=445)),
        )
    )
    await own.start()
    await own.run(720)
    own.settlement.catch_up(own.clock.now_ns(), connected=True, drained=True)
    await own.ledger.commit(own.clock.now_ns())
    rows.check_sums(tmp_path)
    left = own.cluster.history.node("n2")
    assert left.deleted_ns is not None
    seconds = (left.deleted_ns - left.created_ns) / SECOND_NS
    assert rows.node_seconds(tmp_path)[left.uid] == pytest.approx(seconds)
    paid = sum(paid for (uid, _), (paid, *_) in rows.node_hours(tmp_path).items() if uid == left.uid)
    assert abs(paid - 0.192e9 * seconds / HOUR) <= 1
    assert left.uid not in own.ledger.nodes


async def test_static_pods_are_charged_once(twin: NewTwin, tmp_path: Path) -> None:
    """The kubelet's static pod and the API's mirror of it are one pod."""
    fact = workload("Pod", "kube-proxy-n1", on_node="n1")
    fact = replace(fact, template=replace(fact.template, static=True))
    own = twin(scenario(fact))
    await own.start()
    await own.run(300)
    check(own, tmp_path)
    (charged,) = rows.pods(tmp_path).values()
    assert charged.estimated_seconds == pytest.approx(0)
