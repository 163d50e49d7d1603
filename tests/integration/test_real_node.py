"""The agent as a process beside a real kubelet, with the permissions it ships with, and what comes of its samples."""

import asyncio
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from harness.deployment import AGENT, AGGREGATOR, Account, installed
from harness.mesh import LiveMesh
from harness.nats import running_bus
from harness.real_cluster import STRATEGIC_PATCH, RealCluster, RefusedError, Scratch, until
from harness.real_mesh import ready_mesh, stored_samples
from harness.real_node import LocalNode, PodCgroup, local_node, running_pod
from harness.tiny_image import BUSY, STILL, load_tiny_image
from kube_cost_agent.kubelet import Kubelet, KubeletAddress, KubeletError
from kube_cost_agent.readings import Summary
from kube_cost_common.messages.usage import PodUsage
from kube_cost_common.runtime.clock import SystemClock

POD = "kube_cost_pod_hourly_usd"
NANO = Fraction(1, 1_000_000_000)

LIMIT_VCPU = 0.5
REQUEST_VCPU = Fraction("0.1")
SLACK_SECONDS = 1.0
"""How long after its stamp a reading may be taken on a machine that is busy, with the kernel's quota of each 0.1 s."""

WATCHED_SECONDS = 6.0
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class World:
    """A mesh over a real cluster with an agent on its node, and a pod there that takes all the CPU it may."""

    live: LiveMesh
    scratch: Scratch
    cluster: RealCluster
    node: LocalNode
    image: str
    agent: Account
    token_file: Path
    busy: dict[str, Any]

    @property
    def busy_uid(self) -> str:
        return str(self.busy["metadata"]["uid"])

    def kubelet(self) -> KubeletAddress:
        return KubeletAddress(
            url=self.node.kubelet_url,
            token_file=str(self.token_file),
            ca_file=self.node.ca_file,
            server_name=self.node.server_name,
            insecure=False,
            timeout_seconds=10.0,
        )

    def cost(self, pod: str) -> Fraction | None:
        return self.live.value(POD, namespace=self.scratch.namespace, pod=pod, node=self.node.name)

    def usd(self, vcpu: Fraction, mib: int) -> Fraction:
        """What so much costs on this node."""
        per_vcpu = self.live.value("kube_cost_node_cpu_hourly_usd", node=self.node.name)
        per_gib = self.live.value("kube_cost_node_memory_hourly_usd", node=self.node.name)
        assert per_vcpu is not None
        assert per_gib is not None
        return vcpu * per_vcpu + Fraction(mib, 1024) * per_gib


