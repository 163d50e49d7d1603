"""A simulated cluster in real time, in one process: API server, kubelets, cgroup trees, churn."""

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kube_cost_simulator.apiserver import ApiServer
from kube_cost_simulator.cgroups import CgroupWriter
from kube_cost_simulator.clock import Clock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.faults import ApiServerFaults
from kube_cost_simulator.kubelet_faults import KubeletFaults
from kube_cost_simulator.names import Names
from kube_cost_simulator.node_servers import NodeServers
from kube_cost_simulator.scenario import Scenario
from kube_cost_simulator.store import StoreEvent

Json = dict[str, Any]

HISTORY_SECONDS = 2.0
# A history grows: writing it may take at most this part of the time.
HISTORY_SHARE = 0.02


@dataclass(frozen=True)
class LiveSettings:
    """Where and how a cluster runs. Port 0 is any free one; a TLS context makes a server speak https.

    `api_authority` is the file that clients check the API server's certificate with. kubectl sends a token over https
    alone, other clients over http too. With a `faults_seed` API server and kubelets misbehave at random, each about
    once every `fault_gap_seconds`; what they did is counted in `faults.json`.
    """

    directory: Path
    seed: int
    token: str
    tick_seconds: float = 0.2
    history_file: Path | None = None
    api_port: int = 0
    api_tls: ssl.SSLContext | None = None
    api_authority: Path | None = None
    kubelet_tls: ssl.SSLContext | None = None
    kubelet_lag_seconds: int = 0
    faults_seed: int | None = None
    fault_gap_seconds: float = 10.0


class LiveCluster:
    """Runs a scenario until it is told to stop."""

    def __init__(self, *, scenario: Scenario, settings: LiveSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.cluster = SimulatedCluster(scenario=scenario, seed=settings.seed, clock=clock)
        self._writer = CgroupWriter(directory=settings.directory / "cgroups", cluster=self.cluster)
        faults_chance = Names(seed=settings.faults_seed or 0).chance
        self.faults = ApiServerFaults(chance=faults_chance("API server"), clock=clock)
        self.kubelet_faults = KubeletFaults(chance=faults_chance("kubelets"), clock=clock)
        self._server = ApiServer(
            cluster=self.cluster,
            tokens=[settings.token],
            port=settings.api_port,
            tls=settings.api_tls,
            middlewares=[self.faults.misbehave],
        )
        self._servers = NodeServers(
            cluster=self.cluster,
            tokens=[settings.token],
            tls=settings.kubelet_tls,
            lag_seconds=settings.kubelet_lag_seconds,
            middleware_of=self.kubelet_faults.of_node,
        )
        self._wake = asyncio.Event()
        self._stopping = False
        self._history_due = 0.0
        self._faults_written = 0

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping = True
        self._wake.set()

    async def run(self, ready: Callable[[Json], None]) -> None:
        """Run the cluster; calls `ready` with where everything is as soon as it is there. OSError if it can't be."""
        self._settings.directory.mkdir(parents=True, exist_ok=True)
        self.cluster.start()
        self._writer.write(self.cluster.now_ns)
        self._writer.follow()
        self.cluster.store.listen(self._changed)
        try:
            url = await self._server.start()
            await self._follow_nodes()
            if self._settings.faults_seed is not None:
                self.faults.at_random(mean_gap_seconds=self._settings.fault_gap_seconds)
                self.kubelet_faults.at_random(mean_gap_seconds=self._settings.fault_gap_seconds)
            ready(self._announced(url))
            await self._drive()
        finally:
            self._write_history(at_end=True)
            self._write_faults()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._server.stop(), name="stop API server")
                group.create_task(self._servers.stop(), name="stop the nodes' servers")

    def _changed(self, _: StoreEvent) -> None:
        self._wake.set()

    async def _drive(self) -> None:
        """Advance the cluster whenever something is due, and rewrite the trees every tick."""
        tick_due = self._clock.monotonic()
        while not self._stopping:
            self._wake.clear()
            self.cluster.advance()
            if self._clock.monotonic() >= tick_due:
                self._writer.write(self.cluster.now_ns)
                tick_due += self._settings.tick_seconds
                # A tick that was missed isn't made up for.
                tick_due = max(tick_due, self._clock.monotonic())
            self._write_history()
            self._write_faults()
            if self._servers.behind:
                await self._follow_nodes()
            self._wake.clear()
            due_ns = self.cluster.agenda.next_ns
            pause = tick_due - self._clock.monotonic()
            if due_ns is not None:
                pause = min(pause, (due_ns - self._clock.now_ns()) / 1e9)
            try:
                async with asyncio.timeout(max(pause, 0.001)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _follow_nodes(self) -> None:
        """Servers for every node that an agent may run on, and a file that says where they are."""
        await self._servers.follow()
        nodes = []
        for name, addresses in self._servers.addresses.items():
            node = {"name": name, "cgroup_root": str(self._writer.root(name)), "kubelet_url": addresses.kubelet_url}
            nodes.append(node if addresses.dcgm_url is None else {**node, "dcgm_url": addresses.dcgm_url})
        replace_file(self._settings.directory / "nodes.json", json.dumps(nodes, indent=1) + "\n")

    def _announced(self, url: str) -> Json:
        directory = self._settings.directory
        replace_file(directory / "token", self._settings.token, mode=0o600)
        replace_file(
            directory / "kubeconfig", kubeconfig(url, self._settings.token, self._settings.api_authority), mode=0o600
        )
        return {
            "ready": True,
            "api_server": url,
            "kubeconfig": str(directory / "kubeconfig"),
            "token": str(directory / "token"),
            "nodes": str(directory / "nodes.json"),
            "seed": self._settings.seed,
            "started_ns": self.cluster.history.started_ns,
        }

    def _write_faults(self) -> None:
        """What was done, if it is more than what was written."""
        done = self.faults.done.total() + self.kubelet_faults.done.total()
        if done != self._faults_written:
            counted = {"api_server": self.faults.done, "kubelets": self.kubelet_faults.done}
            replace_file(self._settings.directory / "faults.json", json.dumps(counted, indent=1) + "\n")
            self._faults_written = done

    def _write_history(self, *, at_end: bool = False) -> None:
        now = self._clock.monotonic()
        if self._settings.history_file is None or (now < self._history_due and not at_end):
            return
        replace_file(self._settings.history_file, self.cluster.history.to_json())
        took = self._clock.monotonic() - now
        self._history_due = now + max(HISTORY_SECONDS, took / HISTORY_SHARE)


def replace_file(path: Path, content: str, mode: int = 0o644) -> None:
    """Write a file that no reader sees half written."""
    staged = path.with_name(f".{path.name}.staged")
    staged.write_text(content)
    staged.chmod(mode)
    staged.rename(path)


def kubeconfig(url: str, token: str, authority: Path | None = None) -> str:
    """A kubeconfig, as YAML, for an API server, a bearer token, and for https the file to check it with."""
    checked = f"\n    certificate-authority: {authority}" if authority is not None else ""
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: simulated
  cluster:
    server: {url}{checked}
users:
- name: simulated
  user:
    token: {token}
contexts:
- name: simulated
  context:
    cluster: simulated
    user: simulated
    namespace: default
current-context: simulated
"""
