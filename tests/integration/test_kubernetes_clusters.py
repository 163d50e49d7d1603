"""The same expectations of the simulated cluster's API server and of a real one."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
import structlog

from harness import parts
from harness.kubernetes_watch import write_kubeconfig
from harness.nats import background, eventually
from kube_cost_aggregator.inputs.kubernetes.client import ApiClient, ApiRequest, api_client
from kube_cost_aggregator.inputs.kubernetes.cluster import ClusterWatch
from kube_cost_aggregator.inputs.kubernetes.connection import Connection, load_connection
from kube_cost_aggregator.inputs.kubernetes.errors import ForbiddenError
from kube_cost_aggregator.inputs.kubernetes.watch import WatchTimes
from kube_cost_aggregator.state.facts import NamespaceFacts, NodeFacts, OwnerFacts, PodFacts
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters
from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.demo import demo_scenario

F = TypeVar("F")

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
LOG = structlog.get_logger()


class Kept:
    """The objects as the watches tell them, and what was told of storage classes, in order."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.classes: list[str] = []

    def replaced(self, kind: str, facts: Sequence[Any], _at_ns: int) -> None:
        self.objects[kind] = {one.uid: one for one in facts}

    def changed(self, kind: str, facts: Any, _at_ns: int) -> None:
        self.objects[kind][facts.uid] = facts
        if kind == "StorageClass":
            self.classes.append(f"+ {facts.name} {facts.parameters.get('type', '')}")

    def removed(self, kind: str, uid: str, last: Any, _at_ns: int) -> None:
        self.objects[kind].pop(uid, None)
        if kind == "StorageClass":
            self.classes.append(f"- {last.name}")

    def all(self, kind: type[F]) -> list[F]:
        return [one for objects in self.objects.values() for one in objects.values() if isinstance(one, kind)]


class Writer:
    """Writes storage classes, on which no controller acts: one change of ours is one event."""

    def __init__(self, *, connection: Connection, session: aiohttp.ClientSession) -> None:
        self._connection = connection
        self._session = session

    async def send(self, method: str, path: str, content: Any = None, media: str = "application/json") -> Any:
        headers = {"Content-Type": media}
        if authorization := await self._connection.authorization():
            headers["Authorization"] = authorization
        async with self._session.request(
            method,
            self._connection.host + path,
            json=content,
            headers=headers,
            ssl=self._connection.ssl_context,
        ) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    async def create(self, name: str) -> None:
        metadata = {"name": name}
        await self.send(
            "POST", CLASSES, {"metadata": metadata, "provisioner": "example.com/test", "parameters": {"type": "a"}}
        )

    async def label(self, name: str) -> None:
        patch = {"metadata": {"labels": {"changed": "yes"}}}
        await self.send("PATCH", f"{CLASSES}/{name}", patch, "application/merge-patch+json")

    async def delete(self, name: str) -> None:
        await self.send("DELETE", f"{CLASSES}/{name}")


@contextlib.asynccontextmanager
async def simulated(folder: Path) -> AsyncIterator[Path]:
    """A kubeconfig for a simulated cluster."""
    cluster = SimulatedCluster(scenario=demo_scenario(), seed=1, clock=SystemClock())
    cluster.start()
    server = ApiServer(cluster=cluster, tokens=["t"])
    url = await server.start()
    try:
        yield write_kubeconfig(folder, url, user={"token": "t"})
    finally:
        await server.stop()


@pytest.fixture(params=["simulated", "real"])
async def kubeconfig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Path]:
    if request.param == "simulated":
        async with simulated(tmp_path) as path:
            yield path
    else:
        yield real_cluster()


def real_cluster() -> Path:
    path = os.environ.get("KUBE_COST_TEST_KUBECONFIG", "")
    if not path:
        raise parts.lacking(parts.CLUSTER)
    return Path(path)


@contextlib.asynccontextmanager
async def opened(kubeconfig: Path) -> AsyncIterator[tuple[ApiClient, Writer]]:
    """A client, and a writer, of a cluster."""
    connection = await load_connection(kubeconfig=str(kubeconfig), environ={}, clock=SystemClock(), log=LOG)
    async with (
        api_client(kubeconfig=str(kubeconfig), environ={}, clock=SystemClock(), log=LOG) as client,
        aiohttp.ClientSession() as session,
    ):
        yield client, Writer(connection=connection, session=session)


