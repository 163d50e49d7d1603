"""What the simulated cluster really cost: a ledger by brute force, in Fractions, written from cost-model.md alone.

Amounts are kept in native units (millicores, bytes, GPUs) × nanoseconds and turned into USD once, at the end.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from kube_cost_simulator.history import History, NodeHistory, NodePrice, PodHistory
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.scenario import GIB, Shape, Weights

NANOSECONDS_PER_HOUR = 3_600_000_000_000
IDLE = "__idle__"


class ByResource(NamedTuple):
    """One number for each resource that a node's price is split over."""

    cpu: Fraction = Fraction(0)
    memory: Fraction = Fraction(0)
    gpu: Fraction = Fraction(0)

    def plus(self, other: "ByResource") -> "ByResource":
        """The sum, resource by resource."""
        return ByResource(*(mine + its for mine, its in zip(self, other, strict=True)))

    @property
    def total(self) -> Fraction:
        """The sum over the resources."""
        return self.cpu + self.memory + self.gpu


ZERO = ByResource()


@dataclass(frozen=True)
class Sample:
    """A stretch of a node's time (Unix nanoseconds) over which each pod's usage is averaged.

    `by_request` says that nothing is known of usage in it. The CPU of the pods in `unseen` (uids) is known only as
    what the roots used beyond the other pods (cost-model.md §3, step 4).
    """

    start_ns: int
    end_ns: int
    by_request: bool = False
    unseen: frozenset[str] = frozenset()


def samples(boundaries_ns: Sequence[int]) -> list[Sample]:
    """The samples between consecutive boundaries."""
    return [Sample(start_ns, end_ns) for start_ns, end_ns in pairwise(boundaries_ns)]


@dataclass
class Truth:
    """USD by (node uid, hour as its start in Unix seconds[, pod uid]); savings by (node uid, namespace)."""

    pods: dict[tuple[str, int, str], ByResource] = field(default_factory=dict)
    idle: dict[tuple[str, int], ByResource] = field(default_factory=dict)
    system: dict[tuple[str, int], ByResource] = field(default_factory=dict)
    nodes: dict[tuple[str, int], Fraction] = field(default_factory=dict)
    savings: dict[tuple[str, str], Fraction] = field(default_factory=dict)


def unit_prices(usd_per_hour: Fraction, shape: Shape, weights: Weights) -> ByResource:
    """USD per hour of a vCPU, a GiB and a GPU of a node (cost-model.md §1); all 0 for a shape of nothing."""
    whole = shape.vcpu * weights.cpu + shape.memory_gib * weights.memory + shape.gpus * weights.gpu
    if whole == 0:
        return ZERO
    return ByResource(*(usd_per_hour * weight / whole for weight in (weights.cpu, weights.memory, weights.gpu)))


def charges(requests: Sequence[Fraction], usages: Sequence[Fraction], capacity: Fraction) -> list[Fraction]:
    """What each pod is charged of one resource, requests and usages in one unit (cost-model.md §3, steps 1 and 2)."""
    wanted = [max(request, usage) for request, usage in zip(requests, usages, strict=True)]
    requested = sum(requests, Fraction(0))
    if sum(wanted, Fraction(0)) <= capacity:
        return wanted
    if requested > capacity:
        return [request * capacity / requested for request in requests]
    above = [want - request for want, request in zip(wanted, requests, strict=True)]
    part = (capacity - requested) / sum(above, Fraction(0))
    return [request + part * more for request, more in zip(requests, above, strict=True)]


def price_paid(node: NodeHistory, price: NodePrice) -> Fraction:
    """USD per hour that the node costs at that price."""
    if node.capacity_type == "spot" and price.spot_usd_per_hour is not None:
        return price.spot_usd_per_hour
    return price.on_demand_usd_per_hour


def settle(history: History, samples_by_node: Mapping[str, Sequence[Sample]]) -> Truth:
    """The cost of the nodes whose uids are given, over their samples, which must be in order and not overlap.

    Raises AssertionError if anything but the whole price was given out, to the last bit.
    """
    pods_by_node: dict[str, list[PodHistory]] = defaultdict(list)
    for pod in history.pods:
        pods_by_node[pod.node_uid].append(pod)
    truth = Truth()
    for node in history.nodes:
        if node.uid in samples_by_node:
            ledger = _NodeLedger(node, pods_by_node[node.uid], history.through_ns)
            for sample in samples_by_node[node.uid]:
                ledger.settle(sample)
            ledger.close(truth)
    return truth


