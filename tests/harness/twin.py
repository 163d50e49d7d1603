"""The whole way of the money in one process, at any speed: simulated cluster, sampler, settlement, ledger.

No bus, no files but the ledger's, no time but the simulated cluster's own. Its truth is the simulator's.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec

from kube_cost_agent.machine import Machine
from kube_cost_agent.readings import CgroupReading, NodeReading, PodSummary
from kube_cost_agent.sampler import Sampler
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.inputs.kubernetes.objects import ObjectReader
from kube_cost_aggregator.inputs.kubernetes.receiver import InventoryReceiver
from kube_cost_aggregator.inputs.kubernetes.resources import Facts, Resource, all_resources
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.prices import PriceShelf, Since, instance_key
from kube_cost_aggregator.state.restart import restore
from kube_cost_aggregator.state.settlement import Patience, Settlement
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES
from kube_cost_common.domain.nodes import identify
from kube_cost_common.messages.prices import ON_DEMAND, SPOT, PriceRecord, Shape, Weights
from kube_cost_common.messages.usage import UsageSample
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.readings import Counters
from kube_cost_simulator.readings import NodeReading as SimulatedReading
from kube_cost_simulator.resources import by_kind
from kube_cost_simulator.scenario import NodeFact, Scenario
from kube_cost_simulator.store import DELETED, StoreEvent
from kube_cost_simulator.truth import Sample, Truth, settle

SECOND_NS = 1_000_000_000


@dataclass
class SimulatedAgent:
    """An agent of a simulated node: the real sampler, fed with the simulator's counters.

    `sampled_ns` and `boundaries` are times of the cluster; the agent's own clock is `ahead_ns` of that.
    """

    node: str
    node_uid: str
    sampler: Sampler
    sampled_ns: int
    ahead_ns: int = 0
    boundaries: list[int] = field(default_factory=list)


class Twin:
    """A simulated cluster and an aggregator that follows it. `await start()`, then `await run(seconds)`."""

    def __init__(
        self,
        *,
        scenario: Scenario,
        folder: Path,
        seed: int = 1,
        start_ns: int = 1_790_000_000 * SECOND_NS,
        interval_seconds: int = 60,
        read_seconds: int = 5,
    ) -> None:
        self.clock = ManualClock(start_ns=start_ns)
        self.cluster = SimulatedCluster(scenario=scenario, seed=seed, clock=self.clock)
        self.agents: dict[str, SimulatedAgent] = {}
        self.gone_agents: list[SimulatedAgent] = []
        self._interval_ns = interval_seconds * SECOND_NS
        self._read_ns = read_seconds * SECOND_NS
        self._folder = folder
        self._sessions = 0
        self._facts = {node.name: node for node in scenario.nodes}
        self.store: SqliteStore
        self.inventory: Inventory
        self.ledger: Ledger
        self.settlement: Settlement
        self.shelf: PriceShelf
        self._receiver: InventoryReceiver
        self._resources: dict[str, Resource[Facts]]

    async def start(self) -> None:
        """Open the ledger and take up what the cluster has at its beginning."""
        await self.start_aggregator()
        self._deliver(self.cluster.start(), self.clock.now_ns())
        for node in self.cluster.nodes:
            self._join(node)

    async def start_aggregator(self) -> None:
        """Begin with what the ledger has committed, as a new process would."""
        self.store = open_store(self._folder / "ledger.sqlite")
        self.inventory = Inventory(changed=lambda: None)
        self.ledger = Ledger(store=self.store)
        self.shelf = PriceShelf(defaults=None, changed=lambda: None)
        self.settlement = Settlement(
            inventory=self.inventory, ledger=self.ledger, prices=self.shelf, patience=Patience()
        )
        self._receiver = InventoryReceiver(inventory=self.inventory, last_seen_ns=self.settlement.last_seen_ns)
        reader = ObjectReader(gpus=DEFAULT_GPU_RESOURCES, kept_labels=frozenset(), report=_never)
        self._resources = {resource.kind: resource for resource in all_resources(reader=reader, report=_never).all()}
        restore(self.inventory, self.ledger, await self.ledger.load(self.clock.now_ns()))

    async def run(self, seconds: float) -> None:
        """Let the cluster live that long: reads each 5 s, a sample each interval, a commit after each."""
        end_ns = self.clock.now_ns() + round(seconds * SECOND_NS)
        while self.clock.now_ns() < end_ns:
            next_read_ns = (self.clock.now_ns() // self._read_ns + 1) * self._read_ns
            self.advance_to(min(next_read_ns, end_ns))
            for agent in list(self.agents.values()):
                await self.look(agent)

    def advance_to(self, time_ns: int) -> None:
        """Let everything happen until then, each event told of when it happens."""
        while (next_ns := self.cluster.agenda.next_ns) is not None and next_ns <= time_ns:
            self.clock.turn_to(max(next_ns, self.clock.now_ns()))
            self._deliver(self.cluster.advance_to(next_ns), next_ns)
            self._follow_nodes()
        self.clock.turn_to(time_ns)
        self._deliver(self.cluster.advance_to(time_ns), time_ns)

    async def look(self, agent: SimulatedAgent) -> None:
        """Let an agent read, and publish a sample if its interval is full."""
        now_ns = self.clock.now_ns()
        reading = self.cluster.reading(agent.node)
        agent.sampler.take(_reading(reading, agent.ahead_ns))
        if now_ns - agent.sampled_ns >= self._interval_ns:
            agent.sampler.learn(_summary(reading))
            await self.take(agent.sampler.sample(now_ns + agent.ahead_ns), stored_at_ns=now_ns)
            agent.sampled_ns = now_ns
            agent.boundaries.append(now_ns)

    async def take(self, sample: UsageSample, *, stored_at_ns: int, unwatched: bool = False) -> None:
        """Settle and commit a sample."""
        self.settlement.take(sample, stored_at_ns, unwatched=unwatched)
        await self.ledger.commit(self.clock.now_ns())

    async def catch_up(self) -> None:
        """Settle and commit what no sample will settle, as the intake does while the bus rests."""
        self.settlement.catch_up(self.clock.now_ns(), connected=True, drained=True)
        await self.ledger.commit(self.clock.now_ns())

    def truth(self) -> Truth:
        """What it cost, over the samples so far; the last stretch of a node that the ledger is done with by request."""
        nodes = {node.uid: node for node in self.cluster.history.nodes}
        samples: dict[str, list[Sample]] = {}
        for agent in (*self.gone_agents, *self.agents.values()):
            node = nodes[agent.node_uid]
            edges = [node.created_ns, *agent.boundaries]
            samples[node.uid] = [Sample(start_ns=start, end_ns=end) for start, end in pairwise(edges)]
            if node.deleted_ns is not None and node.uid not in self.ledger.nodes:
                samples[node.uid].append(Sample(start_ns=edges[-1], end_ns=node.deleted_ns, by_request=True))
        return settle(self.cluster.history, samples)

    def close(self) -> None:
        """Close the ledger."""
        self.store.close()

    def _follow_nodes(self) -> None:
        for node in self.cluster.nodes.keys() - self.agents.keys():
            self._join(node)
        for node in self.agents.keys() - self.cluster.nodes.keys():
            self.gone_agents.append(self.agents.pop(node))

    def _join(self, node: str) -> None:
        self._sessions += 1
        now_ns = self.clock.now_ns()
        fact = self._facts[node]
        ahead_ns = fact.clock_offset_seconds * SECOND_NS
        sampler = Sampler(
            cluster="twin",
            node=node,
            boot_id="boot",
            session=f"{self._sessions:016x}",
            start_ns=now_ns + ahead_ns,
            machine=Machine(fact.capacity.cpu_millicores / 1000, fact.capacity.memory_bytes),
        )
        self.agents[node] = SimulatedAgent(node, self.cluster.history.node(node).uid, sampler, now_ns, ahead_ns)
        sampler.take(_reading(self.cluster.reading(node), ahead_ns))

    def _deliver(self, events: list[StoreEvent], at_ns: int) -> None:
        for event in events:
            resource = self._resources.get(event.stored.resource.kind)
            if resource is None:
                continue
            read = resource.read_object(msgspec.Raw(event.stored.encoded))
            if event.kind == DELETED:
                self._receiver.removed(resource.kind, read.uid, read.facts, at_ns)
            elif read.facts is not None:
                self._receiver.changed(resource.kind, read.facts, at_ns)
        self._price_nodes()

    def relist(self) -> None:
        """Tell the aggregator of everything anew, in whole lists."""
        for kind, resource in self._resources.items():
            stored = self.cluster.store.objects(by_kind(kind))
            facts = [resource.read_object(msgspec.Raw(one.encoded)).facts for one in stored]
            self._receiver.replaced(kind, [fact for fact in facts if fact is not None], self.clock.now_ns())
        self._price_nodes()

    def _price_nodes(self) -> None:
        records: dict[str, list[Since]] = {}
        for node in self.cluster.history.nodes:
            fact = self._facts[node.name]
            identity = identify(provider_id=fact.provider_id, labels=fact.labels)
            for price in node.prices:
                for capacity, usd in (
                    (ON_DEMAND, price.on_demand_usd_per_hour),
                    (SPOT, price.spot_usd_per_hour),
                ):
                    if usd is not None:
                        since = Since(price.from_ns, _record(fact, usd, price.from_ns))
                        listed = records.setdefault(instance_key(identity, capacity), [])
                        if since not in listed:
                            listed.append(since)
        if {key: tuple(listed) for key, listed in records.items()} != self.shelf.book.records:
            self.shelf.replace({key: tuple(listed) for key, listed in records.items()}, frozenset())


def _record(fact: NodeFact, usd: Fraction, from_ns: int) -> PriceRecord:
    return PriceRecord(
        provider="",
        region="",
        zone="",
        kind="instance",
        sku="",
        os="",
        capacity="",
        usd=float(usd),
        list_usd=float(usd),
        unit="hour",
        currency="USD",
        shape=Shape(vcpu=float(fact.shape.vcpu), memory_gib=float(fact.shape.memory_gib), gpus=float(fact.shape.gpus)),
        weights=Weights(
            vcpu=float(fact.weights.cpu), memory_gib=float(fact.weights.memory), gpu=float(fact.weights.gpu)
        ),
        tiers=[],
        source="api",
        fetched_at_ns=from_ns,
        effective_from_ns=from_ns,
    )


def _reading(simulated: SimulatedReading, ahead_ns: int) -> NodeReading:
    return NodeReading(
        at_ns=simulated.at_ns + ahead_ns,
        roots={"kubepods": {"kubepods": _cgroup(simulated.kubepods)}, "node": {"": _cgroup(simulated.node)}},
        pods={pod.kubelet_uid: {pod.kubelet_uid: _cgroup(counted)} for pod, counted in simulated.pods.values()},
    )


def _cgroup(counted: Counters) -> CgroupReading:
    return CgroupReading(inode=1, cpu_ns=counted.cpu_nanoseconds, working_set_bytes=counted.working_set_bytes, io=None)


def _summary(simulated: SimulatedReading) -> list[PodSummary]:
    return [
        PodSummary(uid=pod.kubelet_uid, namespace=pod.namespace, name=pod.name, network=None, ephemeral_storage=None)
        for pod, _ in simulated.pods.values()
    ]


def _never(error: Exception) -> None:
    raise AssertionError("an object of the simulator can't be read") from error
