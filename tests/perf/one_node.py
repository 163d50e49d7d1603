"""A process that plays one node: a cgroup v2 tree of files that is rewritten all the time, and its kubelet."""

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

from kube_cost_simulator.clock import SystemClock
from kube_cost_simulator.generated import generated_scenario
from kube_cost_simulator.live import LiveCluster, LiveSettings
from kube_cost_simulator.scenario import Resources, Scenario

TOKEN = "token"
LIFETIME_SECONDS = 7_200


def scenario(pods: int) -> Scenario:
    """One node with room for all of them."""
    generated = generated_scenario(nodes=1, pods=pods, mean_lifetime_seconds=LIFETIME_SECONDS)
    (node,) = generated.nodes
    room = Resources(400_000, 4_000 * 2**30)
    return replace(generated, nodes=(replace(node, capacity=room, allocatable=room, max_pods=4 * pods),))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pods", type=int, required=True)
    arguments.add_argument("--folder", type=Path, required=True)
    options = arguments.parse_args()
    settings = LiveSettings(directory=options.folder, seed=1, token=TOKEN, tick_seconds=1.0)
    live = LiveCluster(scenario=scenario(options.pods), settings=settings, clock=SystemClock())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(live.run(lambda _: print("ready", flush=True)))


if __name__ == "__main__":
    main()
