"""What everything costs at this moment: immutable snapshots, one a node, made anew when something of it changes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import add
from types import MappingProxyType
from typing import NamedTuple

from kube_cost_aggregator.state import sized_pods
from kube_cost_aggregator.state.budgets import NO_BUDGETS, BudgetBook, BudgetReader
from kube_cost_aggregator.state.facts import NodeFacts, ServiceFacts, VolumeFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.nodes import Node
from kube_cost_aggregator.state.pods import Pod
from kube_cost_aggregator.state.prices import NodePrices, PriceBook
from kube_cost_aggregator.state.sized_pods import size_of, sizing
from kube_cost_aggregator.state.sustained_use import NextSteps
from kube_cost_aggregator.state.volumes import by_name, identify_volume
from kube_cost_common.domain import sustained_use
from kube_cost_common.domain.basis import Basis, counted_requests, counted_usage
from kube_cost_common.domain.nodes import SPOT, NodeIdentity
from kube_cost_common.domain.pod_sizes import Sizing
from kube_cost_common.domain.rates import node_rates
from kube_cost_common.domain.resources import BYTES_PER_GIB, NOTHING, Resources
from kube_cost_common.domain.settlement import NO_USD, Usd
from kube_cost_common.domain.spot import PricedNode
from kube_cost_common.domain.unit_prices import NodePrice

SECONDS_PER_HOUR = 3600
NO_LABELS: Mapping[str, str] = MappingProxyType({})

WAITING = "waiting"
"""Why a node has no price: pricing hasn't said anything of it yet. Else it is pricing's code."""


class PodRate(NamedTuple):
    """A pod's USD per hour by resource. `savings` is what spot saves on it per hour, negative where it doesn't.

    `storage` is its share of the volumes that it mounts, `network` is for what it sends.
    """

    uid: str
    namespace: str
    name: str
    workload_kind: str
    workload: str
    usd: Usd
    savings: float
    storage: float = 0.0
    network: float = 0.0
    labels: Mapping[str, str] = NO_LABELS
    """Those of the pod that costs are added up by."""


class Use(NamedTuple):
    """What pods use and reserve of a node, and what the difference costs.

    `wasted` is USD per hour of what is reserved and not used, `above` of what is used beyond what is reserved.
    """

    used: Resources = NOTHING
    reserved: Resources = NOTHING
    wasted: float = 0.0
    above: float = 0.0

    def plus(self, other: "Use") -> "Use":
        """Return the sum of both."""
        return Use(
            Resources(*map(add, self.used, other.used)),
            Resources(*map(add, self.reserved, other.reserved)),
            self.wasted + other.wasted,
            self.above + other.above,
        )


@dataclass(frozen=True, slots=True)
class NodeRate:
    """A node's rates in USD per hour.

    Without a price it has no pods here, and `unpriced_reason` has the code of why, `unpriced_detail` the sentence.
    """

    facts: NodeFacts
    identity: NodeIdentity
    price: NodePrice | None
    unpriced_reason: str
    on_demand_usd_per_hour: float | None
    spot_usd_per_hour: float | None
    pods: tuple[PodRate, ...]
    system: Usd
    idle: Usd
    unallocated_savings: float
    unpriced_detail: str = ""
    network: float = 0.0
    """For what the node sends beside its pods."""
    use: Mapping[tuple[str, str, str], Use] = field(default_factory=dict)
    """By namespace, kind and name of workload, of pods whose usage is known."""

    @property
    def spot_prices(self) -> PricedNode:
        """What it costs on demand and on spot, and which of them it is.

        What it costs on demand itself is less where sustained use takes something off.
        """
        on_demand = self.on_demand_usd_per_hour if self.price is None else self.price.on_demand_usd_per_hour
        return PricedNode(self.identity.capacity_type == SPOT, on_demand, self.spot_usd_per_hour)


@dataclass(frozen=True, slots=True)
class VolumeRate:
    """A persistent volume's USD per hour, None where nothing is known of its price, and where that is from."""

    facts: VolumeFacts
    usd_per_hour: float | None
    source: str


@dataclass(frozen=True, slots=True)
class LoadBalancerRate:
    """A load balancer's USD per hour, None where nothing is known of its price."""

    facts: ServiceFacts
    usd_per_hour: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """All rates of one moment. `namespaces` holds every known namespace, with 0 where nothing runs."""

    nodes: Mapping[str, NodeRate]
    volumes: Mapping[str, VolumeRate]
    namespaces: frozenset[str]
    load_balancers: Sequence[LoadBalancerRate] = ()
    namespace_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    budgets: BudgetBook = NO_BUDGETS
    control_plane: float = 0.0
    """USD per hour of the control plane; 0 where nobody charges for it, or its price isn't known."""