def watch_of(client: ApiClient, kept: Kept) -> ClusterWatch:
    return ClusterWatch(
        client=client,
        receiver=kept,
        gpus=DEFAULT_GPU_RESOURCES,
        kept_labels=frozenset({"app"}),
        counters=Counters(),
        clock=SystemClock(),
        log=LOG,
        times=WatchTimes(page_size=3),
    )


async def test_changes_arrive_once_and_in_order(kubeconfig: Path) -> None:
    """What is created, changed and deleted is told so many times, in that order."""
    prefix = f"kube-cost-test-{os.getpid()}"
    names = [f"{prefix}-{number}" for number in range(5)]
    kept = Kept()

    def told() -> list[str]:  # others may be using the same cluster
        return [entry for entry in kept.classes if prefix in entry]

    async with opened(kubeconfig) as (client, writer):
        watch = watch_of(client, kept)
        async with background(*watch.runs()):
            await eventually(lambda: not watch.unsynced)
            for name in names:
                await writer.create(name)
            await eventually(lambda: len(told()) >= 5)
            for name in names:
                await writer.label(name)
            for name in names:
                await writer.delete(name)
            await eventually(lambda: len(told()) >= 15)
            await asyncio.sleep(0.2)

    assert told() == [f"+ {name} a" for name in names] * 2 + [f"- {name}" for name in names]
    assert not watch.problems


async def test_all_kinds_are_followed(kubeconfig: Path) -> None:
    """Nodes have their shape, pods their node and their owner, which leads to the workload."""
    kept = Kept()
    async with opened(kubeconfig) as (client, _):
        watch = watch_of(client, kept)
        async with background(*watch.runs()):
            await eventually(lambda: not watch.unsynced)
    nodes, pods = kept.all(NodeFacts), kept.all(PodFacts)
    owners = {owner.uid: owner for owner in kept.all(OwnerFacts)}
    assert all(node.capacity.vcpu > 0 and node.capacity.memory_gib > 0 for node in nodes)
    assert {pod.node_name for pod in pods if pod.bound_ns} <= {node.name for node in nodes}
    replicated = [pod for pod in pods if pod.owner and pod.owner.kind == "ReplicaSet"]
    assert replicated
    workloads = [owners[pod.owner.uid].owner for pod in replicated if pod.owner]
    kinds = {workload.kind for workload in workloads if workload}
    assert "Deployment" in kinds
    assert kinds <= {"Deployment", "Rollout"}
    assert {namespace.name for namespace in kept.all(NamespaceFacts)} >= {pod.namespace for pod in pods}
    assert all(state.synced and state.last_event_ns for state in watch.states)


async def test_a_real_server_says_which_right_is_missing(tmp_path: Path) -> None:
    """A service account without any role: the sentence names verb and resource."""
    async with opened(real_cluster()) as (_, writer):
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = await writer.send("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", request)
        authority = writer._connection._configuration.ssl_ca_cert
        restricted = write_kubeconfig(
            tmp_path,
            writer._connection.host,
            user={"token": answer["status"]["token"]},
            cluster={"certificate-authority": authority},
        )
        async with opened(restricted) as (client, _):
            with pytest.raises(ForbiddenError, match="may not list nodes: add apiGroups"):
                await client.get(ApiRequest(verb="list", plural="nodes", group="", path="/api/v1/nodes"), seconds=10.0)


async def test_a_list_can_be_asked_for_in_the_middle_of_a_watch(kubeconfig: Path) -> None:
    """All kinds are listed again at once, over TLS too, and it is no failure."""
    kept = Kept()
    async with opened(kubeconfig) as (client, _):
        watch = watch_of(client, kept)
        async with background(*watch.runs()):
            await eventually(lambda: not watch.unsynced)
            kept.objects.clear()
            watch.relist()
            await eventually(lambda: len(kept.objects) == len(watch.states))
    assert not watch.problems
