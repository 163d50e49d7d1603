"""The whole way of the money in one process, at any speed: simulated cluster, sampler, settlement, ledger.

No bus, no files but the ledger's, no time but the simulated cluster's own. Its truth is the simulator's.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgspec

from harness.keepers import AnyStore, FileKeeper, Keeper
from harness.twin_prices import price_records
from kube_cost_agent.gpu_use import busy_gpus
from kube_cost_agent.machine import Machine
from kube_cost_agent.readings import CgroupReading, IoReading, NetworkReading, NodeReading, PodSummary, Summary
from kube_cost_agent.sampler import Sampler
from kube_cost_aggregator.inputs.kubernetes.objects import ObjectReader
from kube_cost_aggregator.inputs.kubernetes.receiver import InventoryReceiver
from kube_cost_aggregator.inputs.kubernetes.resources import Facts, Resource, all_resources
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.prices import PriceShelf
from kube_cost_aggregator.state.restart import restore
from kube_cost_aggregator.state.settlement import SIZED_LAG_NS, Patience, Settlement
from kube_cost_aggregator.state.standing import LAG_NS, StandingCosts
from kube_cost_common.domain.basis import Basis
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES
from kube_cost_common.domain.privacy import PLAIN, PodNames
from kube_cost_common.domain.sharing import NOTHING_SHARED, SharingRules
from kube_cost_common.messages.usage import UsageSample
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.costs.rows import Costs
from kube_cost_simulator.costs.sustained_use import with_sustained_use
from kube_cost_simulator.costs.whole import whole_truth
from kube_cost_simulator.dcgm import DcgmMetrics
from kube_cost_simulator.history import History
from kube_cost_simulator.readings import Counters
from kube_cost_simulator.readings import NodeReading as SimulatedReading
from kube_cost_simulator.resources import by_kind
from kube_cost_simulator.scenario import Scenario
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
    dcgm: DcgmMetrics | None = None
    """The exporter that tells how busy the node's GPUs are, where it has any."""


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
        basis: Basis = "max",
        sharing: SharingRules = NOTHING_SHARED,
        pod_names: PodNames = PLAIN,
        labels: frozenset[str] = frozenset(),
        keeper: Keeper | None = None,
    ) -> None:
        self._pod_names = pod_names
        self._labels = labels
        self._basis: Basis = basis
        self._sharing = sharing
        self.clock = ManualClock(start_ns=start_ns)
        self.cluster = SimulatedCluster(scenario=scenario, seed=seed, clock=self.clock)
        self.agents: dict[str, SimulatedAgent] = {}
        self.gone_agents: list[SimulatedAgent] = []
        self._interval_ns = interval_seconds * SECOND_NS
        self._read_ns = read_seconds * SECOND_NS
        self._keeper = keeper or FileKeeper(folder)
        self._sessions = 0
        self._standing_intervals = start_ns // self._interval_ns
        self._facts = {node.name: node for node in scenario.nodes}
        self.store: AnyStore
        self.inventory: Inventory
        self.ledger: Ledger
        self.settlement: Settlement
        self.standing: StandingCosts
        self.shelf: PriceShelf
        self._receiver: InventoryReceiver
        self._resources: dict[str, Resource[Facts]]

    async def start(self) -> None:
        """Open the ledger and take up what the cluster has at its beginning."""
        await self.start_aggregator()
        self._deliver(self.cluster.start(), self.clock.now_ns())
        self._follow_nodes()

    async def start_aggregator(self) -> None:
        """Begin with what the ledger has committed, as a new process would."""
        self.store = await self._keeper.open()
        self.inventory = Inventory(changed=lambda: None)
        self.ledger = Ledger(store=self.store, sharing=self._sharing)
        self.shelf = PriceShelf(defaults=None, changed=lambda: None)
        shares = self.cluster.history.prices.network.shares
        self.settlement = Settlement(
            inventory=self.inventory,
            ledger=self.ledger,
            prices=self.shelf,
            patience=Patience(),
            network_shares={sku: float(share) for sku, share in shares.items()},
            basis=self._basis,
            pod_names=self._pod_names,
        )
        self.standing = StandingCosts(
            inventory=self.inventory, ledger=self.ledger, prices=self.shelf, price_patience_seconds=600.0
        )
        self._receiver = InventoryReceiver(inventory=self.inventory, last_seen_ns=self.settlement.last_seen_ns)
        reader = ObjectReader(
            gpus=DEFAULT_GPU_RESOURCES, kept_labels=self._labels, report=_never, pod_names=self._pod_names
        )
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
            if self.clock.now_ns() // self._interval_ns > self._standing_intervals:
                self._standing_intervals = self.clock.now_ns() // self._interval_ns
                await self.settle_standing()

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
        if agent.dcgm is not None:
            agent.sampler.learn_gpus(now_ns + agent.ahead_ns, busy_gpus(agent.dcgm.text()))
        if now_ns - agent.sampled_ns >= self._interval_ns:
            agent.sampler.learn(_summary(reading))
            await self.take(agent.sampler.sample(now_ns + agent.ahead_ns), stored_at_ns=now_ns)
            agent.sampled_ns = now_ns
            agent.boundaries.append(now_ns)

    async def take(self, sample: UsageSample, *, stored_at_ns: int, unwatched: bool = False) -> None:
        """Settle and commit a sample."""
        self.settlement.take(sample, stored_at_ns, unwatched=unwatched)
        await self.ledger.commit(self.clock.now_ns())

    async def settle_standing(self) -> None:
        """Settle and commit what costs by its mere being, as the intake does once an interval."""
        for _ in self.standing.settle(self.clock.now_ns() + LAG_NS):
            pass
        await self.ledger.commit(self.clock.now_ns())

    async def catch_up(self) -> None:
        """Settle and commit what no sample will settle, as the intake does while the bus rests."""
        self.settlement.catch_up(self.clock.now_ns() + SIZED_LAG_NS, connected=True, drained=True)
        await self.ledger.commit(self.clock.now_ns())

    def history(self) -> History:
        """What happened, at the prices that are paid: some are less than the list's, which `price_records` has."""
        return with_sustained_use(self.cluster.history)

    def truth(self) -> Truth:
        """What the machines cost, over the time that is settled."""
        return settle(self.history(), self.samples())

    def costs(self) -> Costs:
        """What everything cost: machines over the time that is settled, everything else until now."""
        return whole_truth(self.history(), self.samples())

    def samples(self) -> dict[str, list[Sample]]:
        """By node uid the stretches that were settled: an agent's samples, what else is settled by request."""
        samples: dict[str, list[Sample]] = {}
        agents = {agent.node_uid: agent for agent in (*self.gone_agents, *self.agents.values())}
        for node in self.cluster.history.nodes:
            agent, state = agents.get(node.uid), self.ledger.nodes.get(node.uid)
            if node.pod_sized is not None:
                continue
            edges = [node.created_ns, *(agent.boundaries if agent is not None else ())]
            samples[node.uid] = [Sample(start_ns=start, end_ns=end) for start, end in pairwise(edges)]
            through_ns = node.deleted_ns if state is None else state.settled_through_ns
            if through_ns is not None and through_ns > edges[-1]:
                samples[node.uid].append(Sample(start_ns=edges[-1], end_ns=through_ns, by_request=True))
        return samples

    def close(self) -> None:
        """Close the ledger."""
        self.store.close()

    def _follow_nodes(self) -> None:
        for node in self.cluster.nodes.keys() - self.agents.keys():
            if self.cluster.nodes[node].fact.agent:
                self._join(node)
        for node in self.agents.keys() - self.cluster.nodes.keys():
            self.gone_agents.append(self.agents.pop(node))

    def _join(self, node: str) -> None:
        self._sessions += 1
        now_ns = self.clock.now_ns()
        fact = self.cluster.nodes[node].fact
        ahead_ns = fact.clock_offset_seconds * SECOND_NS
        sampler = Sampler(
            cluster="twin",
            node=node,
            boot_id="boot",
            session=f"{self._sessions:016x}",
            start_ns=now_ns + ahead_ns,
            machine=Machine(fact.capacity.cpu_millicores / 1000, fact.capacity.memory_bytes),
        )
        agent = SimulatedAgent(node, self.cluster.history.node(node).uid, sampler, now_ns, ahead_ns)
        if fact.gpu_hardware is not None:
            agent.dcgm = DcgmMetrics(cluster=self.cluster, node=node, virtual_gpus=True)
        self.agents[node] = agent
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
        self._price_everything()

    def relist(self) -> None:
        """Tell the aggregator of everything anew, in whole lists."""
        for kind, resource in self._resources.items():
            stored = self.cluster.store.objects(by_kind(kind))
            facts = [resource.read_object(msgspec.Raw(one.encoded)).facts for one in stored]
            self._receiver.replaced(kind, [fact for fact in facts if fact is not None], self.clock.now_ns())
        self._price_everything()

    def _price_everything(self) -> None:
        records = price_records(self.cluster, self._facts, self.inventory)
        if records != self.shelf.book.records:
            self.shelf.replace(records, frozenset())