class RateBoard:
    """Holds the rates; `refresh` brings them up to what the inventory, the price book and the clock say now."""

    def __init__(
        self,
        *,
        inventory: Inventory,
        now_ns: Callable[[], int],
        network_shares: Mapping[str, float] = MappingProxyType({}),
        basis: Basis = "max",
        budgets: BudgetReader | None = None,
    ) -> None:
        """`now_ns` tells the time, Unix nanoseconds. By default `budgets` reads those on namespaces alone."""
        self._inventory = inventory
        self._now_ns = now_ns
        self._basis: Basis = basis
        self._network_shares = network_shares
        self._budgets = budgets or BudgetReader()
        self._storage: dict[str, float] = {}
        self._volumes: dict[str, VolumeRate] = {}
        self._volumes_by: tuple[object, ...] = ()
        self._nodes: dict[str, NodeRate] = {}
        self._ready: dict[str, NodeRate | None] = {}
        self._book: PriceBook | None = None
        self._steps = NextSteps()
        self.now = Rates({}, {}, frozenset())

    def prepare(self, book: PriceBook, *, usage: bool) -> Iterator[str]:
        """Make the rates of changed nodes ready for the next refresh, one by one; yields each uid as it is done.

        Without `usage` those are left of which nothing but their usage is new.
        """
        inventory = self._inventory
        if book is not self._book:
            self._book = book
            inventory.dirty_nodes |= inventory.nodes.keys() | self._nodes.keys()
        inventory.dirty_nodes.update(self._steps.due(self._now_ns()))
        for uid in inventory.dirty_nodes | inventory.used_nodes if usage else list(inventory.dirty_nodes):
            inventory.dirty_nodes.discard(uid)
            inventory.used_nodes.discard(uid)
            node = inventory.nodes.get(uid)
            gone = node is None or node.ended_ns is not None
            self._steps.note(uid, None)
            self._ready[uid] = None if gone or node is None else self._rate(node, book)
            yield uid

    def refresh(self, book: PriceBook) -> Rates:
        """Return the rates at the prices of `book`; nodes that haven't changed keep their snapshot, by identity."""
        inventory = self._inventory
        self._refresh_volumes(book)
        nodes = self._refreshed(book, usage=True)
        names = frozenset(namespace.name for namespace in inventory.namespaces.values())
        place = inventory.place()
        balancer, _ = book.load_balancer_usd_per_hour(place)
        balancers = tuple(
            LoadBalancerRate(life.facts, balancer)
            for life in inventory.service_lives.known.values()
            if life.end_ns is None and life.facts.has_load_balancer
        )
        fee, _ = book.control_plane_usd_per_hour(place)
        labels = {one.name: one.labels for one in inventory.namespaces.values()}
        budgets = self._budgets.read(inventory.namespaces.values())
        self.now = Rates(nodes, self._volumes, names, balancers, labels, budgets, fee or 0.0)
        return self.now

    def _refresh_volumes(self, book: PriceBook) -> None:
        """Price volumes anew where they, their classes or prices have changed; tell pods of their shares."""
        inventory = self._inventory
        region = inventory.region()
        priced_by = (book, region, tuple(inventory.storage_classes.values()))
        known = self._volumes if priced_by == self._volumes_by else {}
        classes = by_name(inventory.storage_classes.values())
        volumes: dict[str, VolumeRate] = {}
        storage: dict[str, float] = {}
        for uid, life in inventory.volume_lives.known.items():
            if life.end_ns is not None:
                continue
            rate = known.get(uid)
            if rate is None or rate.facts is not life.facts:
                identity = identify_volume(life.facts, classes, region)
                rate = VolumeRate(life.facts, *book.volume_usd_per_hour(life.facts, identity))
            volumes[uid] = rate
            if rate.usd_per_hour and rate.facts.claim is not None:
                mounting = inventory.mounts.running(*rate.facts.claim)
                for pod in mounting:
                    storage[pod.uid] = storage.get(pod.uid, 0.0) + rate.usd_per_hour / len(mounting)
        for uid in storage.keys() | self._storage.keys():
            changed = inventory.pods.get(uid) if storage.get(uid) != self._storage.get(uid) else None
            if changed is not None:
                inventory.dirty_nodes.add(changed.node_uid)
        self._volumes, self._volumes_by, self._storage = volumes, priced_by, storage

    def refresh_pods(self, book: PriceBook) -> Rates:
        """Return the rates with what has changed but for usage alone, and volumes: those are as they were."""
        self.now = replace(self.now, nodes=self._refreshed(book, usage=False))
        return self.now

    def _refreshed(self, book: PriceBook, *, usage: bool) -> Mapping[str, NodeRate]:
        for _ in self.prepare(book, usage=usage):
            pass
        nodes = dict(self._nodes)
        for uid, rate in self._ready.items():
            if rate is None:
                nodes.pop(uid, None)
            else:
                nodes[uid] = rate
        self._ready.clear()
        self._nodes = nodes
        return nodes

    def _rate(self, node: Node, book: PriceBook) -> NodeRate:
        """Return a node's rates; pods whose rates are those of before keep their snapshot, by identity."""
        before = self._nodes.get(node.facts.uid)
        sold = sizing(node)
        prices = book.node_prices(node.facts, node.identity) if sold is None else self._sized_prices(node, sold, book)
        if prices.now is None:
            why = book.why_unpriced(node.facts, node.identity)
            reason, detail = (WAITING, "") if why is None else (why.code, why.reason)
            return NodeRate(
                node.facts, node.identity, None, reason, prices.on_demand, prices.spot, (), NO_USD, NO_USD, 0.0, detail
            )
        running = [pod for pod in node.pods.values() if pod.end_ns is None]
        price, next_ns = sustained_use.at(prices.now, created_ns=node.facts.created_ns, now_ns=self._now_ns())
        self._steps.note(node.facts.uid, next_ns)
        rates = node_rates(
            price=price,
            allocatable=node.facts.allocatable if sold is None else sized_pods.WHOLE,
            requests=[size_of(pod, sold) for pod in running]
            if sold is not None
            else [counted_requests(self._basis, pod.requests[-1].requests, known_usage(pod)) for pod in running],
            usages=[counted_usage(self._basis, None if sold else known_usage(pod)) for pod in running],
        )
        saved = 0.0 if price.on_demand_usd_per_hour is None else price.on_demand_usd_per_hour - price.usd_per_hour
        saved_per_usd = saved / price.usd_per_hour if price.usd_per_hour > 0 else 0.0
        usd_per_byte_second = self._usd_per_gib(node, book) / BYTES_PER_GIB * SECONDS_PER_HOUR
        known = {pod.uid: pod for pod in before.pods} if before is not None and before.price == price else {}
        pods: list[PodRate] = []
        allocated = 0.0
        for pod, usd in zip(running, rates.pods, strict=True):
            storage = self._storage.get(pod.uid, 0.0)
            network = pod.transmit_bytes_per_second * usd_per_byte_second
            labels = pod.facts.labels if pod.facts is not None else NO_LABELS
            rate = known.get(pod.uid)
            if (
                rate is None
                or rate.usd != usd
                or rate.storage != storage
                or rate.network != network
                or rate.workload != pod.workload
                or rate.workload_kind != pod.workload_kind
                or rate.labels != labels
            ):
                savings = sum(usd) * saved_per_usd
                rate = PodRate(
                    pod.uid,
                    pod.namespace,
                    pod.name,
                    pod.workload_kind,
                    pod.workload,
                    usd,
                    savings,
                    storage,
                    network,
                    labels,
                )
            pods.append(rate)
            allocated += rate.savings
        return NodeRate(
            node.facts,
            node.identity,
            price,
            "",
            prices.on_demand,
            prices.spot,
            tuple(pods),
            rates.system,
            rates.idle,
            saved - allocated,
            network=node.transmit_bytes_per_second * usd_per_byte_second,
            use=_use(running, price),
        )

    def _sized_prices(self, node: Node, sold: Sizing, book: PriceBook) -> NodePrices:
        return NodePrices(sized_pods.price_now(node, sold, book, self._inventory.region()), None, None)

    def _usd_per_gib(self, node: Node, book: PriceBook) -> float:
        if not self._network_shares:
            return 0.0
        return book.network_usd_per_gib(node.identity.provider, node.identity.region, self._network_shares)


