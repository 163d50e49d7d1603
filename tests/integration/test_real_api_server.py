"""The aggregator, as a process with the permissions it ships with, on a real API server."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import structlog

from harness.bound_pods import BoundPod, FakeNode, container
from harness.deployment import AGGREGATOR, installed
from harness.mesh import LiveMesh
from harness.nats import background, eventually
from harness.real_cluster import Scratch
from harness.real_mesh import part, ready_mesh, restart_aggregator
from kube_cost_aggregator.inputs.kubernetes.client import api_client
from kube_cost_aggregator.inputs.kubernetes.cluster import ClusterWatch
from kube_cost_aggregator.inputs.kubernetes.receiver import InventoryReceiver
from kube_cost_aggregator.inputs.kubernetes.resources import Facts
from kube_cost_aggregator.inputs.kubernetes.watch import WatchTimes
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters

NANO = Fraction(1, 1_000_000_000)
POD = "kube_cost_pod_hourly_usd"
NAMESPACE = "kube_cost_namespace_hourly_usd"
NODE = "kube_cost_node_hourly_usd"

M5_LARGE_USD = Fraction("0.096")
_WEIGHT = 2 * Fraction("0.031611") + 8 * Fraction("0.004237")
USD_PER_VCPU = M5_LARGE_USD * Fraction("0.031611") / _WEIGHT
USD_PER_GIB = M5_LARGE_USD * Fraction("0.004237") / _WEIGHT

COUNT = 25
APART_SECONDS = 0.17
"""Between two pods, so that they come at any time of the aggregator's second."""


@dataclass(frozen=True)
class World:
    """An aggregator that looks at a real cluster, and a node in it that nobody runs."""

    live: LiveMesh
    scratch: Scratch
    node: FakeNode
    kubeconfig: Path

    def cost(self, pod: str) -> Fraction | None:
        return self.live.value(POD, namespace=self.scratch.namespace, pod=pod)

    def shown(self) -> set[str]:
        return {
            metric.labels["pod"]
            for metric in self.live.metrics(POD)
            if metric.labels["namespace"] == self.scratch.namespace
        }

    def wait_cost(self, pod: str, vcpu: str, mib: int) -> None:
        """Wait until a pod costs what these requests cost on an m5.large, to the last nano-USD."""
        expected = Fraction(vcpu) * USD_PER_VCPU + Fraction(mib, 1024) * USD_PER_GIB
        self.live.wait(
            lambda: (cost := self.cost(pod)) is not None and abs(cost - expected) <= NANO,
            f"{pod} costs {float(expected):.9f} USD an hour, that is {vcpu} vCPU and {mib} MiB",
        )


