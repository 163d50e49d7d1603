"""What the simulated cluster really cost: a ledger by brute force, in Fractions, written from cost-model.md alone.

Amounts are kept in native units (millicores, bytes, GPUs) × nanoseconds × the length of their sample, which are mostly
whole numbers, and turned into USD once, at the end.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

from kube_cost_simulator.charging import Number, charges, total, whole
from kube_cost_simulator.gpus import gpus_of
from kube_cost_simulator.history import History, NodeHistory, NodePrice, PodHistory
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.scenario import GIB, Shape, Weights

NANOSECONDS_PER_HOUR = 3_600_000_000_000
IDLE = "__idle__"

Basis = Literal["max", "request", "usage"]
"""What a pod owes CPU and memory for; GPUs are what is allocated to it by any."""


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
    what the roots used beyond the other pods (cost-model.md §3, step 4). With `usage_from`, another stretch, pods use
    what they used on average in that one, and those that weren't there then what they request. With `bytes_at_end` the
    kubelet was asked at its end alone: what pods sent that had stopped by then is known as sent by the node. With
    `bytes_since_ns` nobody knows what the node sent in it, and pods that ran by then: they are first read at its end.
    """

    start_ns: int
    end_ns: int
    by_request: bool = False
    unseen: frozenset[str] = frozenset()
    usage_from: tuple[int, int] | None = None
    bytes_at_end: bool = False
    bytes_since_ns: int | None = None


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


def price_paid(node: NodeHistory, price: NodePrice) -> Fraction:
    """USD per hour that the node costs at that price."""
    if node.capacity_type == "spot" and price.spot_usd_per_hour is not None:
        return price.spot_usd_per_hour
    return price.on_demand_usd_per_hour


def settle(history: History, samples_by_node: Mapping[str, Sequence[Sample]], *, basis: Basis = "max") -> Truth:
    """The cost of the nodes whose uids are given, over their samples, which must be in order and not overlap.

    By the basis `request` nothing is owed for use beyond it; by `usage` nothing for requests, where anybody looked.
    Raises AssertionError if anything but the whole price was given out, to the last bit.
    """
    pods_by_node: dict[str, list[PodHistory]] = defaultdict(list)
    for pod in history.pods:
        pods_by_node[pod.node_uid].append(pod)
    truth = Truth()
    for node in history.nodes:
        if node.uid in samples_by_node:
            ledger = _NodeLedger(node, pods_by_node[node.uid], history.through_ns, basis)
            for sample in samples_by_node[node.uid]:
                ledger.settle(sample)
            ledger.close(truth)
    return truth


class _Amounts:
    """Amounts of one hour at one price in samples of one length: by pod, and of the system and the idle rest."""

    def __init__(self) -> None:
        self.pods: dict[str, list[Number]] = {}
        self.system: list[Number] = [0, 0, 0]
        self.idle: list[Number] = [0, 0, 0]
        self.duration_ns = 0


