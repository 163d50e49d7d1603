"""Parts of a running mesh that are killed and come back, and whether the money is right when all is over."""

import http.client
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness import rows
from harness.mesh import LiveMesh
from harness.nats import running_bus
from kube_cost_aggregator.history.store import NodeState
from kube_cost_common.messages.streams import USAGE
from kube_cost_common.messages.usage import UsageSample
from kube_cost_demo.mesh import SimulatedNode
from kube_cost_demo.processes import Process
from kube_cost_simulator.history import History, NodeHistory
from kube_cost_simulator.truth import Sample, Truth, price_paid, settle

SECOND_NS = 1_000_000_000
LOOK_SECONDS = 1.0
SETTLE_SECONDS = 90.0
"""Several times what it takes until what waited on the bus is settled."""


class Fall(NamedTuple):
    """A counter that was lower than it had been."""

    series: str
    before: Fraction
    after: Fraction


class Counters:
    """The highest value that each counter of money on /metrics has had, and where one was lower later."""

    def __init__(self) -> None:
        self.highest: dict[str, Fraction] = {}
        self.falls: list[Fall] = []
        self.looks = 0
        self.failed_looks = 0

    def look(self, live: LiveMesh) -> None:
        """Read /metrics once; nobody may be there."""
        try:
            metrics = live.metrics()
        except (OSError, http.client.HTTPException):
            self.failed_looks += 1
            return
        self.looks += 1
        for metric in metrics:
            if metric.name.endswith("_usd_total"):
                series = f"{metric.name}{dict(metric.labels)}"
                before = self.highest.get(series, Fraction(0))
                if metric.value < before:
                    self.falls.append(Fall(series, before, metric.value))
                self.highest[series] = max(before, metric.value)


@contextmanager
def watched_counters(live: LiveMesh) -> Iterator[Counters]:
    """Look at /metrics each second during the block, whatever is killed."""
    counters, over = Counters(), threading.Event()

    def look_on() -> None:
        while not over.wait(LOOK_SECONDS):
            counters.look(live)

    thread = threading.Thread(target=look_on)
    thread.start()
    try:
        yield counters
    finally:
        over.set()
        thread.join()


class Victims:
    """Kills parts of a mesh, and starts them again after a while."""

    def __init__(self, live: LiveMesh) -> None:
        self._live = live

    def bus(self, away_seconds: float) -> None:
        self._kill("nats-server", away_seconds, self._live.mesh.start_bus)

    def aggregator(self, away_seconds: float) -> None:
        mesh = self._live.mesh
        self._kill("aggregator", away_seconds, lambda: mesh.start_aggregator(mesh.simulated_kubeconfig))

    def agent(self, node: SimulatedNode, away_seconds: float) -> None:
        self._kill(f"agent-{node.name}", away_seconds, lambda: self._live.mesh.start_simulated_agent(node))

    def _kill(self, name: str, away_seconds: float, start: Callable[[], Process]) -> None:
        """Return when the part is back, and two samples of each node, as a rule, are settled since."""
        live = self._live
        victim = live.process(name)
        victim.kill()
        time.sleep(away_seconds)
        live.processes.replace(victim, start())
        returned = cursor(live.mesh.folder)
        enough = returned + 2 * len(live.nodes)
        live.wait(lambda: cursor(live.mesh.folder) >= enough, f"samples are settled again after {name} was killed")


class Ending(NamedTuple):
    """A mesh that has ended: what was sent, what happened, and what the ledger says of its nodes."""

    folder: Path
    samples: list[UsageSample]
    history: History
    started_ns: int
    states: dict[str, NodeState]

    def node_start_ns(self, node: NodeHistory) -> int:
        return max(node.created_ns, self.started_ns)

    def last_end_ns(self, node: NodeHistory) -> int:
        return max(sample.end_ns for sample in self.samples if sample.node == node.name)


async def end(live: LiveMesh) -> Ending:
    """Stop the agents, wait until all that they sent is settled, and stop the aggregator and the simulator."""
    for agent in live.mesh.agents.values():
        assert agent.stop() == 0
        live.processes.forget(agent)
    samples = await live.samples()
    async with running_bus(f"nats://127.0.0.1:{live.mesh.nats_port}") as bus:
        last = (await bus.api(f"STREAM.INFO.{USAGE.name}"))["state"]["last_seq"]
    live.wait(lambda: cursor(live.mesh.folder) == last, "no sample lies beyond the cursor", SETTLE_SECONDS)
    for name in ("aggregator", "simulator"):
        process = live.process(name)
        assert process.stop() == 0
        live.processes.forget(process)
    folder = live.mesh.folder
    with rows.opened(folder) as db:
        (started_ns,) = db.execute("SELECT started_at_ns FROM ledger").fetchone()
        states = [msgspec.msgpack.decode(state, type=NodeState) for (state,) in db.execute(_STATES)]
    return Ending(folder, samples, live.history(), started_ns, {state.uid: state for state in states})


