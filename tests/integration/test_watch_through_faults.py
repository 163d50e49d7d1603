"""The aggregator's watches against an API server that misbehaves while its cluster churns at high speed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from harness.kubernetes_watch import write_kubeconfig
from harness.nats import background, eventually
from kube_cost_aggregator.inputs.kubernetes.client import api_client
from kube_cost_aggregator.inputs.kubernetes.cluster import ClusterWatch
from kube_cost_aggregator.inputs.kubernetes.receiver import InventoryReceiver
from kube_cost_aggregator.inputs.kubernetes.watch import WatchTimes
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.pods import Pod
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters
from kube_cost_simulator.api.faults import Fault, FaultTimes
from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.faults import ApiServerFaults
from kube_cost_simulator.hard import hard_scenario
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.resources import NODES, PODS, by_kind
from kube_cost_simulator.scenario import Scenario

SECOND_NS = 1_000_000_000
GIB = 1024**3
LOG = structlog.get_logger()

SECONDS = 20.0
SPEED = 120
"""Simulated seconds in a real one: two thirds of an hour in a test."""

TIMES = WatchTimes(
    page_size=20,
    silence_seconds=1.0,
    list_seconds=1.0,
    answer_seconds=1.0,
    shortest_backoff_seconds=0.1,
    longest_backoff_seconds=0.5,
)
FAULT_TIMES = FaultTimes(
    slow_seconds=0.5, late_seconds=0.5, bookmarks_seconds=0.8, bookmark_gap_seconds=0.1, stale_changes=150
)


class SimulatedTime(SystemClock):
    """The simulated cluster's time for stamps, real time for waiting."""

    def __init__(self, *, clock: ManualClock) -> None:
        super().__init__()
        self._simulated = clock

    def now_ns(self) -> int:
        return self._simulated.now_ns()


@dataclass
class Followed:
    """A simulated cluster, its misbehaving server, and an inventory that follows it."""

    cluster: SimulatedCluster
    clock: ManualClock
    faults: ApiServerFaults
    inventory: Inventory
    watch: ClusterWatch
    requests: list[str] = field(default_factory=list)

    async def live(self, seconds: float) -> None:
        """Let the cluster churn for so many real seconds."""
        loop = asyncio.get_running_loop()
        begin, begin_ns = loop.time(), self.clock.now_ns()
        while (now := loop.time()) < begin + seconds:
            self.clock.turn_to(begin_ns + round((now - begin) * SPEED * SECOND_NS))
            self.cluster.advance()
            await asyncio.sleep(0.02)

    @property
    def pods(self) -> list[Pod]:
        return [pod for pod in self.inventory.pods.values() if pod.end_ns is None]

    @property
    def agrees(self) -> bool:
        return not disagreements(self)


@contextlib.asynccontextmanager
async def followed(scenario: Scenario, folder: Path, seed: int) -> AsyncIterator[Followed]:
    clock = ManualClock(start_ns=1_790_000_000 * SECOND_NS)
    cluster = SimulatedCluster(scenario=scenario, seed=seed, clock=clock)
    cluster.start()
    faults = ApiServerFaults(chance=Random(seed), clock=SystemClock(), times=FAULT_TIMES)
    requests: list[str] = []

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        requests.append(request.path)
        return await handler(request)

    server = ApiServer(cluster=cluster, tokens=["t"], bookmark_seconds=0.3, middlewares=[count, faults.misbehave])
    kubeconfig = write_kubeconfig(folder, await server.start(), user={"token": "t"})
    time = SimulatedTime(clock=clock)
    inventory = Inventory(changed=lambda: None)
    try:
        async with api_client(kubeconfig=str(kubeconfig), environ={}, clock=time, log=LOG) as client:
            watch = ClusterWatch(
                client=client,
                receiver=InventoryReceiver(inventory=inventory, last_seen_ns=lambda _: clock.now_ns()),
                gpus=DEFAULT_GPU_RESOURCES,
                kept_labels=frozenset(),
                counters=Counters(),
                clock=time,
                log=LOG,
                times=TIMES,
            )
            async with background(*watch.runs()):
                yield Followed(cluster, clock, faults, inventory, watch, requests)
    finally:
        await server.stop()