def _reading(simulated: SimulatedReading, ahead_ns: int) -> NodeReading:
    return NodeReading(
        at_ns=simulated.at_ns + ahead_ns,
        roots={"kubepods": {"kubepods": _cgroup(simulated.kubepods)}, "node": {"": _cgroup(simulated.node)}},
        pods={pod.kubelet_uid: {pod.kubelet_uid: _cgroup(counted)} for pod, counted in simulated.pods.values()},
    )


def _cgroup(counted: Counters) -> CgroupReading:
    return CgroupReading(
        inode=1,
        cpu_ns=counted.cpu_nanoseconds,
        working_set_bytes=counted.working_set_bytes,
        io=IoReading(
            read_bytes=counted.read_bytes,
            write_bytes=counted.write_bytes,
            read_operations=counted.read_operations,
            write_operations=counted.write_operations,
        ),
    )


def _summary(simulated: SimulatedReading) -> Summary:
    pods = [
        PodSummary(
            uid=pod.kubelet_uid,
            namespace=pod.namespace,
            name=pod.name,
            network=None if pod.template.host_network else _network(simulated.at_ns, counted),
            ephemeral_storage=None,
        )
        for pod, counted in simulated.pods.values()
    ]
    return Summary(pods=pods, network=_network(simulated.at_ns, simulated.node))


def _network(at_ns: int, counted: Counters) -> NetworkReading:
    return NetworkReading(time_ns=at_ns, receive_bytes=counted.receive_bytes, transmit_bytes=counted.transmit_bytes)


def _never(error: Exception) -> None:
    raise AssertionError("an object of the simulator can't be read") from error
