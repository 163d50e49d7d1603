import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.clock import ManualClock, SystemClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.history import History
from kube_cost_simulator.live import LiveCluster, LiveSettings
from kube_cost_simulator.truth import samples, settle

Started = tuple[asyncio.subprocess.Process, dict[str, Any]]


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[Started]:
    """The simulator as a process, ready, and the line it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "kube_cost_simulator", "--directory", str(tmp_path), "--stop-with-stdin"),
        *("--history", str(tmp_path / "history.json"), "--seed", "3"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = await process.stdout.readline()
    yield process, json.loads(line)
    if process.returncode is None:
        process.kill()
        await process.wait()


def text(path: str) -> str:
    return Path(path).read_text()


def has_cgroup(root: str, uid: str) -> bool:
    return any(Path(root).rglob(f"*-pod{uid.replace('-', '_')}.slice/cpu.stat"))


async def test_a_running_simulator_can_be_followed_and_ends_with_its_history(started: Started, tmp_path: Path) -> None:
    """From the kubeconfig to running pods, from nodes.json to figures that agree, and SIGTERM ends it with code 0."""
    process, ready = started
    config = yaml.safe_load(text(ready["kubeconfig"]))
    token = config["users"][0]["user"]["token"]
    assert text(ready["token"]) == token
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session, asyncio.timeout(20):
        running = 0
        url = f"{config['clusters'][0]['cluster']['server']}/api/v1/pods?watch=1"
        async with session.get(url) as answer:
            async for line in answer.content:
                event = json.loads(line)
                running += event["object"]["status"]["phase"] == "Running"
                if running >= 5:
                    break
        nodes = json.loads(text(ready["nodes"]))
        assert len(nodes) == 4
        for node in nodes:
            async with session.get(f"{node['kubelet_url']}/stats/summary") as answer:
                summary = await answer.json()
            assert summary["node"]["nodeName"] == node["name"]
            assert "memory" in text(f"{node['cgroup_root']}/cgroup.controllers")
            assert all(has_cgroup(node["cgroup_root"], pod["podRef"]["uid"]) for pod in summary["pods"])
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await process.wait() == 0
    history = History.from_json(text(str(tmp_path / "history.json")))
    assert history.started_ns == ready["started_ns"]
    edges = [history.started_ns, history.through_ns]
    assert len(settle(history, {known.uid: samples(edges) for known in history.nodes}).nodes) >= 3


async def test_it_ends_with_its_parents_input(started: Started) -> None:
    """Closing its standard input ends it with code 0."""
    process, _ = started
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(10):
        assert await process.wait() == 0


async def test_a_taken_port_is_an_error(small: SimulatedCluster, clock: ManualClock, tmp_path: Path) -> None:
    """A live cluster on a port that somebody has raises OSError, and leaves nothing running."""
    server = ApiServer(cluster=small, tokens=["t"])
    port = int((await server.start()).rsplit(":", 1)[1])
    settings = LiveSettings(directory=tmp_path, seed=1, token="t", api_port=port)
    live = LiveCluster(scenario=small.scenario, settings=settings, clock=clock)
    with pytest.raises(OSError, match="in use"):
        await live.run(lambda _: None)
    await server.stop()


async def test_a_live_cluster_misbehaves_from_a_seed(small: SimulatedCluster, tmp_path: Path) -> None:
    """With a seed and hardly a gap requests soon meet faults, and faults.json counts them."""
    settings = LiveSettings(directory=tmp_path, seed=1, token="t", faults_seed=4, fault_gap_seconds=0.01)
    live = LiveCluster(scenario=small.scenario, settings=settings, clock=SystemClock())
    ready = asyncio.Event()
    where: dict[str, Any] = {}

    def announce(announced: dict[str, Any]) -> None:
        where.update(announced)
        ready.set()

    async def ask() -> None:
        await ready.wait()
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer t"}) as session:
            while live.faults.done.total() < 5:
                try:
                    async with asyncio.timeout(0.1), session.get(f"{where['api_server']}/api/v1/nodes") as answer:
                        await answer.read()
                except (aiohttp.ClientError, TimeoutError):
                    continue
        live.stop()

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(live.run(announce))
        group.create_task(ask())
    counted = json.loads((tmp_path / "faults.json").read_text())
    assert counted["api_server"] == live.faults.done
    assert live.faults.done.total() >= 5