@dataclass(frozen=True)
class Expected:
    """A live pod as it is to be known."""

    name: str
    node_uid: str
    workload: tuple[str, str]
    vcpu: float
    memory_gib: float
    start_ns: int


def workload_in_store(cluster: SimulatedCluster, content: Any) -> tuple[str, str]:
    """What a person wrote, found by climbing from owner to owner among the server's objects."""
    metadata = content["metadata"]
    kind, name = "Pod", metadata["name"]
    while references := metadata.get("ownerReferences"):
        (owner,) = references
        if owner["kind"] == "Node":
            break
        kind, name = owner["kind"], owner["name"]
        stored = cluster.store.get(by_kind(kind), content["metadata"]["namespace"], name)
        if stored is None or stored.content["metadata"]["uid"] != owner["uid"]:
            break
        metadata = stored.content["metadata"]
    return kind, name


def expected_pods(cluster: SimulatedCluster) -> dict[str, Expected]:
    """The pods that are bound and haven't ended, by uid, from the server's store and the simulator's own state."""
    pods = {}
    bound_ns = {pod.uid: pod.bound_ns for pod in cluster.history.pods}
    for stored in cluster.store.objects(PODS):
        state = cluster.pods.pods[stored.key]
        if state.room is None or stored.content["status"]["phase"] not in {"Pending", "Running"}:
            continue
        held = reserved(state.requests[-1])
        pods[state.uid] = Expected(
            name="/".join(stored.key),
            node_uid=state.room.uid,
            workload=workload_in_store(cluster, stored.content),
            vcpu=held.cpu_millicores / 1000,
            memory_gib=held.memory_bytes / GIB,
            start_ns=bound_ns[state.uid],
        )
    return pods


def disagreements(follow: Followed) -> list[str]:
    """What the inventory has otherwise than the server, a line each."""
    faults = []
    nodes = {stored.content["metadata"]["uid"]: stored.key[1] for stored in follow.cluster.store.objects(NODES)}
    known = {uid: node.facts.name for uid, node in follow.inventory.nodes.items() if node.ended_ns is None}
    faults += [f"node {name} is missed" for uid, name in nodes.items() if uid not in known]
    faults += [f"node {name} is there no more" for uid, name in known.items() if uid not in nodes]
    expected = expected_pods(follow.cluster)
    pods = {pod.uid: pod for pod in follow.pods}
    faults += [f"pod {pod.name} is missed" for uid, pod in expected.items() if uid not in pods]
    faults += [f"pod {pod.name} ({uid}) is there no more" for uid, pod in pods.items() if uid not in expected]
    for uid in pods.keys() & expected.keys():
        pod, wanted = pods[uid], expected[uid]
        if pod.node_uid != wanted.node_uid or uid not in follow.inventory.nodes[pod.node_uid].pods:
            faults.append(f"pod {wanted.name} is on {pod.node_uid!r}, not on {wanted.node_uid!r}")
        if (pod.workload_kind, pod.workload) != wanted.workload:
            faults.append(f"pod {wanted.name} is {pod.workload_kind} {pod.workload}'s, not {wanted.workload}'s")
        asked = (pod.request.vcpu, pod.request.memory_gib)
        if asked != pytest.approx((wanted.vcpu, wanted.memory_gib)):
            faults.append(f"pod {wanted.name} requests {asked}, not {(wanted.vcpu, wanted.memory_gib)}")
        # The API's stamp has whole seconds, and so has what is taken from a list.
        if not -SECOND_NS <= pod.start_ns - wanted.start_ns <= 2 * SECOND_NS:
            faults.append(f"pod {wanted.name} begins {(pod.start_ns - wanted.start_ns) / 1e9} s late")
    return faults


def check_counted_once(follow: Followed) -> None:
    """Each live pod is with one node, which is alive, and no two have one name."""
    housed = [
        (uid, f"{pod.namespace}/{pod.name}")
        for node in follow.inventory.nodes.values()
        for uid, pod in node.pods.items()
        if pod.end_ns is None
    ]
    assert len({uid for uid, _ in housed}) == len({name for _, name in housed}) == len(housed)
    assert {uid for uid, _ in housed} == {pod.uid for pod in follow.pods}


async def settled(follow: Followed, seconds: float = 10.0) -> None:
    """Wait until the watches have taken in what the server has, with a reason where they don't."""
    with contextlib.suppress(TimeoutError):
        await eventually(lambda: follow.agrees and not follow.watch.problems, seconds=seconds)
    assert disagreements(follow) == []