def known_usage(pod: Pod) -> Resources | None:
    """Return what a pod used in the last sample, None where no sample has told."""
    return None if pod.usage is NOTHING else pod.usage


def _use(pods: Sequence[Pod], price: NodePrice) -> dict[tuple[str, str, str], Use]:
    """Return what pods use and reserve, by workload, as far as their usage is known."""
    found: dict[tuple[str, str, str], Use] = {}
    usd_vcpu, usd_gib, usd_gpu = price.unit_prices
    for pod in pods:
        used, reserved = known_usage(pod), pod.requests[-1].requests
        if used is None:
            continue
        if pod.busy_gpus is not None:
            used = used._replace(gpus=pod.busy_gpus)
        elif reserved.gpus:  # nobody says how busy they are: that is neither use nor waste
            reserved = reserved._replace(gpus=0.0)
        (vcpu, gib, gpus), (has_vcpu, has_gib, has_gpus) = used, reserved
        wasted = above = 0.0
        for more, usd in ((vcpu - has_vcpu, usd_vcpu), (gib - has_gib, usd_gib), (gpus - has_gpus, usd_gpu)):
            if more > 0:
                above += more * usd
            else:
                wasted -= more * usd
        key = (pod.namespace, pod.workload_kind, pod.workload)
        use = Use(used, reserved, wasted, above)
        known = found.get(key)
        found[key] = use if known is None else known.plus(use)
    return found
