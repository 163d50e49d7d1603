"""An aggregator without bus or API server, in which pods come and go by the thousand: minutes of it take a second."""

import gc
import random
import sys
from collections import deque
from pathlib import Path
from typing import NamedTuple

from harness.clock import FakeClock
from harness.records import MINUTE, SECOND, START, node_facts, pod_facts, price_record
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.inputs.kubernetes.receiver import InventoryReceiver
from kube_cost_aggregator.outputs.deflating import Deflated, Exposition
from kube_cost_aggregator.outputs.rendering import Rendering
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.state.components import Components
from kube_cost_aggregator.state.facts import Owner, OwnerFacts, PodFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.prices import PriceShelf, Since, instance_key
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_aggregator.state.settlement import Outcome, Patience, Settlement
from kube_cost_aggregator.state.timings import Timings
from kube_cost_common.domain.nodes import ON_DEMAND
from kube_cost_common.messages.usage import PodUsage, RootUsage, UsageSample
from kube_cost_common.runtime.health import Counters, Problems, Readiness

PODS_A_MINUTE = 1_000
LIVES_MINUTES = 1
SAMPLES_AFTER_END = 5
BORN_BEFORE_NS = 30 * SECOND
GONE_BEFORE_NS = 20 * SECOND
"""How long before each node's sample its pods come and go."""

NODES = 20
NODE_LIVES_MINUTES = 100
"""Each node is replaced by another one after so long: one in five minutes."""


class Counted(NamedTuple):
    """What is held, in numbers. `blocks` are the interpreter's allocated blocks of memory."""

    pods: int
    nodes: int
    owners: int
    ledger_nodes: int
    baselines: int
    charged: int
    pending: int
    hours: int
    hour_pods: int
    series: int
    chunks: int
    prefixes: int
    workloads: int
    objects: int
    blocks: int


class ShortPod(NamedTuple):
    """A Job's pod that lives for a minute and ten seconds."""

    facts: PodFacts
    job: OwnerFacts
    born_ns: int


