"""The prices that are known, with when each began: one immutable book, swapped whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from kube_cost_aggregator.state.facts import NodeFacts, VolumeFacts
from kube_cost_aggregator.state.places import Place
from kube_cost_aggregator.state.sustained_use import quarters_of
from kube_cost_aggregator.state.volumes import VolumeIdentity
from kube_cost_common.domain import unit_prices
from kube_cost_common.domain.attached_gpus import attached_gpus, attached_labels
from kube_cost_common.domain.money import HOURS_PER_MONTH
from kube_cost_common.domain.nodes import SPOT, NodeIdentity, price_zone
from kube_cost_common.domain.resources import BYTES_PER_GIB, NOTHING, Resources
from kube_cost_common.domain.settlement import PriceChange
from kube_cost_common.domain.unit_prices import DEFAULT_WEIGHTS, NodePrice, Quarters, Weights
from kube_cost_common.messages.prices import (
    CONTROL_PLANE,
    DISK_MONTH,
    INSTANCE,
    LOAD_BALANCER,
    NETWORK,
    ON_DEMAND,
    POD_MEMORY,
    POD_VCPU,
    VOLUME,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
    PriceRecord,
    Unpriced,
    labels_hash,
    price_key,
)

ESTIMATE = "estimate"

CONTROL_PLANE_SKU = "standard"
"""The control plane that is asked for: one with extended support costs more, and no node says so."""

_KEYS = 4096
"""Keys that are remembered, since each sample asks for its node's: there are as many as kinds of machines by zone."""


class NodePrices(NamedTuple):
    """A node's prices now, in USD per hour, before sustained use. `now` is its own, None while that isn't known.

    `spot` is None where pricing can only guess it: a guess is paid, since something must be, but not shown as a price.
    """

    now: NodePrice | None
    on_demand: float | None
    spot: float | None


class RateChange(NamedTuple):
    """From `since_ns` on, something costs `usd_per_hour`, by a price of that source."""

    since_ns: int
    usd_per_hour: float
    source: str


class Since(NamedTuple):
    """A price record and the Unix nanoseconds from which on it holds."""

    since_ns: int
    record: PriceRecord


@dataclass(frozen=True, kw_only=True)
class DefaultPrices:
    """What a node is taken to cost when nothing answers: USD per hour of a vCPU, a GiB, a GPU."""

    usd_per_vcpu_hour: float
    usd_per_gib_hour: float
    usd_per_gpu_hour: float

    def price(self, capacity: Resources) -> NodePrice:
        """Return the assumed price of a node of that capacity."""
        weights = Weights(self.usd_per_vcpu_hour, self.usd_per_gib_hour, self.usd_per_gpu_hour)
        usd = sum(amount * price for amount, price in zip(capacity, weights, strict=True))
        return NodePrice(usd, None, capacity, unit_prices.split(usd, capacity, weights), ESTIMATE, estimated=True)