class _NodeLedger:
    """Integrates one node."""

    def __init__(self, node: NodeHistory, pods: Iterable[PodHistory], through_ns: int, basis: Basis) -> None:
        self._node = node
        self._basis = basis
        self._asked = (1, 1, 1)
        self._price_moments_ns = [price.from_ns for price in node.prices]
        self._through_ns = through_ns
        self._coming = sorted(pods, key=lambda pod: pod.bound_ns, reverse=True)
        self._present: list[PodHistory] = []
        self._namespaces: dict[str, str] = {}
        self._held: dict[tuple[str, int], tuple[int, int, Number]] = {}
        # By hour, index of the price, and length of the sample.
        self._amounts: dict[tuple[int, int, int], _Amounts] = defaultdict(_Amounts)
        self._capacity = [whole(node.shape.vcpu * 1000), whole(node.shape.memory_gib * GIB), whole(node.shape.gpus)]
        left_gpus = gpus_of(node.allocatable, node.labels)
        allocatable = (node.allocatable.cpu_millicores, node.allocatable.memory_bytes, left_gpus)
        self._held_back = [max(0, nominal - left) for nominal, left in zip(self._capacity, allocatable, strict=True)]

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
        length_ns = end_ns - start_ns
        look_ns, until_ns = sample.usage_from or (start_ns, end_ns)
        usages = {
            pod.uid: self._average(pod, max(look_ns, pod.bound_ns), min(until_ns, self._end(pod)), sample, length_ns)
            for pod in self._present
        }
        nobodys = self._give_to_the_ended(usages, sample, start_ns, end_ns)
        if self._basis == "request":
            usages = {uid: [0, 0, 0] for uid in usages}
        # By resource whether requests count: 1, or 0.
        self._asked = (0, 0, 1) if self._basis == "usage" and not sample.by_request else (1, 1, 1)
        for piece_start_ns, piece_end_ns in pairwise(sorted(self._cuts(start_ns, end_ns))):
            self._piece(piece_start_ns, piece_end_ns, length_ns, usages, nobodys)

    def _average(self, pod: PodHistory, start_ns: int, end_ns: int, sample: Sample, length_ns: int) -> list[Number]:
        """Mean millicores and bytes of a pod while it was charged in the stretch, × the sample's length."""
        if pod.usage is None or sample.by_request or pod.uid in sample.unseen or start_ns >= end_ns:
            return [0, 0, 0]
        before, after = pod.usage.totals(start_ns), pod.usage.totals(end_ns)
        used = (after.cpu_millicore_ns - before.cpu_millicore_ns, after.memory_byte_ns - before.memory_byte_ns)
        alive_ns = end_ns - start_ns
        if alive_ns == length_ns:
            return [*used, 0]
        return [*(Fraction(amount * length_ns, alive_ns) for amount in used), 0]

    def _give_to_the_ended(self, usages: dict[str, list[Number]], sample: Sample, start_ns: int, end_ns: int) -> Number:
        """Step 4: share unseen CPU among the pods that ended; returns millicores × length left for the system."""
        if not sample.unseen or sample.by_request:
            return 0
        unseen_millicore_ns = sum(
            pod.usage.totals(end_ns).cpu_millicore_ns - pod.usage.totals(start_ns).cpu_millicore_ns
            for pod in self._present
            if pod.uid in sample.unseen and pod.usage is not None
        )
        ended = [pod for pod in self._present if pod.ended_ns is not None and pod.ended_ns <= end_ns]
        if not ended:
            return unseen_millicore_ns
        held = {pod.uid: self._holding(pod, len(pod.requests) - 1)[0] for pod in ended}
        all_held = sum(held.values())
        for pod in ended:
            part = Fraction(held[pod.uid], all_held) if all_held else Fraction(1, len(ended))
            alive_ns = self._end(pod) - max(start_ns, pod.bound_ns)
            usages[pod.uid][0] += part * unseen_millicore_ns * (end_ns - start_ns) / alive_ns
        return 0

    def _holding(self, pod: PodHistory, index: int) -> tuple[int, int, Number]:
        """Millicores, bytes and GPUs that a pod holds by the change of its requests with that index."""
        held = self._held.get((pod.uid, index))
        if held is None:
            amount = reserved(pod.requests[index])
            gpus = gpus_of(amount, self._node.labels)
            held = self._held[pod.uid, index] = (amount.cpu_millicores, amount.memory_bytes, gpus)
        return held

    def _cuts(self, start_ns: int, end_ns: int) -> Iterator[int]:
        """Where pieces begin and end, each once."""
        cuts = {start_ns, end_ns}
        moments_ns = self._price_moments_ns
        cuts.update(moments_ns[bisect_left(moments_ns, start_ns) : bisect_right(moments_ns, end_ns)])
        for pod in self._present:
            cuts.update((pod.bound_ns, self._end(pod)))
            cuts.update(change.from_ns for change in pod.requests)
        first_hour = start_ns // NANOSECONDS_PER_HOUR + 1
        cuts.update(hour * NANOSECONDS_PER_HOUR for hour in range(first_hour, end_ns // NANOSECONDS_PER_HOUR + 1))
        return (cut for cut in cuts if start_ns <= cut <= end_ns)

    def _piece(
        self, start_ns: int, end_ns: int, length_ns: int, usages: Mapping[str, list[Number]], nobodys: Number
    ) -> None:
        """Add a piece in which nothing changes; amounts here are × the sample's length."""
        duration_ns = end_ns - start_ns
        price_index = last_before(self._price_moments_ns, start_ns)
        amounts = self._amounts[start_ns // NANOSECONDS_PER_HOUR, price_index, length_ns]
        amounts.duration_ns += duration_ns
        alive = [pod for pod in self._present if pod.bound_ns <= start_ns < self._end(pod)]
        holdings = [
            self._holding(pod, last_before([change.from_ns for change in pod.requests], start_ns)) for pod in alive
        ]
        for index in range(3):
            capacity = self._capacity[index] * length_ns
            charged = charges(
                [held[index] * length_ns * self._asked[index] for held in holdings],
                [usages[pod.uid][index] for pod in alive],
                capacity,
            )
            free = capacity - total(charged)
            system = min(self._held_back[index] * length_ns + (nobodys if index == 0 else 0), free)
            idle = free - system
            assert system >= 0, "more was charged than there is"
            assert idle >= 0, "more was kept back than is free"
            for pod, charge in zip(alive, charged, strict=True):
                amounts.pods.setdefault(pod.uid, [0, 0, 0])[index] += charge * duration_ns
            amounts.system[index] += system * duration_ns
            amounts.idle[index] += idle * duration_ns

    def close(self, truth: Truth) -> None:
        """Turn amounts into USD and put them into `truth`."""
        node = self._node
        for (hour, price_index, length_ns), amounts in self._amounts.items():
            price = node.prices[price_index]
            usd_per_hour = price_paid(node, price)
            key = (node.uid, hour * 3600)
            due = usd_per_hour * amounts.duration_ns / NANOSECONDS_PER_HOUR
            units = unit_prices(usd_per_hour, node.shape, node.weights)
            idle = _usd(amounts.idle, units, length_ns)
            if units == ZERO:
                idle = ByResource(cpu=due)
            rows = {uid: _usd(amount, units, length_ns) for uid, amount in amounts.pods.items()}
            system = _usd(amounts.system, units, length_ns)
            given = sum((row.total for row in rows.values()), Fraction(0)) + system.total + idle.total
            assert given == due, f"{given} of {due} USD were given out"
            for uid, row in rows.items():
                truth.pods[*key, uid] = truth.pods.get((*key, uid), ZERO).plus(row)
            truth.idle[key] = truth.idle.get(key, ZERO).plus(idle)
            truth.system[key] = truth.system.get(key, ZERO).plus(system)
            truth.nodes[key] = truth.nodes.get(key, Fraction(0)) + due
            self._save(truth, price, amounts, length_ns)

    def _save(self, truth: Truth, price: NodePrice, amounts: _Amounts, length_ns: int) -> None:
        """Cost-model.md §5: what the discount is worth, spread as the cost is."""
        if self._node.capacity_type != "spot" or price.spot_usd_per_hour is None:
            return
        saved_per_hour = max(Fraction(0), price.on_demand_usd_per_hour - price.spot_usd_per_hour)
        saved = saved_per_hour * amounts.duration_ns / NANOSECONDS_PER_HOUR
        units = unit_prices(saved_per_hour, self._node.shape, self._node.weights)
        for uid, amount in amounts.pods.items():
            part = _usd(amount, units, length_ns).total
            saved -= part
            key = (self._node.uid, self._namespaces[uid])
            truth.savings[key] = truth.savings.get(key, Fraction(0)) + part
        idle_key = (self._node.uid, IDLE)
        truth.savings[idle_key] = truth.savings.get(idle_key, Fraction(0)) + saved


def last_before(moments_ns: Sequence[int], at_ns: int) -> int:
    """The index of the last of ascending moments that isn't after `at_ns`; 0 if all are."""
    return max(bisect_right(moments_ns, at_ns) - 1, 0)


def _usd(amounts: Sequence[Number], units: ByResource, length_ns: int) -> ByResource:
    """USD of native amounts × ns × sample length, at prices per vCPU, GiB and GPU hour."""
    divisor = NANOSECONDS_PER_HOUR * length_ns
    return ByResource(
        amounts[0] * units.cpu / (1000 * divisor),
        amounts[1] * units.memory / (GIB * divisor),
        amounts[2] * units.gpu / divisor,
    )