def most_requests(follow: Followed, relists: int) -> int:
    """How many requests there can be, if each fault and each forced list costs a list and a watch, after a wait.

    A fault may come on the last page of a list, which is begun again then. Who asks without waiting asks thousands.
    """
    kinds = [by_kind(state.kind) for state in follow.watch.states]
    pages = {kind: 2 * len(follow.cluster.store.objects(kind)) // TIMES.page_size + 1 for kind in kinds}
    rounds = sum(number + 1 for number in pages.values())
    return (1 + relists) * rounds + follow.faults.done.total() * 2 * (max(pages.values()) + 1)


async def churn_and_relist(follow: Followed) -> int:
    """Let it churn until all that was ordered was done, with all lists forced each 2 s; returns how often."""
    relists = 0
    while relists < SECONDS / 2 or (set(follow.faults.done) != set(Fault) and relists < SECONDS):
        await follow.live(2.0)
        follow.watch.relist()
        relists += 1
    return relists


async def test_an_inventory_survives_all_faults(tmp_path: Path) -> None:
    """Each fault on pods and on anything: at the end what the inventory has is what there is, each once."""
    async with followed(hard_scenario(), tmp_path, seed=1) as follow:
        await eventually(lambda: not follow.watch.unsynced)
        gap_seconds = 0.8 * SECONDS / len(Fault)
        follow.faults.each_once(gap_seconds=gap_seconds, about="pods")
        follow.faults.each_once(gap_seconds=gap_seconds)
        relists = await churn_and_relist(follow)
        follow.faults.behave()
        await follow.live(2.0)
        await settled(follow)
        check_counted_once(follow)
        done, most = follow.faults.done, most_requests(follow, relists)
        history = follow.cluster.history
        print(
            f"\n{done.total()} faults, {relists} forced lists, {len(follow.requests)} of at most {most} requests; "
            f"{len(history.pods)} pods in {(follow.clock.now_ns() - history.started_ns) / 60e9:.0f} simulated minutes"
        )
        for fault, times in sorted(done.items()):
            print(f"  {times} × {fault}")
        assert set(done) == set(Fault)
        assert len(follow.requests) <= most


async def test_a_list_of_an_older_state_is_made_good_by_its_watch(tmp_path: Path) -> None:
    """What a server that lags behind has forgotten, or still has, is corrected by the events that follow."""
    async with followed(hard_scenario(), tmp_path, seed=2) as follow:
        await eventually(lambda: not follow.watch.unsynced)
        await follow.live(2.0)
        for plural in ("pods", "jobs", "replicasets"):
            follow.faults.order(Fault.STALE_LIST, plural)
        follow.watch.relist()
        await follow.live(1.0)
        await settled(follow)
        check_counted_once(follow)
        assert follow.faults.done[Fault.STALE_LIST] == 3


@pytest.mark.parametrize("late", ["nodes", "pods"])
async def test_a_node_that_comes_back_has_its_new_pods(tmp_path: Path, late: str) -> None:
    """Whichever is told of first, the other node of that name or its pods."""
    async with followed(hard_scenario(), tmp_path, seed=1) as follow:
        follow.clock.turn_to(follow.clock.now_ns() + 2150 * SECOND_NS)
        follow.cluster.advance()
        await eventually(lambda: not follow.watch.unsynced)
        # It leaves at 2,190 s at the earliest, and is back at 2,220 s.
        await follow.live((2215 - 2150) / SPEED)
        follow.faults.order(Fault.LATE, late)
        await follow.live(1.0)
        await settled(follow)
        check_counted_once(follow)


async def test_a_node_that_an_older_list_lacks_keeps_its_pods(tmp_path: Path) -> None:
    """The list is of before it joined; its own event follows, and its pods were told of long ago."""
    async with followed(hard_scenario(), tmp_path, seed=1) as follow:
        await eventually(lambda: not follow.watch.unsynced)
        await follow.live(330 / SPEED)
        await settled(follow)
        follow.faults.order(Fault.STALE_LIST, "nodes")
        next(watch for watch in follow.watch._watches if watch.state.kind == "Node").relist()
        await eventually(lambda: follow.faults.done[Fault.STALE_LIST])
        await settled(follow)