@dataclass(frozen=True)
class PriceBook:
    """Each price key's records, oldest first, and why those are missing that pricing looked for in vain, by key.

    `assumed` are the uids of nodes whose wait for a price is over. With `sustained_use` prices say of which of them
    less is paid the longer a machine runs.
    """

    records: Mapping[str, Sequence[Since]] = field(default_factory=dict)
    wanted_labels: frozenset[str] = frozenset()
    unpriced: Mapping[str, Unpriced] = field(default_factory=dict)
    defaults: DefaultPrices | None = None
    assumed: frozenset[str] = frozenset()
    sustained_use: bool = True

    def node_prices(self, facts: NodeFacts, identity: NodeIdentity) -> NodePrices:
        """Return what a node costs now by the list, on demand and spot, whichever it pays."""
        on_demand = self._last(self._instance_records(facts, identity, ON_DEMAND))
        spot = self._last(self._instance_records(facts, identity, SPOT))
        timeline = self.node_timeline(facts, identity)
        return NodePrices(
            timeline[-1].price if timeline else None,
            on_demand.usd if on_demand else None,
            spot.usd if spot and spot.source != ESTIMATE else None,
        )

    def node_timeline(self, facts: NodeFacts, identity: NodeIdentity) -> list[PriceChange]:
        """Return what a node has cost and since when, oldest first; the first reaches back. Empty: not known.

        What sustained use takes off is still to be taken off.
        """
        on_demand = self._instance_records(facts, identity, ON_DEMAND)
        paid = self._instance_records(facts, identity, SPOT) if identity.capacity_type == SPOT else on_demand
        if not paid:
            if facts.uid in self.assumed and self.defaults is not None:
                return [PriceChange(0, self.defaults.price(facts.capacity))]
            return []
        changes = []
        for moment in sorted({since.since_ns for since in (*paid, *on_demand)}):
            listed, held = _at(on_demand, moment), _at(paid, moment) or paid[0].record
            quarters = quarters_of(identity, held) if self.sustained_use else ()
            changes.append(PriceChange(moment, _node_price(held, listed, facts, quarters)))
        return changes

    def node_record(self, facts: NodeFacts, identity: NodeIdentity) -> PriceRecord | None:
        """Return the record that a node pays by now; None where it pays by none: it waits, or is no machine."""
        return self._last(self._instance_records(facts, identity, identity.capacity_type))

    def why_unpriced(self, facts: NodeFacts, identity: NodeIdentity) -> Unpriced | None:
        """Return what pricing says of a node's price that isn't there, None where it hasn't said anything yet."""
        wanted = self.node_labels(facts, identity)
        attached = attached_gpus(identity.provider, identity.instance_type, wanted)
        return self.unpriced.get(
            instance_key(identity, identity.capacity_type, labels_hash(wanted) if attached else "")
        )

    def is_in_other_money(self, facts: NodeFacts, identity: NodeIdentity) -> bool:
        """Whether a node's price is known in a currency without a rate: then no figure in USD is made up for it."""
        why = self.why_unpriced(facts, identity)
        return why is not None and why.code == "currency"

    def volume_usd_per_hour(self, volume: VolumeFacts, identity: VolumeIdentity) -> tuple[float | None, str]:
        """Return a volume's USD per hour by what is provisioned, and the price's source; None: not known."""
        return _last_rate(self.volume_timeline(volume, identity))

    def volume_timeline(self, volume: VolumeFacts, identity: VolumeIdentity) -> list[RateChange]:
        """Return what a volume has cost and since when, oldest first; the first reaches back. Empty: not known.

        Operations and throughput without a price of their own are in that of the capacity.
        """
        amounts = {
            VOLUME: volume.capacity_bytes / BYTES_PER_GIB,
            VOLUME_IOPS: identity.iops,
            VOLUME_THROUGHPUT: identity.mib_per_second,
        }
        known = {
            kind: records
            for kind, amount in amounts.items()
            if amount and (records := self.records.get(volume_key(identity, kind), ()))
        }
        if not known.get(VOLUME):
            return []
        changes = []
        for moment in sorted({since.since_ns for records in known.values() for since in records}):
            held = {kind: _at(records, moment) or records[0].record for kind, records in known.items()}
            usd_per_month = sum(_usd_per_month(record, amounts[kind]) for kind, record in held.items())
            changes.append(RateChange(moment, usd_per_month / HOURS_PER_MONTH, held[VOLUME].source))
        return changes

    def load_balancer_timeline(self, place: Place) -> list[RateChange]:
        """Return what a load balancer has cost per hour, as `volume_timeline` does."""
        return self._hourly(place_key(place, LOAD_BALANCER))

    def load_balancer_usd_per_hour(self, place: Place) -> tuple[float | None, str]:
        """Return what a load balancer costs per hour, and the price's source; None: not known."""
        return _last_rate(self.load_balancer_timeline(place))

    def control_plane_timeline(self, place: Place) -> list[RateChange]:
        """Return what the control plane has cost per hour, as `volume_timeline` does. Whose own it is has no fee."""
        return self._hourly(place_key(place, CONTROL_PLANE, CONTROL_PLANE_SKU)) if place.managed else []

    def control_plane_usd_per_hour(self, place: Place) -> tuple[float | None, str]:
        """Return what the control plane costs per hour, and the price's source; None: nothing, or not known."""
        return _last_rate(self.control_plane_timeline(place))

    def pod_size_timelines(self, place: Place, sku: str) -> tuple[list[RateChange], list[RateChange]]:
        """Return what a vCPU and a GiB of pods without a machine have cost per hour, as `volume_timeline` does."""
        return self._hourly(place_key(place, POD_VCPU, sku)), self._hourly(place_key(place, POD_MEMORY, sku))

    def network_usd_per_gib(self, provider: str, region: str, shares: Mapping[str, float]) -> float:
        """Return what a GiB sent from there costs, of which each class (`zone`, `region`, `internet`) has its share.

        A class without a price is free. Where a class has tiers by the month's traffic, its first price is taken.
        """
        usd = 0.0
        for sku, share in shares.items():
            record = self._last(self.records.get(place_key(Place(provider, region, managed=False), NETWORK, sku), ()))
            if share and record is not None:
                usd += share * record.usd
        return usd

    def _hourly(self, key: str) -> list[RateChange]:
        return [
            RateChange(since.since_ns, since.record.usd, since.record.source) for since in self.records.get(key, ())
        ]

    def _instance_records(self, facts: NodeFacts, identity: NodeIdentity, capacity_type: str) -> Sequence[Since]:
        wanted = self.node_labels(facts, identity)
        if wanted:
            bound = self.records.get(instance_key(identity, capacity_type, labels_hash(wanted)), ())
            if bound or attached_gpus(identity.provider, identity.instance_type, wanted):
                return bound
        return self.records.get(instance_key(identity, capacity_type), ())

    def node_labels(self, facts: NodeFacts, identity: NodeIdentity) -> dict[str, str]:
        """Return those of a node's labels that custom prices name, and what says which GPUs are attached to it."""
        named = {name: facts.labels[name] for name in sorted(self.wanted_labels) if name in facts.labels}
        return named | attached_labels(identity.provider, identity.instance_type, facts.labels, facts.capacity.gpus)

    @staticmethod
    def _last(records: Sequence[Since]) -> PriceRecord | None:
        return records[-1].record if records else None


