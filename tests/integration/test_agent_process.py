"""The agent as a process, on a tree of files, a kubelet and a bus."""

import asyncio
import base64
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from harness.nats import NatsServer, free_port, running_bus, running_nats
from kube_cost_agent.machine import read_machine
from kube_cost_common.messages.codec import RecordDecoder
from kube_cost_common.messages.names import STATUS_SUBJECTS
from kube_cost_common.messages.status import StatusReport
from kube_cost_common.messages.streams import STREAMS, USAGE
from kube_cost_common.messages.usage import UsageSample
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.declarations import declare

_UID = "6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e"
_DEADLINE_SECONDS = 60.0


class _Node:
    """A node's cgroup tree of ordinary files, and its kubelet."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cgroup"
        self.kubelet_port = 0
        self.kubelet_answers = True

    def write(self, path: str, *, cpu_usec: int = 0, memory_bytes: int = 0) -> None:
        folder = self.root / path
        folder.mkdir(parents=True, exist_ok=True)
        files = {
            "cpu.stat": f"usage_usec {cpu_usec}\n",
            "memory.current": f"{memory_bytes}\n",
            "memory.stat": "inactive_file 0\n",
            "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n",
        }
        for name, text in files.items():
            (folder / f".{name}").write_text(text)
            (folder / f".{name}").rename(folder / name)

    def make(self) -> None:
        for path in ("", "kubepods", "kubepods/burstable", "kubepods/besteffort"):
            self.write(path)
        (self.root / "cgroup.controllers").write_text("cpu io memory\n")
        self.write(f"kubepods/burstable/pod{_UID}", cpu_usec=1_500_000, memory_bytes=2**20)

    async def summary(self, _: web.Request) -> web.Response:
        if not self.kubelet_answers:
            return web.Response(status=503)
        time = "2026-06-26T10:01:00Z"
        pod = {
            "podRef": {"name": "web-0", "namespace": "shop", "uid": _UID},
            "network": {"time": time, "name": "eth0", "rxBytes": 5, "txBytes": 7},
            "ephemeral-storage": {"time": time, "usedBytes": 4096},
        }
        node = {"network": {"time": time, "name": "eth0", "rxBytes": 10**9, "txBytes": 10**9}}
        return web.Response(body=json.dumps({"node": node, "pods": [pod]}).encode())


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[_Node]:
    node = _Node(tmp_path)
    node.make()
    app = web.Application()
    app.router.add_get("/stats/summary", node.summary)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        node.kubelet_port = runner.addresses[0][1]
        yield node
    finally:
        await runner.cleanup()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    (tmp_path / "nats").mkdir()
    async with running_nats(tmp_path / "nats") as running:
        yield running


class _Process:
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as response:
            return response.status, await response.text()

    async def until_ready(self) -> None:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            while True:
                try:
                    status, _ = await self.get("/readyz")
                except aiohttp.ClientError:
                    status = 0
                if status == 200:
                    return
                await asyncio.sleep(0.05)

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_DEADLINE_SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def _running_agent(node: _Node, server: NatsServer, **settings: str) -> AsyncIterator[_Process]:
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KUBE_COST_")}
    environ |= {
        "KUBE_COST_NODE_NAME": "node-1.example",
        "KUBE_COST_INTERVAL_SECONDS": "1",
        "KUBE_COST_READ_INTERVAL_SECONDS": "0.2",
        "KUBE_COST_CGROUP_ROOT": str(node.root),
        "KUBE_COST_KUBELET_URL": f"http://127.0.0.1:{node.kubelet_port}",
        "KUBE_COST_NATS_URL": server.url,
        "KUBE_COST_LISTEN_HOST": "127.0.0.1",
        "KUBE_COST_LISTEN_PORT": str(port),
        **settings,
    }
    token = node.root.parent / "token"
    token.write_text("t")
    environ["KUBE_COST_KUBELET_TOKEN_FILE"] = str(token)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "kube_cost_agent.main", env=environ)
    try:
        yield _Process(process, port)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _samples(bus: Bus) -> list[UsageSample]:
    state = (await bus.api(f"STREAM.INFO.{USAGE.name}"))["state"]
    decoder = RecordDecoder(UsageSample)
    found = []
    for sequence in range(state["first_seq"], state["last_seq"] + 1):
        answer = await bus.api(f"STREAM.MSG.GET.{USAGE.name}", {"seq": sequence})
        found.append(decoder.decode(base64.b64decode(answer["message"]["data"])))
    return found


async def _until_stored(bus: Bus, count: int) -> list[UsageSample]:
    async with asyncio.timeout(_DEADLINE_SECONDS):
        while True:
            if len(samples := await _samples(bus)) >= count:
                return samples
            await asyncio.sleep(0.05)


async def test_the_first_sample_is_stored_at_once_and_makes_the_agent_ready(node: _Node, server: NatsServer) -> None:
    """With an interval of 5 minutes, the totals from which usage counts are on the bus within moments."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        async with _running_agent(node, server, KUBE_COST_INTERVAL_SECONDS="300") as agent:
            await agent.until_ready()
            (sample,) = await _samples(bus)
    assert (sample.node, sample.cluster, sample.seq) == ("node-1.example", "default", 0)
    assert sample.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()  # noqa: ASYNC240 - procfs
    assert (sample.vcpu, sample.memory_bytes) == read_machine()
    assert sample.vcpu > 0
    assert {root.name for root in sample.roots} == {"node", "kubepods", "burstable", "besteffort"}
    (pod,) = sample.pods
    assert (pod.uid, pod.namespace, pod.name, pod.cpu_seconds) == (_UID, "shop", "web-0", 1.5)
    assert (pod.receive_bytes, pod.transmit_bytes, pod.read_bytes, pod.write_operations) == (5, 7, 1, 4)