def pod_of(name: str, node: str, image: str, program: str, *, cpu: str) -> dict[str, Any]:
    """A pod that may use half a core; its probe finds nobody, which is traffic all the same."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "app",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": [program],
                    "resources": {
                        "requests": {"cpu": cpu, "memory": "16Mi"},
                        "limits": {"cpu": "500m", "memory": "16Mi"},
                    },
                    "readinessProbe": {"tcpSocket": {"port": 9}, "periodSeconds": 1, "timeoutSeconds": 1},
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def world(
    cluster: RealCluster, scratch: Scratch, kubectl: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("mesh")
    node = local_node(cluster, folder)
    image = load_tiny_image(folder)
    accounts = installed(scratch, kubectl, tmp_path_factory.mktemp("overlay"))
    path = scratch.make(pod_of("busy", node.name, image, BUSY, cpu="100m"))
    until(lambda: running_pod(path, cluster), "the busy pod runs")
    token_file = folder / "token"
    token_file.write_text(accounts[AGENT].token())
    with ready_mesh(folder, accounts[AGGREGATOR].kubeconfig(folder)) as live:
        live.mesh.start_agent(
            node.name,
            {
                "KUBE_COST_KUBELET_URL": node.kubelet_url,
                "KUBE_COST_KUBELET_CA_FILE": node.ca_file,
                "KUBE_COST_KUBELET_SERVER_NAME": node.server_name,
                "KUBE_COST_KUBELET_TOKEN_FILE": str(token_file),
            },
        )
        live.wait(lambda: live.value("kube_cost_agents_connected"), "the agent is heard")
        yield World(live, scratch, cluster, node, image, accounts[AGENT], token_file, running_pod(path, cluster) or {})


async def test_a_busy_pods_cpu_is_what_its_cgroup_says(world: World) -> None:
    """Between two samples it has used what the test itself reads around them, less what the edges may hold."""
    clock, cgroup = SystemClock(), PodCgroup(world.busy_uid)
    began_ns, before = clock.now_ns(), cgroup.cpu_seconds()
    first = await read_after(world, began_ns)
    second = await read_after(world, first.last_ns + int(WATCHED_SECONDS * 1e9))
    after, ended_ns = cgroup.cpu_seconds(), clock.now_ns()

    seconds = (second.last_ns - first.last_ns) / 1e9
    used = second.cpu_seconds - first.cpu_seconds
    edges_seconds = (ended_ns - began_ns) / 1e9 - seconds
    print(f"busy pod: {used / seconds:.4f} vCPU over {seconds:.1f} s of samples, limit {LIMIT_VCPU} vCPU")
    assert before <= first.cpu_seconds <= second.cpu_seconds <= after
    assert (after - before) - used <= LIMIT_VCPU * (edges_seconds + SLACK_SECONDS)
    assert used <= LIMIT_VCPU * (seconds + SLACK_SECONDS)


def test_a_busy_pod_costs_more_than_its_request(world: World) -> None:
    """Its rate is that of what it uses: beyond a tenth of a core, and not beyond the half that it may."""
    request = world.usd(REQUEST_VCPU, 16)
    world.live.wait(lambda: (world.cost("busy") or 0) > 2 * request, "the busy pod costs more than twice its request")
    cost = world.cost("busy")
    assert cost is not None
    print(f"busy pod: {float(cost):.6f} USD an hour, by its request {float(request):.6f}")
    assert cost <= world.usd(Fraction("0.55"), 16)


async def test_all_running_pods_are_sampled_by_name(world: World) -> None:
    """Each pod that the API server says runs on the node is in a sample with its namespace and name."""

    def running() -> set[tuple[str, str]]:
        selector = f"fieldSelector=spec.nodeName={world.node.name},status.phase=Running"
        pods = [pod["metadata"] for pod in world.cluster.get(f"/api/v1/pods?{selector}")["items"]]
        return {(meta["namespace"], meta["name"]) for meta in pods if "deletionTimestamp" not in meta}

    before, began_ns = running(), SystemClock().now_ns()
    sampled = {(pod.namespace, pod.name) for pod in await pods_after(world, began_ns)}
    assert (world.scratch.namespace, "busy") in sampled
    assert before & running() <= sampled


async def test_network_arrives(world: World) -> None:
    """The kubelet's probe of a port that nobody listens on is answered by the pod's kernel: bytes either way."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        busy = await read_after(world, 0)
        while not (busy.receive_bytes and busy.transmit_bytes):
            busy = await read_after(world, busy.last_ns + 1)
    assert busy.name == "busy"


async def test_the_aggregator_takes_the_agents_samples(world: World) -> None:
    """None is refused, and the node is settled by them."""
    world.live.wait(lambda: world.live.value("kube_cost_samples_received_total"), "samples are received")
    assert sum(metric.value for metric in world.live.metrics("kube_cost_samples_rejected_total")) == 0
    assert world.live.value("kube_cost_agent_last_sample_timestamp_seconds", node=world.node.name)
    assert world.live.value("kube_cost_errors_total", component="agent", error_type="kubernetes_watch") is None


async def test_the_agents_account_gets_the_summary(world: World) -> None:
    """With `get nodes/stats` and nothing else, over a verified connection, the pods of the node are told."""
    summary = await summary_by(world.kubelet())
    assert world.busy_uid in {pod.uid for pod in summary.pods}


@pytest.mark.parametrize("path", ["/pods", "/configz", "/metrics", "/runningpods/", "/containerLogs/a/b/c"])
def test_the_kubelet_refuses_the_agents_account_the_rest(world: World, path: str) -> None:
    """What stands behind nodes/proxy, and what else a kubelet tells, isn't the agent's."""
    tls = ssl.create_default_context(cafile=world.node.ca_file)
    headers = {"Authorization": f"Bearer {world.agent.token()}"}
    request = urllib.request.Request(world.node.kubelet_url + path, headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, timeout=10, context=tls):
        pass
    with refused.value as answer:
        assert answer.code == 403