@pytest.fixture(scope="module")
def world(scratch: Scratch, kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    account = installed(scratch, kubectl, tmp_path_factory.mktemp("overlay"))[AGGREGATOR]
    folder = tmp_path_factory.mktemp("mesh")
    kubeconfig = account.kubeconfig(folder)
    with ready_mesh(folder, kubeconfig) as live:
        yield World(live, scratch, FakeNode(scratch, "m5"), kubeconfig)


@pytest.fixture
def bound(world: World) -> Iterator[Callable[..., BoundPod]]:
    """Makes a pod and binds it; it goes at the end, so that the next test has the node to itself."""
    made: list[BoundPod] = []

    def make(name: str, spec: dict[str, Any]) -> BoundPod:
        pod = world.node.pod(name, spec)
        made.append(pod)
        pod.bind()
        return pod

    yield make
    for pod in made:
        pod.delete()


def test_nodes_come_and_go(world: World) -> None:
    """A node has its price as soon as the price of its type is known, and no series once it is deleted."""
    node = FakeNode(world.scratch, "coming-and-going")
    world.live.wait(lambda: world.live.value(NODE, node=node.name) == M5_LARGE_USD, "the new node has its price")
    world.scratch.cluster.delete(node.path)
    world.live.wait(lambda: world.live.value(NODE, node=node.name) is None, "the deleted node has no price")


def test_namespaces_come_and_go(world: World) -> None:
    """A namespace is shown with nothing in it, and not any more once it is deleted."""
    name = f"kube-cost-empty-{world.scratch.suffix}"
    world.scratch.make_namespace(name)
    world.live.wait(lambda: world.live.value(NAMESPACE, namespace=name) == 0, "the new namespace costs 0")
    world.scratch.cluster.delete(f"/api/v1/namespaces/{name}")
    world.live.wait(lambda: world.live.value(NAMESPACE, namespace=name) is None, "the deleted namespace is gone")


def test_pods_show_up_at_their_bind_and_go_with_their_deletion(world: World) -> None:
    """Not before the bind; with its cost soon after; gone soon after its deletion. How soon is printed."""
    clock = SystemClock()
    spec = {"containers": [container("app", {"cpu": "20m", "memory": "16Mi"})]}
    names = [f"quick-{number:02}" for number in range(COUNT)]
    pods = [world.node.pod(name, spec) for name in names]
    world.live.wait(lambda: world.live.value(NODE, node=world.node.name), "the node has its price")
    assert not world.shown() & set(names)

    def delays(act: Callable[[BoundPod], None], seen: Callable[[], set[str]]) -> list[float]:
        """Do it to one pod after the other, and return how long each took to be seen."""
        acted: dict[str, float] = {}
        seen_at: dict[str, float] = {}

        def look() -> bool:
            found, now = seen(), clock.monotonic()
            assert found <= acted.keys()
            for name in found - seen_at.keys():
                seen_at[name] = now
            return len(seen_at) == COUNT

        for pod in pods:
            act(pod)
            acted[pod.name] = clock.monotonic()
            while clock.monotonic() - acted[pod.name] < APART_SECONDS:
                look()
        world.live.wait(look, f"all {COUNT} pods are seen")
        return sorted(seen_at[name] - at for name, at in acted.items())

    came = delays(BoundPod.bind, lambda: world.shown() & set(names))
    cost = world.cost(names[0])
    went = delays(BoundPod.delete, lambda: set(names) - world.shown())
    for what, seconds in (("bind to /metrics", came), ("deletion to /metrics", went)):
        print(f"{what}, {COUNT} pods: median {seconds[COUNT // 2]:.3f} s, longest {seconds[-1]:.3f} s")
    assert cost is not None
    assert abs(cost - Fraction("0.02") * USD_PER_VCPU - Fraction(16, 1024) * USD_PER_GIB) <= NANO


def test_a_terminating_pod_costs_until_it_is_gone(world: World, bound: Callable[..., BoundPod]) -> None:
    """Asked to end, it holds its reservation; only the end of the object ends its cost."""
    pod = bound("terminating", {"containers": [container("app", {"cpu": "100m"})]})
    world.wait_cost("terminating", "0.1", 0)
    pod.end_gracefully()
    marker = bound("after", {"containers": [container("app", {"cpu": "100m"})]})
    world.wait_cost(marker.name, "0.1", 0)
    assert world.cost("terminating")
    pod.delete()
    world.live.wait(lambda: world.cost("terminating") is None, "the pod that is gone costs nothing")


SIDECAR = container("sidecar", {"cpu": "50m", "memory": "32Mi"}, restartPolicy="Always")
STARTER = container("starter", {"cpu": "500m", "memory": "1Gi"})
APP = container("app", {"cpu": "100m", "memory": "64Mi"})

SHAPES: dict[str, tuple[dict[str, Any], str, int]] = {
    "containers-add-up": (
        {"containers": [APP, container("other", {"cpu": "200m", "memory": "128Mi"})]},
        "0.3",
        192,
    ),
    "limits-are-requests": (
        {"containers": [container("app", resources={"limits": {"cpu": "250m", "memory": "96Mi"}})]},
        "0.25",
        96,
    ),
    "no-requests": ({"containers": [container("app")]}, "0", 0),
    "a-sidecar-adds": ({"initContainers": [SIDECAR], "containers": [APP]}, "0.15", 96),
    "an-init-container-beside-a-sidecar": (
        {"initContainers": [SIDECAR, STARTER], "containers": [APP]},
        "0.55",
        1056,
    ),
    "an-init-container-before-a-sidecar": (
        {"initContainers": [STARTER, SIDECAR], "containers": [APP]},
        "0.5",
        1024,
    ),
    "the-pods-own-requests": (
        {"resources": {"requests": {"cpu": "700m", "memory": "512Mi"}}, "containers": [APP]},
        "0.7",
        512,
    ),
    "the-pods-own-request-of-cpu": (
        {"resources": {"requests": {"cpu": "700m"}}, "initContainers": [SIDECAR], "containers": [APP]},
        "0.7",
        96,
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_pod_costs_what_the_scheduler_holds(world: World, bound: Callable[..., BoundPod], name: str) -> None:
    """Its effective requests at the prices of its node, as the API server completed it."""
    spec, vcpu, mib = SHAPES[name]
    bound(name, spec)
    world.wait_cost(name, vcpu, mib)


def test_a_runtime_classs_overhead_is_the_pods(world: World, bound: Callable[..., BoundPod]) -> None:
    """The overhead that admission writes into the pod is added, to the pod's own requests too."""
    name = f"kube-cost-test-{world.scratch.suffix}"
    world.scratch.make(
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": name},
            "handler": "none",
            "overhead": {"podFixed": {"cpu": "250m", "memory": "160Mi"}},
        }
    )
    bound("overhead", {"runtimeClassName": name, "containers": [APP]})
    world.wait_cost("overhead", "0.35", 224)
    own = {"requests": {"cpu": "700m", "memory": "512Mi"}}
    bound("overhead-beside-own", {"runtimeClassName": name, "resources": own, "containers": [APP]})
    world.wait_cost("overhead-beside-own", "0.95", 672)


def test_a_resize_in_place_moves_the_cost(world: World, bound: Callable[..., BoundPod]) -> None:
    """More is held from the moment it is asked for; less from the moment that the kubelet has done it."""
    small, large = {"cpu": "100m", "memory": "64Mi"}, {"cpu": "400m", "memory": "256Mi"}
    pod = bound("resized", {"containers": [APP]})
    pod.runs_with("app", small)
    world.wait_cost("resized", "0.1", 64)
    pod.resize("app", large)
    world.wait_cost("resized", "0.4", 256)
    pod.runs_with("app", large)
    pod.resize("app", small)
    marker = bound("resized-later", {"containers": [container("app", {"cpu": "100m"})]})
    world.wait_cost(marker.name, "0.1", 0)
    world.wait_cost("resized", "0.4", 256)
    pod.runs_with("app", small)
    world.wait_cost("resized", "0.1", 64)


def test_a_resize_that_cant_be_is_not_charged(world: World, bound: Callable[..., BoundPod]) -> None:
    """What the kubelet calls infeasible isn't held, though the spec asks for it."""
    small = {"cpu": "100m", "memory": "64Mi"}
    pod = bound("infeasible", {"containers": [APP]})
    pod.runs_with("app", small)
    pod.resize("app", {"cpu": "1500m", "memory": "64Mi"})
    world.wait_cost("infeasible", "1.5", 64)
    pod.runs_with("app", small, {"type": "PodResizePending", "status": "True", "reason": "Infeasible"})
    world.wait_cost("infeasible", "0.1", 64)


def test_a_new_list_changes_no_series(world: World, bound: Callable[..., BoundPod]) -> None:
    """An aggregator that lists everything anew, on its ledger, shows the same series with the same values."""
    for name, (spec, _, _) in SHAPES.items():
        if name.startswith("a"):
            bound(name, spec)
    world.wait_cost("an-init-container-before-a-sidecar", "0.5", 1024)

    def series() -> dict[tuple[str, ...], Fraction]:
        ours = {world.node.name, world.scratch.namespace}
        return {
            (metric.name, *sorted(metric.labels.values())): metric.value
            for metric in world.live.metrics()
            if ours & set(metric.labels.values()) and metric.name.endswith("_hourly_usd")
        }

    def is_whole() -> bool:
        """By what it is for, which is shown within seconds, and together, within one, it is the same money."""
        shown = [metric for metric in world.live.metrics() if metric.labels.get("namespace") == world.scratch.namespace]
        parts = sum(one.value for one in shown if one.name == "kube_cost_namespace_resource_hourly_usd")
        return parts == sum(one.value for one in shown if one.name == "kube_cost_namespace_hourly_usd")

    world.live.wait(is_whole, "the namespace's money by resource is there too")
    before = series()
    assert len(before) > 10
    restart_aggregator(world.live, world.kubeconfig)
    world.live.wait(lambda: series().keys() == before.keys(), "the same series are there")
    world.live.wait(lambda: series() == before, "they have the same values")


class Relists:
    """Hands on what it is told, and counts lists."""

    def __init__(self, inner: InventoryReceiver) -> None:
        self._inner = inner
        self.lists = 0

    def replaced(self, kind: str, facts: Sequence[Facts], at_ns: int) -> None:
        self._inner.replaced(kind, facts, at_ns)
        self.lists += 1

    def changed(self, kind: str, facts: Facts, at_ns: int) -> None:
        self._inner.changed(kind, facts, at_ns)

    def removed(self, kind: str, uid: str, last: Facts | None, at_ns: int) -> None:
        self._inner.removed(kind, uid, last, at_ns)


async def test_a_forced_list_changes_nothing(world: World, bound: Callable[..., BoundPod]) -> None:
    """Listing in the midst of the watches leaves each pod as it was, and nothing is to be rendered anew."""
    for name in ("a-sidecar-adds", "the-pods-own-requests"):
        bound(name, SHAPES[name][0])
    clock, log = SystemClock(), structlog.get_logger()
    inventory = Inventory(changed=lambda: None)
    receiver = Relists(InventoryReceiver(inventory=inventory, last_seen_ns=lambda pod: pod.start_ns))

    def pods() -> dict[str, tuple[object, ...]]:
        return {
            pod.name: (pod.uid, pod.start_ns, pod.end_ns, pod.request, pod.node_uid, pod.workload)
            for pod in inventory.pods.values()
            if pod.namespace == world.scratch.namespace
        }

    async with api_client(kubeconfig=str(world.kubeconfig), environ={}, clock=clock, log=log) as client:
        watch = ClusterWatch(
            client=client,
            receiver=receiver,
            gpus=DEFAULT_GPU_RESOURCES,
            kept_labels=frozenset(),
            counters=Counters(),
            clock=clock,
            log=log,
            times=WatchTimes(page_size=3),
        )
        async with background(*watch.runs()):
            await eventually(lambda: not watch.unsynced)
            before, lists = pods(), receiver.lists
            node = inventory.node_named(world.node.name)
            assert len(before) == 2
            assert node is not None
            inventory.dirty_nodes.clear()
            watch.relist()
            await eventually(lambda: receiver.lists >= 2 * lists)
    assert not watch.problems
    assert pods() == before
    assert node.facts.uid not in inventory.dirty_nodes


def test_all_that_was_done_with_the_role_that_ships(world: World) -> None:
    """The watches were never refused anything."""
    assert part(world.live, "watches")[0] == "ok"
    assert world.live.value("kube_cost_errors_total", component="aggregator", error_type="kubernetes_watch") is None