async def test_samples_follow_each_other_over_an_outage_of_the_bus(node: _Node, server: NatsServer) -> None:
    """The bus is killed and comes back: every sample is stored once, in order, each from where the last one ended."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        async with _running_agent(node, server) as agent:
            await agent.until_ready()
            await server.kill()
            await asyncio.sleep(2.5)
            status, said = await agent.get("/readyz")
            await server.start()
            await bus.wait_connected()
            await _until_stored(bus, 6)
            assert await agent.stop() == 0
        samples = await _samples(bus)
    assert status == 200, said
    assert [sample.seq for sample in samples] == list(range(len(samples)))
    assert all(later.start_ns == earlier.end_ns for earlier, later in itertools.pairwise(samples))
    assert len({sample.session for sample in samples}) == 1


async def test_the_last_sample_is_sent_at_the_end(node: _Node, server: NatsServer) -> None:
    """What was used since the last sample is sent when the agent is told to stop."""
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        async with _running_agent(node, server, KUBE_COST_INTERVAL_SECONDS="300") as agent:
            await agent.until_ready()
            node.write(f"kubepods/burstable/pod{_UID}", cpu_usec=9_000_000, memory_bytes=2**20)
            assert await agent.stop() == 0
        samples = await _samples(bus)
    assert samples[-1].pods[0].cpu_seconds == 9.0
    assert samples[-1].pods[0].memory_byte_seconds > 0


async def test_without_a_kubelet_cgroups_are_sampled_with_what_was_last_known(node: _Node, server: NatsServer) -> None:
    """Names and network are unknown, known, then the last known; the agent is ready all the time and says why."""
    node.kubelet_answers = False
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        async with _running_agent(node, server) as agent:
            await agent.until_ready()
            unknown = (await _samples(bus))[0].pods[0]
            status, said = await agent.get("/readyz")
            node.kubelet_answers = True
            samples = await _until_stored(bus, len(await _samples(bus)) + 3)
            node.kubelet_answers = False
            later = await _until_stored(bus, len(samples) + 3)
    assert (unknown.name, unknown.receive_bytes, unknown.cpu_seconds) == ("", None, 1.5)
    assert status == 200
    assert "/stats/summary answered 503" in said
    for pod in (samples[-1].pods[0], later[-1].pods[0]):
        assert (pod.name, pod.transmit_bytes) == ("web-0", 7)


async def test_the_agent_reports_its_status_as_soon_as_there_is_a_bus(node: _Node, server: NatsServer) -> None:
    """The first report comes with the connection, and a start counts no error."""
    decoder = RecordDecoder(StatusReport)
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        reports = bus.subscribe(STATUS_SUBJECTS)

        async def first_report() -> bytes:
            async for _, payload in reports:
                return payload
            raise AssertionError("the bus was closed")

        async with asyncio.timeout(_DEADLINE_SECONDS), asyncio.TaskGroup() as group:
            first = group.create_task(first_report())
            await asyncio.sleep(0.2)
            async with _running_agent(node, server) as agent:
                payload = await first
                await agent.until_ready()
                assert await agent.stop() == 0
    report = decoder.decode(payload)
    assert (report.component, report.node) == ("agent", "node-1.example")
    assert report.instance.startswith("node-1.example-")
    assert report.counters == []


async def test_without_cgroups_the_agent_lives_and_is_not_ready(node: _Node, server: NatsServer) -> None:
    """Liveness at once; readiness says what is missing, and comes when the tree does."""
    kubepods = node.root / "kubepods"
    kubepods.rename(node.root / "away")
    async with running_bus(server.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        async with _running_agent(node, server) as agent:
            said: list[str] = []

            async def ask() -> None:
                while not said:
                    try:
                        status, text = await agent.get("/readyz")
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.05)
                        continue
                    assert status == 503
                    if "problem" in text:
                        said.append(text)
                    await asyncio.sleep(0.05)

            async with asyncio.timeout(_DEADLINE_SECONDS):
                await ask()
            assert (await agent.get("/healthz"))[0] == 200
            (node.root / "away").rename(kubepods)
            await agent.until_ready()
    assert "the cgroups haven't been read yet" in said[0]
    assert "no kubepods cgroup below" in said[0]
