"""The agent's rounds in this process, on a tree of files and a kubelet that comes and goes."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import structlog
from aiohttp import web

from harness.nats import free_port, new_bus
from kube_cost_agent.agent import Agent
from kube_cost_agent.cgroup_layout import CgroupTreeNotFoundError
from kube_cost_agent.cgroups import CgroupReader
from kube_cost_agent.kubelet import Kubelet, KubeletAddress
from kube_cost_agent.machine import UNKNOWN_MACHINE
from kube_cost_agent.publisher import Publisher
from kube_cost_agent.session import CurrentSession
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters, Problems, Readiness


@dataclass(frozen=True)
class _Parts:
    agent: Agent
    publisher: Publisher
    counters: Counters
    problems: Problems
    readiness: Readiness
    root: Path
    kubelet_port: int
    boot_id_file: Path

    def errors(self) -> dict[str, float]:
        return {
            reading.labels["error_type"]: reading.value
            for reading in self.counters.counts()
            if reading.name == "kube_cost_errors_total"
        }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "cgroup"
    for path in ("", "kubepods", "kubepods/burstable", "kubepods/besteffort"):
        (root / path).mkdir(parents=True)
        (root / path / "cpu.stat").write_text("usage_usec 1\n")
        (root / path / "memory.current").write_text("1\n")
        (root / path / "memory.stat").write_text("inactive_file 0\n")
    (root / "cgroup.controllers").write_text("cpu memory\n")
    return root


@pytest.fixture
async def parts(root: Path, tmp_path: Path) -> AsyncIterator[_Parts]:
    clock, log = SystemClock(), structlog.get_logger()
    counters, problems = Counters(), Problems()
    readiness = Readiness({"cgroups": "no cgroups", "sample": "no sample"})
    session = CurrentSession(clock=clock, cluster="c", node="n", boot_id="first", machine=UNKNOWN_MACHINE)
    (tmp_path / "boot_id").write_text("first\n")
    port = free_port()
    publisher = Publisher(
        bus=new_bus("nats://127.0.0.1:1"),
        clock=clock,
        now_ns=session.now_ns,
        counters=counters,
        problems=problems,
        log=log,
        on_stored=lambda: None,
    )
    async with aiohttp.ClientSession() as http:
        address = KubeletAddress(
            url=f"http://127.0.0.1:{port}",
            token_file="",
            ca_file="",
            server_name="",
            insecure=False,
            timeout_seconds=5.0,
        )
        agent = Agent(
            cgroups=CgroupReader(root=root, sysfs_root=tmp_path, max_open_files=0),
            kubelet=Kubelet(address=address, session=http),
            publisher=publisher,
            session=session,
            boot_id_file=tmp_path / "boot_id",
            readiness=readiness,
            counters=counters,
            problems=problems,
            log=log,
        )
        yield _Parts(agent, publisher, counters, problems, readiness, root, port, tmp_path / "boot_id")


@asynccontextmanager
async def _running_kubelet(port: int) -> AsyncIterator[None]:
    async def summary(_: web.Request) -> web.Response:
        return web.json_response({"node": {}, "pods": []})

    app = web.Application()
    app.router.add_get("/stats/summary", summary)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


async def test_the_first_look_is_followed_by_a_sample_and_the_next_ones_are_not(parts: _Parts) -> None:
    """Usage counts from the first sample, so it isn't waited for; later ones come by the interval."""
    await parts.agent.read()
    await parts.agent.read()
    assert parts.publisher.waiting == 1
    assert parts.readiness.missing == ["no sample"]


async def test_a_kubelet_that_is_away_is_logged_once_and_counted_each_time(parts: _Parts) -> None:
    """First failure and recovery are logged, each failure is counted, and samples are made all the while."""
    with structlog.testing.capture_logs() as entries:
        for _ in range(3):
            await parts.agent.sample()
        assert parts.errors() == {"kubernetes_watch": 3}
        assert len(parts.problems.sentences()) == 1
        async with _running_kubelet(parts.kubelet_port):
            for _ in range(2):
                await parts.agent.sample()
    assert [entry["event"] for entry in entries] == ["kubelet can't be asked", "kubelet answers again"]
    assert parts.problems.sentences() == []
    assert parts.publisher.waiting == 5


async def test_without_cgroups_there_is_no_sample(parts: _Parts) -> None:
    """Totals that weren't read aren't sent as if nothing had been used."""
    shutil.rmtree(parts.root / "kubepods")
    with pytest.raises(CgroupTreeNotFoundError) as caught:
        await parts.agent.sample()
    parts.agent.cgroups_failed(caught.value)
    assert parts.publisher.waiting == 0
    assert parts.errors()["config"] == 1
    assert any("cgroups can't be read" in problem for problem in parts.problems.sentences())


async def test_a_kernel_that_was_booted_anew_begins_a_session(parts: _Parts) -> None:
    """The next sample after another boot id is of a new session, and it is said."""
    with structlog.testing.capture_logs() as entries:
        await parts.agent.sample()
        parts.boot_id_file.write_text("second\n")
        await parts.agent.sample()
    assert "the kernel was booted anew" in [entry["event"] for entry in entries]
