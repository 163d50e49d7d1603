"""The agent as a process, on one node with many pods: simulated cgroups, or the kernel's own where they can be made."""

import asyncio
import json
import os
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.nats import running_bus
from kube_cost_common.messages.streams import STREAMS
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare
from kube_cost_demo.mesh import Mesh, Pace, SimulatedNode, free_port
from kube_cost_demo.processes import Processes
from perf.measuring import Figure, ProcessMeter, busy_share, machine_cpu, quantile
from perf.one_node import TOKEN

PODS = 250
SETTLE_SECONDS = 10.0
CGROUP = Path("/sys/fs/cgroup")


def measure(*, seconds: float, interval: float) -> Iterator[Figure]:
    """Run it on the simulated tree, and on real cgroups if there are any to be had."""
    with _parts(interval) as (processes, mesh, node):
        yield from _one(processes, mesh, node, {}, "simulated cgroup v2", seconds)
        with real_cgroups(mesh.folder) as root:
            if root is not None:
                settings = {"KUBE_COST_CGROUP_ROOT": str(root)}
                yield from _one(processes, mesh, node, settings, "the kernel's cgroups", seconds)


def _one(
    processes: Processes, mesh: Mesh, node: SimulatedNode, settings: dict[str, str], what: str, seconds: float
) -> Iterator[Figure]:
    token = str(mesh.folder / "cluster" / "token")
    agent = mesh.start_agent(
        node.name,
        {
            "KUBE_COST_CGROUP_ROOT": node.cgroup_root,
            "KUBE_COST_KUBELET_URL": node.kubelet_url,
            "KUBE_COST_KUBELET_TOKEN_FILE": token,
            **settings,
        },
    )
    meter, clock = ProcessMeter(agent.pid), SystemClock()
    processes.pause(SETTLE_SECONDS)
    rss = []
    busy, before, started = machine_cpu(), meter.cpu_seconds(), clock.monotonic()
    while clock.monotonic() - started < seconds:
        processes.pause(1.0)
        rss.append(meter.rss_mib())
    millicores = (meter.cpu_seconds() - before) * 1000 / (clock.monotonic() - started)
    memory = f"{quantile(rss, 0.5):.0f} / {meter.peak_mib():.0f}"
    yield Figure(name=f"{what}: memory (RSS) steady / peak, MiB", value=memory, goal="≤ 48 (50 MB)")
    yield Figure(name=f"{what}: CPU, millicores", value=f"{millicores:.1f}", goal="≤ 5")
    yield Figure(name=f"{what}: how busy the machine was meanwhile", value=f"{busy_share(busy, machine_cpu()):.0%}")
    agent.stop()
    processes.forget(agent)


@contextmanager
def _parts(interval: float) -> Iterator[tuple[Processes, Mesh, SimulatedNode]]:
    with (
        tempfile.TemporaryDirectory(prefix="kube-cost-perf-") as name,
        Processes(logs=Path(name) / "logs") as processes,
    ):
        folder = Path(name)
        pace = Pace(interval_seconds=interval, read_seconds=5.0)
        mesh = Mesh(processes=processes, folder=folder, port=free_port(), pace=pace)
        mesh.start_bus()
        command = [sys.executable, "-m", "perf.one_node", "--pods", str(PODS), "--folder", str(folder / "cluster")]
        tests = {"PYTHONPATH": str(Path(__file__).parents[1])}
        processes.start("node", command, tests, read_output=True).first_line()
        asyncio.run(_declare(f"nats://127.0.0.1:{mesh.nats_port}"))
        assert (folder / "cluster" / "token").read_text() == TOKEN
        yield processes, mesh, _node(folder / "cluster")


def _node(folder: Path) -> SimulatedNode:
    (node,) = json.loads((folder / "nodes.json").read_text())
    return SimulatedNode(name=node["name"], cgroup_root=node["cgroup_root"], kubelet_url=node["kubelet_url"])


async def _declare(url: str) -> None:
    async with running_bus(url) as bus:
        await declare(bus, streams=STREAMS, buckets=())


@contextmanager
def real_cgroups(folder: Path) -> Iterator[Path | None]:
    """Cgroups of as many pods with a container each, in a tree of their own; the root that an agent reads, or None.

    Nothing runs in them: what is measured is the reading.
    """
    own = f"kube-cost-perf-{os.getpid()}"
    if (CGROUP / "cgroup.controllers").exists():
        root, trees = CGROUP / own, [CGROUP / own]
    else:
        names = ("cpuacct" if (CGROUP / "cpuacct").is_dir() else "cpu,cpuacct", "memory", "blkio")
        root, trees = folder / "cgroup", [CGROUP / name / own for name in names]
        root.mkdir()
        for name, tree in zip(names, trees, strict=True):
            (root / name).symlink_to(tree)
    made: list[Path] = []
    try:
        try:
            for tree in trees:
                for path in _cgroup_paths():
                    (tree / path).mkdir()
                    made.append(tree / path)
        except OSError:
            yield None
        else:
            yield root
    finally:
        for cgroup in reversed(made):
            cgroup.rmdir()


def _cgroup_paths() -> Iterator[str]:
    yield from ("", "kubepods", "kubepods/burstable", "kubepods/besteffort")
    for number in range(PODS):
        pod = f"kubepods/burstable/pod{uuid.UUID(int=number)}"
        yield pod
        yield f"{pod}/{number:064x}"