def test_the_api_server_refuses_the_agents_account_its_proxy(world: World, tmp_path: Path) -> None:
    """The way round by the API server needs nodes/proxy, which the agent hasn't."""
    as_agent = RealCluster(world.agent.kubeconfig(tmp_path))
    with pytest.raises(RefusedError, match="nodes/proxy") as refused:
        as_agent.get(f"/api/v1/nodes/{world.node.name}/proxy/stats/summary")
    assert refused.value.status == 403


async def test_an_account_without_the_role_is_refused(world: World, tmp_path: Path) -> None:
    """The error says which permission is missing."""
    token_file = tmp_path / "token"
    token_file.write_text(world.cluster.token(world.scratch.namespace, "default"))
    with pytest.raises(KubeletError, match="needs `get` on `nodes/stats`") as refused:
        await summary_by(replace(world.kubelet(), token_file=str(token_file)))
    assert refused.value.reason == "refused"


@pytest.mark.parametrize("wrong", [{"ca_file": ""}, {"server_name": "somebody.else"}], ids=["authority", "name"])
async def test_a_certificate_of_anothers_is_refused(world: World, wrong: dict[str, Any]) -> None:
    """One that the authorities of this machine didn't sign, or that has another name: no token is shown to it."""
    with pytest.raises(KubeletError, match="isn't trusted") as refused:
        await summary_by(replace(world.kubelet(), **wrong))
    assert refused.value.reason == "tls"


def test_a_resize_by_a_real_kubelet_moves_the_cost(world: World) -> None:
    """More at once; less as soon as the kubelet has done it."""
    path = world.scratch.make(pod_of("still", world.node.name, world.image, STILL, cpu="50m"))

    def resize(cpu: str) -> None:
        resources = {"resources": {"requests": {"cpu": cpu}}}
        spec = {"containers": [{"name": "app"} | resources]}
        world.cluster.patch(f"{path}/resize", {"spec": spec}, STRATEGIC_PATCH)

    def actual() -> str:
        (status,) = world.cluster.get(path)["status"].get("containerStatuses", [{}])
        return str(status.get("resources", {}).get("requests", {}).get("cpu"))

    def costs(cpu: Fraction) -> None:
        expected = world.usd(cpu, 16)
        world.live.wait(
            lambda: (cost := world.cost("still")) is not None and abs(cost - expected) <= 2 * NANO,
            f"it costs what {cpu} vCPU do",
        )

    until(lambda: actual() == "50m", "the kubelet says what it gave")
    costs(Fraction("0.05"))
    for cpu in ("150m", "50m"):
        resize(cpu)
        until(lambda cpu=cpu: actual() == cpu, f"the kubelet has done the resize to {cpu}")  # type: ignore[misc]
        costs(Fraction(cpu.removesuffix("m")) / 1000)


def test_a_deleted_pod_costs_nothing(world: World) -> None:
    """Once the kubelet has ended it, it is gone from /metrics."""
    path = world.scratch.make(pod_of("short", world.node.name, world.image, STILL, cpu="50m"))
    world.live.wait(lambda: world.cost("short"), "it has a cost")
    world.cluster.send("DELETE", path)
    world.live.wait(lambda: world.cost("short") is None, "it has none")


async def summary_by(address: KubeletAddress) -> Summary:
    """What the kubelet says to an agent with these settings."""
    async with aiohttp.ClientSession() as session:
        return await Kubelet(address=address, session=session).summary()


async def pods_after(world: World, moment_ns: int) -> list[PodUsage]:
    """The pods of the first sample that began after that moment of the node's clock."""
    async with running_bus(f"nats://127.0.0.1:{world.live.mesh.nats_port}") as bus, asyncio.timeout(DEADLINE_SECONDS):
        while True:
            for sample in await stored_samples(bus):
                if sample.start_ns >= moment_ns and sample.seq > 0:
                    return sample.pods
            await asyncio.sleep(0.1)


async def read_after(world: World, moment_ns: int) -> PodUsage:
    """The busy pod in the first sample that began after that moment."""
    return next(pod for pod in await pods_after(world, moment_ns) if pod.uid == world.busy_uid)