class PriceShelf:
    """Holds the book that is valid; every change is a new book."""

    def __init__(
        self, *, defaults: DefaultPrices | None, changed: Callable[[], None], sustained_use: bool = True
    ) -> None:
        self._changed = changed
        self.book = PriceBook(defaults=defaults, sustained_use=sustained_use)

    def replace(
        self,
        records: Mapping[str, Sequence[Since]],
        wanted_labels: frozenset[str],
        unpriced: Mapping[str, Unpriced] = MappingProxyType({}),
    ) -> None:
        """Let these be the prices."""
        self.book = replace(self.book, records=records, wanted_labels=wanted_labels, unpriced=unpriced)
        self._changed()

    def assume(self, node_uid: str) -> None:
        """Let a node that has waited long enough have the default price."""
        if node_uid not in self.book.assumed and self.book.defaults is not None:
            self.book = replace(self.book, assumed=self.book.assumed | {node_uid})
            self._changed()


@lru_cache(maxsize=_KEYS)
def instance_key(identity: NodeIdentity, capacity_type: str, label_hash: str = "") -> str:
    """Return the key of a machine's price."""
    return price_key(
        provider=identity.provider,
        region=identity.region,
        zone=price_zone(
            provider=identity.provider, region=identity.region, zone=identity.zone, capacity_type=capacity_type
        ),
        kind=INSTANCE,
        sku=identity.instance_type,
        os=identity.os,
        capacity=capacity_type,
        labels_hash=label_hash,
    )


def volume_key(identity: VolumeIdentity, kind: str = VOLUME) -> str:
    """Return the key of a volume's price per GiB and month, or of its operations or throughput."""
    return place_key(Place(identity.provider, identity.region, managed=False), kind, identity.sku)


@lru_cache(maxsize=_KEYS)
def place_key(place: Place, kind: str, sku: str = "") -> str:
    """Return the key of the price of what has one for the whole region."""
    return price_key(provider=place.provider, region=place.region, zone="", kind=kind, sku=sku, os="", capacity="")


def _last_rate(timeline: Sequence[RateChange]) -> tuple[float | None, str]:
    return (timeline[-1].usd_per_hour, timeline[-1].source) if timeline else (None, "")


def _usd_per_month(record: PriceRecord, amount: float) -> float:
    """Return what an amount costs a month: a whole disk, or each unit at the price of the tier that it is in."""
    tiers = sorted(record.tiers, key=lambda tier: tier.start)
    if record.unit == DISK_MONTH:
        return next((tier.usd for tier in reversed(tiers) if tier.start < amount), record.usd)
    if not tiers:
        return record.usd * amount
    ends = [*(tier.start for tier in tiers[1:]), inf]
    return sum(tier.usd * max(0.0, min(amount, end) - tier.start) for tier, end in zip(tiers, ends, strict=True))


def _at(records: Sequence[Since], moment_ns: int) -> PriceRecord | None:
    """Return the record that held at a moment; the first one reaches back."""
    holding = records[0].record if records else None
    for since in records:
        if since.since_ns <= moment_ns:
            holding = since.record
    return holding


def _node_price(paid: PriceRecord, on_demand: PriceRecord | None, facts: NodeFacts, quarters: Quarters) -> NodePrice:
    shape = facts.capacity
    if paid.shape is not None:
        nominal = Resources(paid.shape.vcpu, paid.shape.memory_gib, paid.shape.gpus)
        shape = nominal if nominal != NOTHING else shape
    weights = DEFAULT_WEIGHTS
    if paid.weights is not None:
        weights = Weights(paid.weights.vcpu, paid.weights.memory_gib, paid.weights.gpu)
    return NodePrice(
        paid.usd,
        None if on_demand is None else on_demand.usd,
        shape,
        unit_prices.split(paid.usd, shape, weights),
        paid.source,
        estimated=paid.source == ESTIMATE,
        quarters=quarters,
    )
