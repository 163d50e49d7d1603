"""`kube-cost-simulator`: a cluster that isn't there, until SIGTERM."""

import argparse
import asyncio
import json
import os
import secrets
import signal
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kube_cost_simulator.clock import SystemClock
from kube_cost_simulator.everything.scenarios import (
    everything_demo_scenario,
    everything_scenario,
    mixed_clouds_scenario,
    priced_demo_scenario,
)
from kube_cost_simulator.hard import hard_scenario
from kube_cost_simulator.live import LiveCluster, LiveSettings
from kube_cost_simulator.scenario import Scenario

SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "demo": priced_demo_scenario,
    "hard": hard_scenario,
    "everything": everything_scenario,
    "everything-demo": everything_demo_scenario,
    "mixed-clouds": mixed_clouds_scenario,
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = argparse.ArgumentParser(prog="kube-cost-simulator", description=__doc__)
    arguments.add_argument(
        "--directory", type=Path, required=True, help="where kubeconfig, token, nodes.json and cgroup trees go"
    )
    arguments.add_argument("--seed", type=int, default=1, help="the same seed makes the same cluster (default 1)")
    arguments.add_argument("--scenario", choices=sorted(SCENARIOS), default="demo")
    arguments.add_argument("--tick-seconds", type=float, default=0.2, help="how often cgroup trees are rewritten")
    arguments.add_argument(
        "--history", type=Path, metavar="FILE", help="write what happened here, now and then and at the end"
    )
    arguments.add_argument("--api-port", type=int, default=0, help="on 127.0.0.1; 0 is any free one")
    arguments.add_argument("--kubelet-lag-seconds", type=int, default=0, help="how old kubelets' figures may be")
    for server in ("api", "kubelet"):
        arguments.add_argument(f"--{server}-certificate", type=Path, metavar="FILE", help="PEM; with it: https")
        arguments.add_argument(f"--{server}-key", type=Path, metavar="FILE", help="PEM, the certificate's key")
    arguments.add_argument(
        "--faults",
        type=faults_seed,
        default=None,
        metavar="SEED",
        help="let API server and kubelets misbehave at random from this seed, or `none` (default)",
    )
    arguments.add_argument(
        "--fault-gap-seconds", type=float, default=10.0, help="mean time between faults (default 10)"
    )
    arguments.add_argument("--stop-with-stdin", action="store_true", help="end when standard input does")
    return arguments


def faults_seed(text: str) -> int | None:
    """A seed, or None for `none`; ValueError for anything else."""
    return None if text == "none" else int(text)


def server_tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """A server's side of TLS, None without a certificate."""
    if certificate is None:
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    return tls


def settings_from(options: argparse.Namespace) -> LiveSettings:
    """Settings from the command line; OSError or ssl.SSLError for a certificate that can't be read."""
    return LiveSettings(
        directory=options.directory.absolute(),
        seed=options.seed,
        token=secrets.token_urlsafe(24),
        tick_seconds=options.tick_seconds,
        history_file=options.history,
        api_port=options.api_port,
        api_tls=server_tls(options.api_certificate, options.api_key),
        api_authority=options.api_certificate and options.api_certificate.absolute(),
        kubelet_tls=server_tls(options.kubelet_certificate, options.kubelet_key),
        kubelet_lag_seconds=options.kubelet_lag_seconds,
        faults_seed=options.faults,
        fault_gap_seconds=options.fault_gap_seconds,
    )


async def run(options: argparse.Namespace) -> None:
    """Run until a signal, or until standard input ends if that was asked for."""
    live = LiveCluster(scenario=SCENARIOS[options.scenario](), settings=settings_from(options), clock=SystemClock())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        # The second signal ends the process at once.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        live.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if options.stop_with_stdin:
        loop.add_reader(sys.stdin.fileno(), lambda: stdin_changed(loop, live.stop))
    await live.run(announce)


def stdin_changed(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Read and drop what the parent wrote; its end is the end."""
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        stop()


def announce(where: dict[str, Any]) -> None:
    """One line of JSON that says that everything is there, and where."""
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator; returns the exit code."""
    options = parser().parse_args(arguments)
    try:
        asyncio.run(run(options))
    except OSError as error:
        sys.stderr.write(f"kube-cost-simulator: {error}\n")
        return 1
    return 0
