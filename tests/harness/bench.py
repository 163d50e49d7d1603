"""The settlement of a few hand-made nodes, with its ledger's rows at hand."""

from collections.abc import Sequence

from harness.records import SECOND, START, MemoryStore, node_facts, price_record
from harness.rows import PodMoney
from kube_cost_aggregator.history.store import NodeState
from kube_cost_aggregator.state.facts import NodeFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.prices import DefaultPrices, PriceShelf, Since, instance_key
from kube_cost_aggregator.state.settlement import Outcome, Patience, Settlement
from kube_cost_common.domain.nodes import ON_DEMAND
from kube_cost_common.messages.usage import UsageSample

DEFAULTS = DefaultPrices(usd_per_vcpu_hour=0.03, usd_per_gib_hour=0.004, usd_per_gpu_hour=1.0)
USD = 0.4
CPU_USD = USD * 0.031611 / (4 * 0.031611 + 16 * 0.004237)
"""Of a vCPU and hour on the node of `records`."""

MEMORY_USD = USD * 0.004237 / (4 * 0.031611 + 16 * 0.004237)


class Bench:
    """Settles into a ledger that never commits, so that all of its rows are in its batch."""

    def __init__(
        self,
        *,
        nodes: Sequence[NodeFacts] = (node_facts(),),
        priced: bool = True,
        defaults: DefaultPrices | None = None,
    ) -> None:
        self.inventory = Inventory(changed=lambda: None)
        self.ledger = Ledger(store=MemoryStore())
        self.shelf = PriceShelf(defaults=defaults, changed=lambda: None)
        self.settlement = Settlement(
            inventory=self.inventory, ledger=self.ledger, prices=self.shelf, patience=Patience()
        )
        for node in nodes:
            self.inventory.put_node(node, node.created_ns)
        if priced:
            self.price()

    def price(self, usd: float = USD, since_ns: int = START) -> None:
        """Let the nodes cost `usd` an hour from then on."""
        (node, *_) = self.inventory.nodes.values()
        key = instance_key(node.identity, ON_DEMAND)
        known = self.shelf.book.records.get(key, ())
        self.shelf.replace({key: (*known, Since(since_ns, price_record(usd)))}, frozenset())

    def take(self, sample: UsageSample, *, ahead_ns: int = 0, delay_ns: int = 0) -> Outcome:
        """Settle a sample of an agent whose clock is `ahead_ns`, and that was `delay_ns` on its way."""
        return self.settlement.take(sample, sample.sent_at_ns - ahead_ns + delay_ns)

    def wait(self, from_ns: int, to_ns: int, *, drained: bool = True) -> None:
        """Let time pass with the bus there, as the intake does."""
        for now_ns in range(from_ns, to_ns + 1, 5 * SECOND):
            self.settlement.catch_up(now_ns, connected=True, drained=drained)

    def state(self, uid: str = "node-uid") -> NodeState:
        """The ledger's state of a node."""
        return self.ledger.nodes[uid]

    @property
    def through(self) -> float:
        """What the first node is settled through, in seconds since START."""
        return (next(iter(self.ledger.nodes.values())).settled_through_ns - START) / SECOND

    def pod(self, uid: str = "pod-uid") -> PodMoney:
        """What a pod was charged in all."""
        numbers = [number for number, row in self.ledger.batch.pods.items() if row.uid == uid]
        hours = [row for (_, number), row in self.ledger.batch.pod_hours.items() if number in numbers]
        return PodMoney(
            sum(row.money.cpu for row in hours),
            sum(row.money.memory for row in hours),
            sum(row.money.gpu for row in hours),
            sum(row.money.savings for row in hours),
            sum(row.seconds for row in hours),
            sum(row.estimated_seconds for row in hours),
        )

    def vcpus(self, seconds: float, uid: str = "pod-uid") -> float:
        """The vCPUs that a pod was charged on average over that time."""
        return self.pod(uid).cpu / 1e9 / CPU_USD * 3600 / seconds

    def gib(self, seconds: float, uid: str = "pod-uid") -> float:
        """The GiB that a pod was charged on average over that time."""
        return self.pod(uid).memory / 1e9 / MEMORY_USD * 3600 / seconds

    @property
    def pods(self) -> list[str]:
        """The uids of the pods that have rows, each row's."""
        return sorted(row.uid for row in self.ledger.batch.pods.values())

    @property
    def paid(self) -> int:
        """What all nodes cost, in nano-USD."""
        return sum(row.paid for row in self.ledger.batch.node_hours.values())

    @property
    def estimated_seconds(self) -> float:
        """How much of all nodes' time is estimated."""
        return sum(row.estimated_seconds for row in self.ledger.batch.node_hours.values())

    def check(self) -> None:
        """Assert that every node-hour is given out to the nano-USD, and the namespaces' hours are the nodes'."""
        batch = self.ledger.batch
        for (hour, node_id), row in batch.node_hours.items():
            given = row.system.total + row.idle.total
            for (its_hour, number), charged in batch.pod_hours.items():
                if its_hour == hour and batch.pods[number].node_id == node_id:
                    given += charged.money.total
            assert given == row.paid
        assert sum(money.total for money in batch.namespace_hours.values()) == self.paid
