"""Settles what costs by its mere being, whoever uses it: volumes, load balancers, the control plane."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kube_cost_aggregator.history.store import ObjectRow, ObjectState
from kube_cost_aggregator.state.facts import ServiceFacts, VolumeFacts
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger, ObjectCharge
from kube_cost_aggregator.state.lifetimes import Lifetime
from kube_cost_aggregator.state.pods import Pod
from kube_cost_aggregator.state.prices import ESTIMATE, PriceBook, PriceShelf, RateChange
from kube_cost_aggregator.state.totals import CLUSTER, UNCLAIMED
from kube_cost_aggregator.state.volumes import by_name, identify_volume
from kube_cost_common.domain.money import NS_PER_HOUR, NS_PER_SECOND

CONTROL_PLANE_UID = "control plane"

LAG_NS = 5 * NS_PER_SECOND
"""What happened less than this ago is left for the next time: the watches may not have told of it yet."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """Who owes a stretch of an object's time: pods in equal parts, as far as there are any, for their namespace."""

    namespace: str
    claim: str = ""
    pods: Collection[Pod] = ()


class StandingCosts:
    """Settles each object from where it is settled to, as nodes are. One caller at a time; the caller commits.

    What has no price yet waits for it as long as nodes do; then that time is left out for good.
    """

    def __init__(
        self, *, inventory: Inventory, ledger: Ledger, prices: PriceShelf, price_patience_seconds: float
    ) -> None:
        self._inventory = inventory
        self._ledger = ledger
        self._prices = prices
        self._patience_ns = int(price_patience_seconds * NS_PER_SECOND)

    def settle(self, now_ns: int, known_through_ns: int | None = None) -> Iterator[str]:
        """Settle everything, as far as the watches have told of it; yields each object as it is done.

        `known_through_ns` is until when they have, None: until now. They are waited for as long as prices.
        """
        known_ns = now_ns if known_through_ns is None else max(known_through_ns, now_ns - self._patience_ns)
        through_ns = min(now_ns - LAG_NS, known_ns)
        inventory, book = self._inventory, self._prices.book
        for uid in self._ledger.objects.keys() - inventory.volume_lives.known.keys():
            if uid != CONTROL_PLANE_UID and uid not in inventory.service_lives.known:
                self._ledger.forget_object(uid)
        behind_ns = through_ns
        classes, place = by_name(inventory.storage_classes.values()), inventory.place()
        for uid, volume in list(inventory.volume_lives.known.items()):
            timelines = [
                book.volume_timeline(held.facts, identify_volume(held.facts, classes, place.region))
                for held in volume.states
            ]
            behind_ns = min(behind_ns, self._settle_volume(volume, timelines, through_ns))
            if volume.end_ns is not None and volume.settled_ns >= volume.end_ns:
                del inventory.volume_lives.known[uid]
                self._ledger.forget_object(uid)
            yield uid
        inventory.mounts.settled_ns = behind_ns
        for uid, service in list(inventory.service_lives.known.items()):
            self._settle_service(service, book.load_balancer_timeline(place), through_ns)
            if service.end_ns is not None and service.settled_ns >= service.end_ns:
                del inventory.service_lives.known[uid]
                self._ledger.forget_object(uid)
            yield uid
        self._settle_control_plane(book, through_ns)
        yield CONTROL_PLANE_UID

    def _settle_volume(
        self, volume: Lifetime[VolumeFacts], timelines: Sequence[Sequence[RateChange]], through_ns: int
    ) -> int:
        """Settle a volume, and return until when it is of no more interest who mounted it.

        `timelines` are its rates as each of its states has them.
        """
        facts = volume.facts
        row = ObjectRow(0, facts.uid, "volume", "", facts.name, facts.storage_class)
        state = self._ledger.object(row, volume.start_ns)
        end_ns = through_ns if volume.end_ns is None else min(through_ns, volume.end_ns)
        sharers = {
            held.facts.claim: self._inventory.mounts.pods_of(*held.facts.claim)
            for held in volume.states
            if held.facts.claim is not None
        }
        cuts = {held.since_ns for held in volume.states}
        for pods in sharers.values():
            cuts.update(pod.start_ns for pod in pods)
            cuts.update(pod.end_ns for pod in pods if pod.end_ns is not None)
        cuts.update(change.since_ns for timeline in timelines for change in timeline)
        if self._may_settle(state, end_ns, through_ns, priced=all(timelines)):
            for start_ns, piece_end_ns in _pieces(state.settled_through_ns, end_ns, cuts):
                place = volume.index_at(start_ns)
                rate, claim = _rate_at(timelines[place], start_ns), volume.states[place].facts.claim
                if claim is None:
                    owner = _Owner(UNCLAIMED)
                else:
                    mounting = [
                        pod
                        for pod in sharers[claim]
                        if pod.start_ns <= start_ns and (pod.end_ns is None or pod.end_ns >= piece_end_ns)
                    ]
                    owner = _Owner(*claim, mounting)
                self._charge(state, start_ns, piece_end_ns, rate, owner)
            self._ledger.settled_object(state, end_ns)
        volume.settled_ns = state.settled_through_ns
        volume.forget_before(volume.settled_ns)
        return through_ns if volume.settled_ns >= end_ns else volume.settled_ns

    def _settle_service(self, service: Lifetime[ServiceFacts], timeline: Sequence[RateChange], through_ns: int) -> None:
        facts = service.facts
        row = ObjectRow(0, facts.uid, "load_balancer", facts.namespace, facts.name, "")
        state = self._ledger.object(row, service.start_ns)
        end_ns = through_ns if service.end_ns is None else min(through_ns, service.end_ns)
        if self._may_settle(state, end_ns, through_ns, priced=bool(timeline)):
            cuts = {held.since_ns for held in service.states}
            cuts.update(change.since_ns for change in timeline)
            for start_ns, piece_end_ns in _pieces(state.settled_through_ns, end_ns, cuts):
                if service.states[service.index_at(start_ns)].facts.has_load_balancer:
                    rate = _rate_at(timeline, start_ns)
                    self._charge(state, start_ns, piece_end_ns, rate, _Owner(facts.namespace))
            self._ledger.settled_object(state, end_ns)
        service.settled_ns = state.settled_through_ns
        service.forget_before(service.settled_ns)

    def _settle_control_plane(self, book: PriceBook, through_ns: int) -> None:
        place = self._inventory.place()
        if not place.managed and CONTROL_PLANE_UID not in self._ledger.objects:
            return
        row = ObjectRow(0, CONTROL_PLANE_UID, "control_plane", "", place.provider, "")
        state = self._ledger.object(row, self._ledger.started_at_ns)
        timeline = book.control_plane_timeline(place)
        if self._may_settle(state, through_ns, through_ns, priced=bool(timeline)):
            cuts = {change.since_ns for change in timeline}
            for start_ns, end_ns in _pieces(state.settled_through_ns, through_ns, cuts):
                self._charge(state, start_ns, end_ns, _rate_at(timeline, start_ns), _Owner(CLUSTER))
            self._ledger.settled_object(state, through_ns)

    def _may_settle(self, state: ObjectState, end_ns: int, through_ns: int, *, priced: bool) -> bool:
        """Whether there is time to settle, and a price for it. What has waited for one for too long is left out."""
        if end_ns <= state.settled_through_ns:
            return False
        waited_ns = through_ns - self._patience_ns
        if not priced and state.settled_through_ns < waited_ns:
            self._ledger.settled_object(state, min(end_ns, waited_ns))
        return priced

    def _charge(self, state: ObjectState, start_ns: int, end_ns: int, rate: RateChange, owner: _Owner) -> None:
        usd = rate.usd_per_hour * (end_ns - start_ns) / NS_PER_HOUR
        seconds = (end_ns - start_ns) / NS_PER_SECOND
        pods = {}
        for pod in owner.pods:
            node = self._inventory.nodes.get(pod.node_uid)
            if node is not None:
                on = self._ledger.node(node.facts.uid, node.facts.name, node.facts.created_ns)
                pods[self._ledger.write_pod(pod, on)] = usd / len(owner.pods)
        self._ledger.book_object(
            state,
            ObjectCharge(
                start_ns // NS_PER_HOUR * (NS_PER_HOUR // NS_PER_SECOND),
                owner.namespace,
                owner.claim,
                usd,
                seconds,
                seconds if rate.source == ESTIMATE else 0.0,
                pods,
            ),
        )


def _pieces(start_ns: int, end_ns: int, cuts: Collection[int]) -> Iterator[tuple[int, int]]:
    """Return the pieces of a stretch in which nothing changes, cut at full hours too."""
    edges = {start_ns, end_ns, *cuts}
    edges.update(range(start_ns - start_ns % NS_PER_HOUR + NS_PER_HOUR, end_ns, NS_PER_HOUR))
    return pairwise(sorted(edge for edge in edges if start_ns <= edge <= end_ns))


def _rate_at(timeline: Sequence[RateChange], moment_ns: int) -> RateChange:
    """Return the rate that held at a moment; the first one reaches back."""
    rate = timeline[0]
    for change in timeline[1:]:
        if change.since_ns <= moment_ns:
            rate = change
    return rate