class Growth:
    """`await minute()` lets a minute pass: 1,000 pods come, as many go, and every node is sampled and shown."""

    def __init__(self, *, folder: Path) -> None:
        self._clock = FakeClock(unix_seconds=START // SECOND)
        self._chance = random.Random(1)
        self._numbers = 0
        self._minutes = 0
        self._store: SqliteStore = open_store(folder / "ledger.sqlite")
        self.inventory = Inventory(changed=lambda: None)
        self.ledger = Ledger(store=self._store)
        self._shelf = PriceShelf(defaults=None, changed=lambda: None)
        self._settlement = Settlement(
            inventory=self.inventory, ledger=self.ledger, prices=self._shelf, patience=Patience()
        )
        self._receiver = InventoryReceiver(inventory=self.inventory, last_seen_ns=self._settlement.last_seen_ns)
        board = RateBoard(inventory=self.inventory, now_ns=self._clock.now_ns)
        readiness = Readiness({})
        self.rendering = Rendering(
            sources=Sources(
                cluster="",
                version="1",
                revision="",
                rates=lambda: board.refresh(self._shelf.book),
                totals=lambda: self.ledger.totals,
                last_samples=dict,
                watches=list,
                bus_connected=lambda: True,
                pending_messages=lambda: 0,
                components=Components(fold=self.ledger.fold, clock=self._clock),
                timings=Timings(),
                counters=Counters(),
                problems=Problems(),
                readiness=readiness,
                clock=self._clock,
                info_max_pods=10 * PODS_A_MINUTE,
            )
        )
        self._deflated = Deflated()
        self._exposition = Exposition((), b"", 0, 0)
        self._nodes: dict[str, deque[list[ShortPod]]] = {}
        self._gone: dict[str, deque[list[PodUsage]]] = {}
        self._seq: dict[str, int] = {}

    async def start(self) -> None:
        """Open the ledger, which began long enough ago for forecasts, and let nodes and the price be there."""
        await self.ledger.load(self._clock.now_ns() - 120 * MINUTE)
        for _ in range(NODES):
            self._add_node()
        (node, *_) = self.inventory.nodes.values()
        self._shelf.replace({instance_key(node.identity, ON_DEMAND): (Since(START, price_record()),)}, frozenset())

    async def minute(self) -> None:
        """Let a minute pass."""
        self._minutes += 1
        await self._clock.advance(60.0)
        if self._minutes % (NODE_LIVES_MINUTES // NODES) == 0:
            self._remove_node(next(iter(self._nodes)))
            self._add_node()
        for name in self._nodes:
            self._pods_go(name)
            self._pods_come(name)
            self._sample(name)
            await self.ledger.commit(self._clock.now_ns())
        self._settlement.catch_up(self._clock.now_ns(), connected=True, drained=True)
        await self.ledger.commit(self._clock.now_ns())
        self._exposition = self._deflated.assemble(await self.rendering.render(self._exposition))

    def counted(self) -> Counted:
        """Count what is held now."""
        gc.collect()
        states = self.ledger.nodes.values()
        costs = self.rendering._costs
        return Counted(
            pods=len(self.inventory.pods) + sum(len(node.pods) for node in self.inventory.nodes.values()),
            nodes=len(self.inventory.nodes) + len(self.inventory.node_uids),
            owners=len(self.inventory.owners),
            ledger_nodes=len(states),
            baselines=sum(len(state.pods) for state in states),
            charged=sum(len(state.charged) for state in states),
            pending=sum(len(state.pending) for state in states),
            hours=sum(len(state.hours) for state in states),
            hour_pods=sum(len(hour.pods) for state in states for hour in state.hours),
            series=self._exposition.series,
            chunks=len(self._deflated._kept),
            prefixes=sum(map(len, costs._pod_lines.values())),
            workloads=sum(map(len, costs._workload_lines.values())),
            objects=len(gc.get_objects()),
            blocks=sys.getallocatedblocks(),
        )

    def close(self) -> None:
        """Close the ledger."""
        self._store.close()

    def _add_node(self) -> None:
        self._numbers += 1
        name, now_ns = f"node-{self._numbers}", self._clock.now_ns() - (MINUTE if self._minutes else 0) + SECOND
        self._receiver.changed("Node", node_facts(f"node-uid-{self._numbers}", name, created_ns=now_ns), now_ns)
        self._nodes[name] = deque([[] for _ in range(LIVES_MINUTES)])
        self._gone[name] = deque(maxlen=SAMPLES_AFTER_END)
        self._seq[name] = 0

    def _remove_node(self, name: str) -> None:
        now_ns = self._clock.now_ns()
        for pods in self._nodes.pop(name):
            for pod in pods:
                self._remove(pod)
        del self._seq[name], self._gone[name]
        self._receiver.removed("Node", self.inventory.node_uids[name], None, now_ns)

    def _pods_come(self, name: str) -> None:
        born_ns = self._clock.now_ns() - BORN_BEFORE_NS
        self._nodes[name].append([self._new_pod(name, born_ns) for _ in range(PODS_A_MINUTE // NODES)])

    def _new_pod(self, node: str, born_ns: int) -> ShortPod:
        self._numbers += 1
        job = f"job-{self._numbers}"
        cron_job = Owner("CronJob", f"cron-{self._numbers % 7}", f"cron-{self._numbers % 7}")
        owner = OwnerFacts(
            uid=job, kind="Job", namespace="shop", name=job, owner=cron_job if self._numbers % 2 else None
        )
        facts = pod_facts(
            f"{self._numbers:032x}",
            name=f"{job}-abcde",
            namespace=f"team-{self._numbers % 5}",
            node_name=node,
            created_ns=born_ns,
            bound_ns=born_ns,
            vcpu_request=0.01,
            memory_gib_request=0.05,
            owner=Owner("Job", job, job),
        )
        self._receiver.changed("Job", owner, born_ns)
        self._receiver.changed("Pod", facts, born_ns)
        return ShortPod(facts, owner, born_ns)

    def _pods_go(self, name: str) -> None:
        gone_ns = self._clock.now_ns() - GONE_BEFORE_NS
        going = self._nodes[name].popleft()
        self._gone[name].append([self._usage(pod, gone_ns, ended=True) for pod in going])
        for pod in going:
            self._remove(pod)

    def _remove(self, pod: ShortPod) -> None:
        gone_ns = self._clock.now_ns() - GONE_BEFORE_NS
        self._receiver.removed("Pod", pod.facts.uid, pod.facts, gone_ns)
        self._receiver.removed("Job", pod.job.uid, pod.job, gone_ns)

    def _sample(self, name: str) -> None:
        now_ns = self._clock.now_ns()
        pods = [self._usage(pod, now_ns, ended=False) for minute in self._nodes[name] for pod in minute]
        pods += [usage for minute in self._gone[name] for usage in minute]
        sample = UsageSample(
            sent_at_ns=now_ns,
            cluster="default",
            node=name,
            boot_id="boot",
            session="0" * 16,
            seq=self._seq[name],
            start_ns=now_ns - MINUTE,
            end_ns=now_ns,
            roots=[RootUsage(name="kubepods", cpu_seconds=self._seq[name] * 60.0, memory_byte_seconds=0.0)],
            pods=pods,
        )
        self._seq[name] += 1
        outcome = self._settlement.take(sample, now_ns)
        assert outcome is Outcome.SETTLED, f"{name}: {outcome}"

    def _usage(self, pod: ShortPod, last_ns: int, *, ended: bool) -> PodUsage:
        seconds = (last_ns - pod.born_ns) / SECOND
        return PodUsage(
            uid=pod.facts.uid,
            namespace=pod.facts.namespace,
            name=pod.facts.name,
            since_ns=pod.born_ns,
            last_ns=last_ns,
            ended=ended,
            cpu_seconds=seconds * self._chance.uniform(0.01, 0.02),
            memory_byte_seconds=seconds * self._chance.uniform(6e7, 8e7),
        )
