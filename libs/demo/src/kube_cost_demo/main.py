"""`make demo`: the mesh on this machine, over a cluster that isn't there, or a real one."""

import argparse
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from kube_cost_demo.mesh import Mesh, Pace
from kube_cost_demo.processes import Processes, ProgramError
from kube_cost_demo.table import dearest_pod_line, fetch, namespace_costs, render

REFRESH_SECONDS = 2.0
QUIET_REFRESH_SECONDS = 15.0
"""Between two tables where the output is no terminal."""


def main() -> None:
    """Run the demo until Ctrl-C."""
    sys.exit(run(_arguments()))


def run(arguments: argparse.Namespace) -> int:
    """Start everything, show the table, end everything; return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(arguments.directory).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with Processes(logs=folder / "logs") as processes:
            mesh = Mesh(processes=processes, folder=folder, port=arguments.port, pace=Pace())
            _start(mesh, arguments)
            _say(f"page      {mesh.url}/")
            _say(f"metrics   {mesh.url}/metrics")
            _say(f"costs     {mesh.url}/api/v1/costs?by=namespace&window=24h")
            _say(f"prices    {mesh.prices_file}  (change it: the new price shows within seconds)")
            _say(f"logs      {folder / 'logs'}")
            _watch(mesh, processes, seconds=arguments.seconds)
    except KeyboardInterrupt:
        _say("ended")
    except ProgramError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kube-cost-demo", description=__doc__)
    parser.add_argument("--directory", default=".demo", help="where logs, ledger and the simulated cluster's files go")
    parser.add_argument("--port", type=int, default=int(os.environ.get("KUBE_COST_DEMO_PORT", "9090")))
    parser.add_argument("--seed", type=int, default=1, help="of the simulated cluster's churn")
    parser.add_argument("--kubeconfig", default="", help="look at this cluster instead of a simulated one")
    parser.add_argument("--node", default="", help="the name that this machine has as a node of that cluster")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end by itself after so long")
    arguments = parser.parse_args()
    if bool(arguments.kubeconfig) != bool(arguments.node):
        parser.error("a real cluster takes both, --kubeconfig and --node (make demo KUBECONFIG=… NODE_NAME=…)")
    return arguments


def _start(mesh: Mesh, arguments: argparse.Namespace) -> None:
    mesh.start_bus()
    if arguments.kubeconfig:
        mesh.start_aggregator(str(Path(arguments.kubeconfig).resolve()))
        mesh.start_pricing()
        mesh.start_agent(arguments.node, {})
    else:
        _say("starting a simulated cluster of four nodes, one of them with a GPU")
        nodes = mesh.start_simulator(seed=arguments.seed)
        mesh.start_aggregator(mesh.simulated_kubeconfig)
        mesh.start_pricing()  # before the agents: the first dollar waits for prices, and for no sample
        for node in nodes:
            mesh.start_simulated_agent(node)
    mesh.start_alerts()


def _watch(mesh: Mesh, processes: Processes, *, seconds: float) -> None:
    started = time.perf_counter()
    shown = 0
    first = ""
    on_terminal = sys.stdout.isatty()
    while time.perf_counter() - started < seconds:
        metrics = fetch(mesh.url)
        if not first and (first := dearest_pod_line(metrics)):
            _say(f"\nfirst dollar after {time.perf_counter() - started:.1f} s:\n{first}\n")
        if first:
            lines = render(namespace_costs(metrics))
            if on_terminal and shown:
                print(f"\x1b[{shown}F\x1b[J", end="")
            print("\n".join(lines), flush=True)
            shown = len(lines)
        processes.pause(0.5 if not first else REFRESH_SECONDS if on_terminal else QUIET_REFRESH_SECONDS)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