class _Amounts:
    """Native amounts × ns of one hour at one price: by pod, and of the system and the idle rest."""

    def __init__(self) -> None:
        self.pods: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 3)
        self.system = [Fraction(0)] * 3
        self.idle = [Fraction(0)] * 3
        self.duration_ns = 0


class _NodeLedger:
    """Integrates one node."""

    def __init__(self, node: NodeHistory, pods: Iterable[PodHistory], through_ns: int) -> None:
        self._node = node
        self._through_ns = through_ns
        self._coming = sorted(pods, key=lambda pod: pod.bound_ns, reverse=True)
        self._present: list[PodHistory] = []
        self._namespaces: dict[str, str] = {}
        self._amounts: dict[tuple[int, int], _Amounts] = defaultdict(_Amounts)
        self._capacity = (node.shape.vcpu * 1000, node.shape.memory_gib * GIB, node.shape.gpus)
        allocatable = (node.allocatable.cpu_millicores, node.allocatable.memory_bytes, node.allocatable.gpus)
        self._held_back = [
            max(Fraction(0), nominal - left) for nominal, left in zip(self._capacity, allocatable, strict=True)
        ]

    def _end(self, pod: PodHistory) -> int:
        return self._through_ns if pod.ended_ns is None else pod.ended_ns

    def settle(self, sample: Sample) -> None:
        """Add one sample's time, as far as the node existed in it."""
        node_end_ns = self._through_ns if self._node.deleted_ns is None else self._node.deleted_ns
        start_ns, end_ns = max(sample.start_ns, self._node.created_ns), min(sample.end_ns, node_end_ns)
        if start_ns >= end_ns:
            return
        while self._coming and self._coming[-1].bound_ns < end_ns:
            pod = self._coming.pop()
            self._present.append(pod)
            self._namespaces[pod.uid] = pod.namespace
        self._present = [pod for pod in self._present if self._end(pod) > start_ns]
        usages = {
            pod.uid: self._average(pod, max(start_ns, pod.bound_ns), min(end_ns, self._end(pod)), sample)
            for pod in self._present
        }
        nobodys = self._give_to_the_ended(usages, sample, start_ns, end_ns)
        for piece_start_ns, piece_end_ns in pairwise(sorted(self._cuts(start_ns, end_ns))):
            self._piece(piece_start_ns, piece_end_ns, usages, nobodys)

    def _average(self, pod: PodHistory, start_ns: int, end_ns: int, sample: Sample) -> list[Fraction]:
        """Mean millicores and bytes of a pod while it was charged in the sample."""
        if pod.usage is None or sample.by_request:
            return [Fraction(0)] * 3
        before, after = pod.usage.totals(start_ns), pod.usage.totals(end_ns)
        alive_ns = end_ns - start_ns
        millicores = Fraction(after.cpu_millicore_ns - before.cpu_millicore_ns, alive_ns)
        memory_bytes = Fraction(after.memory_byte_ns - before.memory_byte_ns, alive_ns)
        unseen = pod.uid in sample.unseen
        return [Fraction(0) if unseen else millicores, Fraction(0) if unseen else memory_bytes, Fraction(0)]

    def _give_to_the_ended(
        self, usages: dict[str, list[Fraction]], sample: Sample, start_ns: int, end_ns: int
    ) -> Fraction:
        """Step 4: share unseen CPU among the pods that ended; returns the millicores left for the system."""
        if not sample.unseen or sample.by_request:
            return Fraction(0)
        unseen_millicore_ns = sum(
            pod.usage.totals(end_ns).cpu_millicore_ns - pod.usage.totals(start_ns).cpu_millicore_ns
            for pod in self._present
            if pod.uid in sample.unseen and pod.usage is not None
        )
        ended = [pod for pod in self._present if pod.ended_ns is not None and pod.ended_ns <= end_ns]
        held = {pod.uid: reserved(pod.requests[-1]).cpu_millicores for pod in ended}
        if not ended:
            return Fraction(unseen_millicore_ns, end_ns - start_ns)
        whole = sum(held.values())
        for pod in ended:
            part = Fraction(held[pod.uid], whole) if whole else Fraction(1, len(ended))
            alive_ns = self._end(pod) - max(start_ns, pod.bound_ns)
            usages[pod.uid][0] += part * unseen_millicore_ns / alive_ns
        return Fraction(0)

    def _cuts(self, start_ns: int, end_ns: int) -> Iterator[int]:
        """Where pieces begin and end, each once."""
        cuts = {start_ns, end_ns}
        cuts.update(price.from_ns for price in self._node.prices)
        for pod in self._present:
            cuts.update((pod.bound_ns, self._end(pod)))
            cuts.update(change.from_ns for change in pod.requests)
        first_hour = start_ns // NANOSECONDS_PER_HOUR + 1
        cuts.update(hour * NANOSECONDS_PER_HOUR for hour in range(first_hour, end_ns // NANOSECONDS_PER_HOUR + 1))
        return (cut for cut in cuts if start_ns <= cut <= end_ns)

    def _piece(self, start_ns: int, end_ns: int, usages: Mapping[str, list[Fraction]], nobodys: Fraction) -> None:
        """Add a piece in which nothing changes."""
        duration_ns = end_ns - start_ns
        price_index = max(
            (index for index, price in enumerate(self._node.prices) if price.from_ns <= start_ns), default=0
        )
        amounts = self._amounts[start_ns // NANOSECONDS_PER_HOUR, price_index]
        amounts.duration_ns += duration_ns
        alive = [pod for pod in self._present if pod.bound_ns <= start_ns < self._end(pod)]
        holdings = []
        for pod in alive:
            held = reserved([change for change in pod.requests if change.from_ns <= start_ns][-1])
            holdings.append((held.cpu_millicores, held.memory_bytes, held.gpus))
        for index in range(3):
            capacity = self._capacity[index]
            charged = charges(
                [Fraction(held[index]) for held in holdings], [usages[pod.uid][index] for pod in alive], capacity
            )
            free = capacity - sum(charged, Fraction(0))
            system = min(self._held_back[index] + (nobodys if index == 0 else 0), free)
            idle = free - system
            assert system >= 0, "more was charged than there is"
            assert sum(charged, Fraction(0)) + system + idle == capacity, "a piece doesn't add up"
            for pod, charge in zip(alive, charged, strict=True):
                amounts.pods[pod.uid][index] += charge * duration_ns
            amounts.system[index] += system * duration_ns
            amounts.idle[index] += idle * duration_ns

    def close(self, truth: Truth) -> None:
        """Turn amounts into USD and put them into `truth`."""
        node, shape, weights = self._node, self._node.shape, self._node.weights
        for (hour, price_index), amounts in self._amounts.items():
            price = node.prices[price_index]
            usd_per_hour = price_paid(node, price)
            key = (node.uid, hour * 3600)
            total = usd_per_hour * amounts.duration_ns / NANOSECONDS_PER_HOUR
            units = unit_prices(usd_per_hour, shape, weights)
            idle = _usd(amounts.idle, units)
            if units == ZERO:
                idle = ByResource(cpu=total)
            rows = {uid: _usd(amount, units) for uid, amount in amounts.pods.items()}
            system = _usd(amounts.system, units)
            given = sum((row.total for row in rows.values()), Fraction(0)) + system.total + idle.total
            assert given == total, f"{given} of {total} USD were given out"
            for uid, row in rows.items():
                truth.pods[*key, uid] = truth.pods.get((*key, uid), ZERO).plus(row)
            truth.idle[key] = truth.idle.get(key, ZERO).plus(idle)
            truth.system[key] = truth.system.get(key, ZERO).plus(system)
            truth.nodes[key] = truth.nodes.get(key, Fraction(0)) + total
            self._save(truth, price, amounts)

    def _save(self, truth: Truth, price: NodePrice, amounts: _Amounts) -> None:
        """Cost-model.md §5: what the discount is worth, spread as the cost is."""
        if self._node.capacity_type != "spot" or price.spot_usd_per_hour is None:
            return
        saved_per_hour = max(Fraction(0), price.on_demand_usd_per_hour - price.spot_usd_per_hour)
        saved = saved_per_hour * amounts.duration_ns / NANOSECONDS_PER_HOUR
        units = unit_prices(saved_per_hour, self._node.shape, self._node.weights)
        for uid, amount in amounts.pods.items():
            part = _usd(amount, units).total
            saved -= part
            key = (self._node.uid, self._namespaces[uid])
            truth.savings[key] = truth.savings.get(key, Fraction(0)) + part
        idle_key = (self._node.uid, IDLE)
        truth.savings[idle_key] = truth.savings.get(idle_key, Fraction(0)) + saved


def _usd(amounts: Sequence[Fraction], units: ByResource) -> ByResource:
    """USD of native amounts × ns at prices per vCPU, GiB and GPU hour."""
    return ByResource(
        amounts[0] * units.cpu / 1000 / NANOSECONDS_PER_HOUR,
        amounts[1] * units.memory / GIB / NANOSECONDS_PER_HOUR,
        amounts[2] * units.gpu / NANOSECONDS_PER_HOUR,
    )
