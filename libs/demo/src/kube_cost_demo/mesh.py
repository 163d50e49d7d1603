"""What the mesh is made of: each program with the environment that it is started in."""

import json
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kube_cost_demo.processes import Process, Processes

TRAFFIC = {"KUBE_COST_NETWORK_ZONE_SHARE": "0.2", "KUBE_COST_NETWORK_INTERNET_SHARE": "0.1"}
"""Of what simulated pods send a fifth goes to other zones and a tenth to the internet; the environment may differ."""

CUSTOM_PRICES = """\
# The spot price of the simulated cluster's third node; those of its others are in the table that pricing ships with.
# Change it while the demo runs: the new price is on /metrics a second or two later.
currency: USD
nodes:
  - instance_type: c5.2xlarge
    zone: us-east-1a
    capacity: spot
    usd_per_hour: 0.1387
"""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often things happen, in seconds: a demo is watched, so it is quicker than a cluster."""

    interval_seconds: float = 5.0
    read_seconds: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SimulatedNode:
    """Where a simulated node's agent finds its kernel, its kubelet, and its DCGM exporter where it has GPUs."""

    name: str
    cgroup_root: str
    kubelet_url: str
    dcgm_url: str = ""


class Mesh:
    """Starts the programs of the mesh on 127.0.0.1, each on a port of its own, with its files in `folder`."""

    def __init__(self, *, processes: Processes, folder: Path, port: int, pace: Pace) -> None:
        self._processes = processes
        self._pace = pace
        self.folder = folder
        self.port = port
        self.nats_port = free_port()
        self.agents: dict[str, Process] = {}

    @property
    def url(self) -> str:
        """Where the aggregator answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def prices_file(self) -> Path:
        """The user's own prices."""
        return self.folder / "prices.yaml"

    def start_bus(self) -> Process:
        """Start a NATS server with JetStream."""
        config = self.folder / "nats.conf"
        store = self.folder / "jetstream"
        config.write_text(f"listen: 127.0.0.1:{self.nats_port}\njetstream {{ store_dir: {json.dumps(str(store))} }}\n")
        return self._processes.start("nats-server", [_beside_python("nats-server"), "-c", str(config)], {})

    def start_simulator(self, *, seed: int, history: Path | None = None, scenario: str = "demo") -> list[SimulatedNode]:
        """Start the simulated cluster of a scenario, and return the nodes that it begins with."""
        command = [sys.executable, "-m", "kube_cost_simulator", "--directory", str(self.folder / "cluster")]
        command += ["--seed", str(seed), "--scenario", scenario]
        if history is not None:
            command += ["--history", str(history)]
        self._processes.start("simulator", command, {}, read_output=True).first_line()
        return self.simulated_nodes()

    def simulated_nodes(self) -> list[SimulatedNode]:
        """Return the nodes that the simulated cluster has now, as far as an agent may run on them."""
        nodes = json.loads((self.folder / "cluster" / "nodes.json").read_text())
        return [
            SimulatedNode(
                name=node["name"],
                cgroup_root=node["cgroup_root"],
                kubelet_url=node["kubelet_url"],
                dcgm_url=node.get("dcgm_url", ""),
            )
            for node in nodes
        ]

    def start_aggregator(self, kubeconfig: str) -> Process:
        """Start the aggregator on the port that people look at."""
        traffic = TRAFFIC if kubeconfig == self.simulated_kubeconfig else {}
        return self._service(
            "aggregator",
            {
                **{name: os.environ.get(name, share) for name, share in traffic.items()},
                "KUBE_COST_LISTEN_PORT": str(self.port),
                "KUBE_COST_LEDGER_FILE": str(self.folder / "ledger.sqlite"),
                "KUBE_COST_KUBECONFIG": kubeconfig,
                "KUBE_COST_INTERVAL_SECONDS": str(self._pace.interval_seconds),
            },
        )

    def start_pricing(self) -> Process:
        """Start pricing, with the shipped table and the prices file."""
        if not self.prices_file.exists():
            self.prices_file.write_text(CUSTOM_PRICES)
        return self._service(
            "pricing", {"KUBE_COST_CUSTOM_PRICES_FILE": str(self.prices_file), "KUBE_COST_PRICE_APIS": "none"}
        )

    def start_alerts(self, settings: Mapping[str, str] | None = None) -> Process:
        """Start the alert service; without settings of Slack's it tells nobody."""
        return self._service("alerts", settings or {})

    def start_agent(self, node: str, settings: Mapping[str, str]) -> Process:
        """Start the agent of a node."""
        self.agents[node] = self._service(
            "agent",
            {
                "KUBE_COST_NODE_NAME": node,
                "KUBE_COST_INTERVAL_SECONDS": str(self._pace.interval_seconds),
                "KUBE_COST_READ_INTERVAL_SECONDS": str(self._pace.read_seconds),
                **settings,
            },
            name=f"agent-{node}",
        )
        return self.agents[node]

    def start_simulated_agent(self, node: SimulatedNode) -> Process:
        """Start the agent of a simulated node."""
        return self.start_agent(
            node.name,
            {
                "KUBE_COST_CGROUP_ROOT": node.cgroup_root,
                "KUBE_COST_KUBELET_URL": node.kubelet_url,
                "KUBE_COST_KUBELET_TOKEN_FILE": str(self.folder / "cluster" / "token"),
                **({"KUBE_COST_DCGM_URL": node.dcgm_url} if node.dcgm_url else {}),
            },
        )

    @property
    def simulated_kubeconfig(self) -> str:
        """The kubeconfig of the simulated cluster."""
        return str(self.folder / "cluster" / "kubeconfig")

    def _service(self, service: str, settings: Mapping[str, str], *, name: str = "") -> Process:
        given = {
            key: value
            for key, value in os.environ.items()
            if key.startswith("KUBE_COST_") and not key.startswith(("KUBE_COST_DEMO_", "KUBE_COST_TEST_"))
        }
        return self._processes.start(
            name or service,
            [_beside_python(f"kube-cost-{service}")],
            {
                "KUBE_COST_NATS_URL": f"nats://127.0.0.1:{self.nats_port}",
                "KUBE_COST_LISTEN_HOST": "127.0.0.1",
                "KUBE_COST_LISTEN_PORT": "0",
                **given,
                **settings,
            },
        )


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _beside_python(program: str) -> str:
    beside = Path(sys.executable).with_name(program)
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise FileNotFoundError(f"{program} is neither in this environment nor on the PATH")
    return found