_STATES = "SELECT state FROM node_states"


def cursor(folder: Path) -> int:
    """The sequence of the stream through which the ledger has committed; 0 before the first."""
    with rows.opened(folder) as db:
        (sequence,) = db.execute("SELECT stream_sequence FROM ledger").fetchone()
        return sequence or 0


def check_nodes(ending: Ending) -> None:
    """Assert that each node's time is paid once and without a gap, at its price, and given out to the nano."""
    rows.check_sums(ending.folder)
    seconds = rows.node_seconds(ending.folder)
    paid: dict[str, int] = defaultdict(int)
    for (uid, _), (nano, *_) in rows.node_hours(ending.folder).items():
        paid[uid] += nano
    for node in ending.history.nodes:
        (price,) = node.prices
        through_ns = ending.states[node.uid].settled_through_ns
        settled = (through_ns - ending.node_start_ns(node)) / SECOND_NS
        assert abs(seconds[node.uid] - settled) < 1e-6, f"{node.name}: {seconds[node.uid]} s of {settled} s are paid"
        wanted = float(price_paid(node, price)) * settled / 3600 * 1e9
        hours = len([uid for uid, _ in rows.node_hours(ending.folder) if uid == node.uid])
        print(f"{node.name}: {settled:.3f} s, paid {paid[node.uid]} of {wanted:.3f} nano-USD")
        assert abs(paid[node.uid] - wanted) <= hours
        assert through_ns >= ending.last_end_ns(node) - SECOND_NS


def check_namespaces(ending: Ending, within: float) -> None:
    """Print each namespace beside the truth, and assert that none is further off than a part of the total."""
    truth = settle(ending.history, {node.uid: samples_of(ending, node) for node in ending.history.nodes})
    expected, settled = usd_by_namespace(ending.history, truth), rows.namespaces(ending.folder)
    total = float(sum(expected.values(), Fraction(0)))
    for namespace, usd in sorted(expected.items()):
        got = settled.get(namespace, 0) / 1e9
        print(
            f"{namespace}: {got:.9f}, {float(usd):.9f} USD, {got / float(usd) - 1:+.4%},"
            f" {(got - float(usd)) / total:+.4%} of the total"
        )
    found, real = rows.pods(ending.folder), {uid for _, _, uid in truth.pods}
    print(f"{len(found)} pods, {len(real - found.keys())} of the truth's {len(real)} missing")
    assert settled.keys() <= expected.keys()
    for namespace, usd in expected.items():
        assert abs(settled.get(namespace, 0) / 1e9 - float(usd)) <= within * total, namespace


def usd_by_namespace(history: History, truth: Truth) -> dict[str, Fraction]:
    """What each namespace cost, with idle and system as namespaces."""
    namespace_of = {pod.uid: pod.namespace for pod in history.pods}
    usd: dict[str, Fraction] = defaultdict(Fraction)
    for (_, _, uid), charge in truth.pods.items():
        usd[namespace_of[uid]] += charge.total
    usd["__idle__"] = sum((charge.total for charge in truth.idle.values()), Fraction(0))
    usd["__system__"] = sum((charge.total for charge in truth.system.values()), Fraction(0))
    return usd


def samples_of(ending: Ending, node: NodeHistory) -> Sequence[Sample]:
    """A node's time as its samples cut it; what no agent was there for is by request."""
    own = sorted((s for s in ending.samples if s.node == node.name), key=lambda sample: sample.end_ns)
    edges = {ending.node_start_ns(node): False}
    session = own[0].session
    for sample in own:
        last = max(edges)
        if sample.session != session and sample.start_ns > last:
            edges[sample.start_ns] = True
        session = sample.session
        if sample.end_ns > last:
            edges[sample.end_ns] = False
    if ending.states[node.uid].settled_through_ns > max(edges):
        edges[ending.states[node.uid].settled_through_ns] = True
    return [Sample(start_ns=start, end_ns=stop, by_request=edges[stop]) for start, stop in pairwise(edges)]
