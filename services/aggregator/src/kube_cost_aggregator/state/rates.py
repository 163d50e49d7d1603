"""What everything costs at this moment: immutable snapshots, one a node, made anew when something of it changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from kube_cost_aggregator.state.facts import NodeFacts, VolumeFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.nodes import Node
from kube_cost_aggregator.state.prices import PriceBook
from kube_cost_aggregator.state.volumes import by_name, identify_volume
from kube_cost_common.domain.nodes import NodeIdentity
from kube_cost_common.domain.rates import node_rates
from kube_cost_common.domain.settlement import NO_USD, Usd
from kube_cost_common.domain.unit_prices import NodePrice

WAITING = "waiting"
"""Why a node has no price: pricing hasn't said anything of it yet. Else it is pricing's code."""


class PodRate(NamedTuple):
    """A pod's USD per hour by resource. `savings` is what spot saves on it per hour, negative where it doesn't."""

    uid: str
    namespace: str
    name: str
    workload_kind: str
    workload: str
    usd: Usd
    savings: float


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


@dataclass(frozen=True, slots=True)
class VolumeRate:
    """A persistent volume's USD per hour, None where nothing is known of its price, and where that is from."""

    facts: VolumeFacts
    usd_per_hour: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Rates:
    """All rates of one moment. `namespaces` holds every known namespace, with 0 where nothing runs."""

    nodes: Mapping[str, NodeRate]
    volumes: Mapping[str, VolumeRate]
    namespaces: frozenset[str]


class RateBoard:
    """Holds the rates; `refresh` brings them up to what the inventory and the price book say now."""

    def __init__(self, *, inventory: Inventory) -> None:
        self._inventory = inventory
        self._nodes: dict[str, NodeRate] = {}
        self._ready: dict[str, NodeRate | None] = {}
        self._book: PriceBook | None = None
        self.now = Rates({}, {}, frozenset())

    def prepare(self, book: PriceBook, *, usage: bool) -> Iterator[str]:
        """Make the rates of changed nodes ready for the next refresh, one by one; yields each uid as it is done.

        Without `usage` those are left of which nothing but their usage is new.
        """
        inventory = self._inventory
        if book is not self._book:
            self._book = book
            inventory.dirty_nodes |= inventory.nodes.keys() | self._nodes.keys()
        for uid in inventory.dirty_nodes | inventory.used_nodes if usage else list(inventory.dirty_nodes):
            inventory.dirty_nodes.discard(uid)
            inventory.used_nodes.discard(uid)
            node = inventory.nodes.get(uid)
            gone = node is None or node.ended_ns is not None
            self._ready[uid] = None if gone or node is None else _rate(node, book, self._nodes.get(uid))
            yield uid

    def refresh(self, book: PriceBook) -> Rates:
        """Return the rates at the prices of `book`; nodes that haven't changed keep their snapshot, by identity."""
        inventory = self._inventory
        nodes = self._refreshed(book, usage=True)
        classes = by_name(inventory.storage_classes.values())
        region = inventory.region()
        volumes = {
            uid: VolumeRate(volume, *book.volume_usd_per_hour(volume, identify_volume(volume, classes, region)))
            for uid, volume in inventory.volumes.items()
        }
        names = frozenset(namespace.name for namespace in inventory.namespaces.values())
        self.now = Rates(nodes, volumes, names)
        return self.now

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


def _rate(node: Node, book: PriceBook, before: NodeRate | None) -> NodeRate:
    """Return a node's rates; pods whose rates are those of `before` keep their snapshot, by identity."""
    prices = book.node_prices(node.facts, node.identity)
    if prices.now is None:
        why = book.why_unpriced(node.identity)
        reason, detail = (WAITING, "") if why is None else (why.code, why.reason)
        return NodeRate(
            node.facts, node.identity, None, reason, prices.on_demand, prices.spot, (), NO_USD, NO_USD, 0.0, detail
        )
    running = [pod for pod in node.pods.values() if pod.end_ns is None]
    rates = node_rates(
        price=prices.now,
        allocatable=node.facts.allocatable,
        requests=[pod.requests[-1].requests for pod in running],
        usages=[pod.usage for pod in running],
    )
    price = prices.now
    saved = 0.0 if price.on_demand_usd_per_hour is None else price.on_demand_usd_per_hour - price.usd_per_hour
    saved_per_usd = saved / price.usd_per_hour if price.usd_per_hour > 0 else 0.0
    known = {pod.uid: pod for pod in before.pods} if before is not None and before.price == price else {}
    pods: list[PodRate] = []
    allocated = 0.0
    for pod, usd in zip(running, rates.pods, strict=True):
        rate = known.get(pod.uid)
        if rate is None or rate.usd != usd or rate.workload != pod.workload or rate.workload_kind != pod.workload_kind:
            cpu, memory, gpu = usd
            savings = (cpu + memory + gpu) * saved_per_usd
            rate = PodRate(pod.uid, pod.namespace, pod.name, pod.workload_kind, pod.workload, usd, savings)
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
    )
