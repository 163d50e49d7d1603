"""A process that plays the API server and all agents; pods are replaced all the time, and a file says when."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import NoReturn, TextIO

import structlog

from kube_cost_common.messages.streams import STREAMS
from kube_cost_common.runtime.bus import Bus, BusConfig
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import wait_for
from kube_cost_simulator.live import kubeconfig
from perf.agents import Agents
from perf.apiserver import ThinApiServer
from perf.population import LivePod, Population

STEP_SECONDS = 0.05
"""Between a pod's events: made, bound, running; marked for deletion, gone."""


class Churn:
    """Replaces pods at a steady rate, and writes `bound <name> <time>` and `gone <name> <time>` as it tells of it."""

    def __init__(self, *, population: Population, server: ThinApiServer, clock: SystemClock, events: TextIO) -> None:
        self._population = population
        self._server = server
        self._clock = clock
        self._events = events
        self.agents: Agents | None = None

    async def run(self, per_minute: float) -> NoReturn:
        order = list(self._population.pods.values())
        self._population.chance.shuffle(order)
        started, number = self._clock.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while True:
                due = started + number * 60 / per_minute
                await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
                group.create_task(self._replace(order, number % len(order)))
                number += 1

    async def _replace(self, order: list[LivePod], place: int) -> None:
        old = order[place]
        new = self._population.new_pod(old.slot, self._clock.now_ns())
        order[place] = new
        new.bound = new.running = False
        self._tell("ADDED", new)
        await self._clock.sleep(STEP_SECONDS)
        new.bound = True
        self._note("bound", new)
        self._tell("MODIFIED", new)
        await self._clock.sleep(STEP_SECONDS)
        new.running, new.since_ns = True, self._clock.now_ns()
        self._tell("MODIFIED", new)
        if self.agents is not None:
            self.agents.come(new)
        old.deleting = True
        self._tell("MODIFIED", old)
        await self._clock.sleep(STEP_SECONDS)
        if self.agents is not None:
            self.agents.go(old)
        self._note("gone", old)
        self._tell("DELETED", old)

    def _tell(self, kind: str, pod: LivePod) -> None:
        pod.version = self._population.next_version()
        if kind == "DELETED":
            del self._population.pods[pod.uid]
        else:
            self._population.pods[pod.uid] = pod
        self._server.tell(kind, self._population.pod_json(pod))

    def _note(self, what: str, pod: LivePod) -> None:
        self._events.write(f"{what} {pod.name} {self._clock.monotonic():.6f}\n")
        self._events.flush()


async def run(options: argparse.Namespace) -> None:
    clock, log = SystemClock(), structlog.get_logger()
    population = Population(nodes=options.nodes, pods=options.pods, now_ns=clock.now_ns())
    server = ThinApiServer(population=population)
    url = await server.start()
    options.kubeconfig.write_text(kubeconfig(url, "token"))
    bus = Bus(config=BusConfig(servers=(options.nats,), name="perf"), clock=clock, log=log)
    with options.events.open("w") as events:
        churn = Churn(population=population, server=server, clock=clock, events=events)
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(bus.run())
            group.create_task(churn.run(options.per_minute))
            await bus.wait_connected()
            await wait_for(bus, clock=clock, log=log, streams=STREAMS)
            churn.agents = Agents(population=population, bus=bus, clock=clock, interval_seconds=options.interval)
            group.create_task(churn.agents.run())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ("--nodes", "--pods"):
        arguments.add_argument(name, type=int, required=True)
    arguments.add_argument("--per-minute", type=float, required=True, help="pods replaced a minute")
    arguments.add_argument("--interval", type=float, required=True, help="seconds between a node's samples")
    arguments.add_argument("--nats", required=True)
    arguments.add_argument("--kubeconfig", type=Path, required=True)
    arguments.add_argument("--events", type=Path, required=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(run(arguments.parse_args()))


if __name__ == "__main__":
    main()
