"""The whole mesh as processes over the simulated cluster, and what tests ask it."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from harness.nats import running_bus
from kube_cost_common.messages.codec import RecordDecoder
from kube_cost_common.messages.costs import CostSnapshot
from kube_cost_common.messages.streams import COST, USAGE, Stream
from kube_cost_common.messages.usage import UsageSample
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.pull import PullReader
from kube_cost_demo.mesh import Mesh, Pace, SimulatedNode, free_port
from kube_cost_demo.processes import Process, Processes
from kube_cost_simulator.history import History

DEADLINE_SECONDS = 60.0
"""Several times what anything here takes."""

_LINE = re.compile(r"^([a-z_:]+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Metric(NamedTuple):
    """One line of an exposition."""

    name: str
    labels: Mapping[str, str]
    value: Fraction


class LiveMesh:
    """A running mesh. Its files are in `mesh.folder`."""

    def __init__(self, *, mesh: Mesh, processes: Processes, nodes: list[SimulatedNode], history: Path) -> None:
        self.mesh = mesh
        self.processes = processes
        self.nodes = nodes
        self._history = history

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        request = urllib.request.Request(self.mesh.url + path, headers=dict(headers or {}))
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def metrics(self, name: str = "") -> list[Metric]:
        lines = self.get("/metrics").decode().splitlines()
        parsed = [
            Metric(match[1], dict(_LABEL.findall(match[2] or "")), Fraction(match[3]))
            for line in lines
            if not line.startswith("#") and (match := _LINE.match(line)) and match[3] not in {"NaN", "+Inf"}
        ]
        return [metric for metric in parsed if name in {"", metric.name}]

    def value(self, name: str, **labels: str) -> Fraction | None:
        """The value of the one series with those labels, None where there is none."""
        found = [metric.value for metric in self.metrics(name) if labels.items() <= metric.labels.items()]
        assert len(found) <= 1, f"more than one series of {name} has {labels}"
        return found[0] if found else None

    def wait(self, condition: Callable[[], object], what: str, seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until a condition is true; a process that ends meanwhile is a failure."""
        clock = SystemClock()
        started = clock.monotonic()
        while True:
            try:
                if condition():
                    return
            except OSError:
                pass  # not up yet, or just being restarted
            assert clock.monotonic() - started < seconds, f"not within {seconds} s: {what}"
            self.processes.pause(0.1)

    def process(self, name: str) -> Process:
        return next(process for process in self.processes.all if process.name == name)

    def restart_aggregator(self) -> None:
        """Kill it as a crash would, start another, and wait until that is ready."""
        old = self.process("aggregator")
        old.kill()
        self.processes.replace(old, self.mesh.start_aggregator(self.mesh.simulated_kubeconfig))
        self.wait(lambda: self.get("/readyz"), "the new aggregator is ready")

    def history(self) -> History:
        return History.from_json(self._history.read_text())

    async def samples(self) -> list[UsageSample]:
        """All usage samples that the bus has, in order."""
        decoder = RecordDecoder(UsageSample)
        return [decoder.decode(payload) for payload in await self._payloads(USAGE)]

    async def cost_snapshots(self) -> list[CostSnapshot]:
        """All cost snapshots that the bus has, in order."""
        decoder = RecordDecoder(CostSnapshot)
        return [decoder.decode(payload) for payload in await self._payloads(COST)]

    async def _payloads(self, stream: Stream) -> list[bytes]:
        payloads: list[bytes] = []
        async with running_bus(f"nats://127.0.0.1:{self.mesh.nats_port}") as bus:
            reader = PullReader(
                bus=bus,
                stream=stream.name,
                consumer="test",
                clock=SystemClock(),
                log=structlog.get_logger(),
                ack_wait_seconds=30.0,
            )
            while messages := await reader.fetch(500, timeout_seconds=1.0):
                payloads += [message.payload for message in messages]
        return payloads


@contextmanager
def live_mesh(
    folder: Path, *, pace: Pace, seed: int = 1, alerts: Mapping[str, str] | None = None
) -> Iterator[LiveMesh]:
    """Start the mesh over the demo's cluster, wait until it is ready, and end it; `alerts` sets up that service."""
    history = folder / "history.json"
    with Processes(logs=folder / "logs") as processes:
        mesh = Mesh(processes=processes, folder=folder, port=free_port(), pace=pace)
        mesh.start_bus()
        nodes = mesh.start_simulator(seed=seed, history=history)
        mesh.start_aggregator(mesh.simulated_kubeconfig)
        mesh.start_pricing()
        mesh.start_alerts(alerts)
        for node in nodes:
            mesh.start_simulated_agent(node)
        live = LiveMesh(mesh=mesh, processes=processes, nodes=nodes, history=history)
        live.wait(lambda: live.get("/readyz"), "the aggregator is ready")
        live.wait(lambda: live.value("kube_cost_agents_connected") == len(nodes), "all agents are heard")
        yield live
