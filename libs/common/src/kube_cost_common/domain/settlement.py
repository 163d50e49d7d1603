"""What a stretch of a node's time cost, and whose cost it was (docs/cost-model.md).

The stretch is cut into pieces wherever something changes: a pod starts or ends, a request or a price changes, a UTC
hour is full. In each piece pods + system + idle = price × time.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from operator import sub
from typing import Generic, NamedTuple, TypeVar

from kube_cost_common.domain.allocation import scale
from kube_cost_common.domain.money import NS_PER_HOUR, NS_PER_SECOND
from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.unit_prices import NodePrice, reserved_for_system

K = TypeVar("K", bound=Hashable)


class Change(NamedTuple):
    """From `since_ns` on, a pod requests `requests`."""

    since_ns: int
    requests: Resources


class PriceChange(NamedTuple):
    """From `since_ns` on, a node costs `price`."""

    since_ns: int
    price: NodePrice


class PodSpan(NamedTuple, Generic[K]):
    """A pod's part in a stretch of its node's time.

    It is charged from `start_ns` to `end_ns`. `requests` are in order of time; the first holds from the start, whenever
    it is from. `usage` is its average over its part of the stretch. `estimated`: its cost is no measurement.
    """

    key: K
    start_ns: int
    end_ns: int
    requests: Sequence[Change]
    usage: Resources = NOTHING
    estimated: bool = False


class Usd(NamedTuple):
    """An amount of money in USD, by compute resource."""

    cpu: float
    memory: float
    gpu: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.cpu + self.memory + self.gpu


NO_USD = Usd(0.0, 0.0, 0.0)


@dataclass(slots=True)
class PodCharge:
    """What one pod is charged in one hour of the stretch: USD by resource, USD saved by spot, seconds of its life.

    `network` is for what it sent, which is no part of the node's price.
    """

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0
    savings: float = 0.0
    seconds: float = 0.0
    estimated_seconds: float = 0.0
    network: float = 0.0


@dataclass(slots=True)
class HourCharges(Generic[K]):
    """What one UTC hour of the stretch cost: all that was paid, and whose it was. USD throughout.

    `saved` is the whole of `(on demand − paid) × time` where that is positive, so that it only ever grows.
    `network` is for what the node sent beside its pods, which isn't in `paid`.
    """

    hour_start_ns: int
    paid: float = 0.0
    saved: float = 0.0
    system: Usd = NO_USD
    idle: Usd = NO_USD
    pods: dict[K, PodCharge] = field(default_factory=dict)
    seconds: float = 0.0
    estimated_seconds: float = 0.0
    network: float = 0.0


def settle(
    *,
    start_ns: int,
    end_ns: int,
    allocatable: Resources,
    prices: Sequence[PriceChange],
    pods: Sequence[PodSpan[K]],
    unattributed: Resources = NOTHING,
    estimated: bool = False,
) -> list[HourCharges[K]]:
    """Charge a node's time from `start_ns` to `end_ns` (Unix nanoseconds), an entry for each UTC hour touched.

    `prices` are in order of time and not empty; the first holds from the start, whenever it is from. `unattributed` is
    the average usage of nobody that is known: the system's. `estimated` marks the whole stretch.
    """
    lasting: list[PodSpan[K]] = []
    passing: list[PodSpan[K]] = []
    for pod in pods:
        lasts = pod.start_ns <= start_ns and pod.end_ns >= end_ns and len(pod.requests) == 1
        (lasting if lasts else passing).append(pod)
    hours: list[HourCharges[K]] = []
    part: _Part[K] | None = None
    columns = _Columns(lasting)
    for piece_start, piece_end in pieces(start_ns, end_ns, prices, passing):
        hour_start = piece_start - piece_start % NS_PER_HOUR
        price = _at(prices, piece_start).price
        if not hours or hours[-1].hour_start_ns != hour_start:
            hours.append(HourCharges(hour_start_ns=hour_start))
        if part is None or part.hour is not hours[-1] or part.price is not price:
            if part is not None:
                part.charge_lasting()
            reserved = [
                system + nobodys
                for system, nobodys in zip(reserved_for_system(price.shape, allocatable), unattributed, strict=True)
            ]
            part = _Part(hour=hours[-1], price=price, reserved=reserved, lasting=columns, estimated=estimated)
        present = [
            (pod, _at(pod.requests, piece_start).requests)
            for pod in passing
            if pod.start_ns <= piece_start and pod.end_ns >= piece_end
        ]
        part.add((piece_end - piece_start) / NS_PER_SECOND, present)
    if part is not None:
        part.charge_lasting()
    return hours


def pieces(
    start_ns: int, end_ns: int, prices: Sequence[PriceChange], pods: Sequence[PodSpan[K]]
) -> Iterator[tuple[int, int]]:
    """Return the pieces of a stretch as pairs of start and end, in order: nothing changes within one."""
    cuts = {start_ns, end_ns}
    cuts.update(change.since_ns for change in prices)
    for pod in pods:
        cuts.add(pod.start_ns)
        cuts.add(pod.end_ns)
        if len(pod.requests) > 1:
            cuts.update(change.since_ns for change in pod.requests)
    first_full_hour = start_ns - start_ns % NS_PER_HOUR + NS_PER_HOUR
    cuts.update(range(first_full_hour, end_ns, NS_PER_HOUR))
    inside = sorted(cut for cut in cuts if start_ns <= cut <= end_ns)
    return pairwise(inside)


T = TypeVar("T", Change, PriceChange)


def _at(changes: Sequence[T], moment_ns: int) -> T:
    holding = changes[0]
    for change in changes[1:]:
        if change.since_ns > moment_ns:
            break
        holding = change
    return holding


class _Columns(Generic[K]):
    """Pods that are there for the whole stretch: what they request, and use above that, resource by resource."""

    def __init__(self, pods: Sequence[PodSpan[K]]) -> None:
        self.pods = pods
        self.requests = list(zip(*[pod.requests[0].requests for pod in pods], strict=True)) or [(), (), ()]
        usages = list(zip(*[pod.usage for pod in pods], strict=True)) or [(), (), ()]
        charged = [list(map(max, *columns)) for columns in zip(self.requests, usages, strict=True)]
        self.above = [list(map(sub, *columns)) for columns in zip(charged, self.requests, strict=True)]
        self.requested = [sum(column) for column in self.requests]
        self.charged = [sum(column) for column in charged]


class _Part(Generic[K]):
    """The pieces of one hour at one price.

    A piece's charges are linear in the requests and in what is used above them (`allocation.scale`). So those of the
    pods that last through all pieces follow from the sums of the factors, USD for a unit, and only who comes or goes
    is looked at in every piece.
    """

    def __init__(
        self,
        *,
        hour: HourCharges[K],
        price: NodePrice,
        reserved: Sequence[float],
        lasting: _Columns[K],
        estimated: bool,
    ) -> None:
        self.hour = hour
        self.price = price
        self._reserved = reserved
        self._lasting = lasting
        self._estimated = estimated or price.estimated
        self._seconds = 0.0
        self._usd_requested = [0.0, 0.0, 0.0]
        self._usd_above = [0.0, 0.0, 0.0]
        paid, on_demand = price.usd_per_hour, price.on_demand_usd_per_hour
        self._saved_usd_per_hour = 0.0 if on_demand is None else max(0.0, on_demand - paid)
        self._saved_per_usd = self._saved_usd_per_hour / paid if paid > 0 else 0.0

    def add(self, seconds: float, passing: Sequence[tuple[PodSpan[K], Resources]]) -> None:
        """Add a piece, and charge for it those pods that don't last, each with what it requests in it."""
        price, hour, hours = self.price, self.hour, seconds / 3600
        charges = [[0.0, 0.0, 0.0] for _ in passing]
        system, idle = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
        for index, unit in enumerate(price.unit_prices):
            requested, charged = self._lasting.requested[index], self._lasting.charged[index]
            for pod, requests in passing:
                requested += requests[index]
                charged += max(requests[index], pod.usage[index])
            by = scale(
                capacity=price.shape[index], reserved=self._reserved[index], requested=requested, charged=charged
            )
            usd = unit * hours
            usd_requested, usd_above = by.requests * usd, by.above * usd
            self._usd_requested[index] += usd_requested
            self._usd_above[index] += usd_above
            for (pod, requests), charge in zip(passing, charges, strict=True):
                request = requests[index]
                charge[index] = request * usd_requested + max(0.0, pod.usage[index] - request) * usd_above
            system[index], idle[index] = by.system * usd, by.idle * usd
        for (pod, _), (cpu, memory, gpu) in zip(passing, charges, strict=True):
            self._charge(pod, cpu, memory, gpu, seconds=seconds)
        paid = price.usd_per_hour * hours
        if price.unit_prices == (0.0, 0.0, 0.0):  # a machine without capacity: its whole price is idle
            idle = [paid, 0.0, 0.0]
        hour.paid += paid
        hour.saved += self._saved_usd_per_hour * hours
        hour.system = _plus(hour.system, system)
        hour.idle = _plus(hour.idle, idle)
        hour.seconds += seconds
        if self._estimated:
            hour.estimated_seconds += seconds
        self._seconds += seconds

    def charge_lasting(self) -> None:
        """Charge the pods that were there in all pieces; called once, after the last."""
        (cpu, memory, gpu), (more_cpu, more_memory, more_gpu) = self._usd_requested, self._usd_above
        lasting, charges, seconds = self._lasting, self.hour.pods, self._seconds
        per_usd, estimated = self._saved_per_usd, self._estimated
        for pod, vcpus, gib, gpus, more_vcpus, more_gib, more_gpus in zip(
            lasting.pods, *lasting.requests, *lasting.above, strict=True
        ):
            of_cpu = vcpus * cpu + more_vcpus * more_cpu
            of_memory = gib * memory + more_gib * more_memory
            of_gpu = gpus * gpu + more_gpus * more_gpu
            if pod.key in charges:  # the hour has had another price
                self._charge(pod, of_cpu, of_memory, of_gpu, seconds=seconds)
            else:
                charges[pod.key] = PodCharge(
                    of_cpu,
                    of_memory,
                    of_gpu,
                    (of_cpu + of_memory + of_gpu) * per_usd,
                    seconds,
                    seconds if estimated or pod.estimated else 0.0,
                )

    def _charge(self, pod: PodSpan[K], cpu: float, memory: float, gpu: float, *, seconds: float) -> None:
        savings = (cpu + memory + gpu) * self._saved_per_usd
        estimated_seconds = seconds if self._estimated or pod.estimated else 0.0
        charge = self.hour.pods.get(pod.key)
        if charge is None:
            self.hour.pods[pod.key] = PodCharge(cpu, memory, gpu, savings, seconds, estimated_seconds)
            return
        charge.cpu += cpu
        charge.memory += memory
        charge.gpu += gpu
        charge.savings += savings
        charge.seconds += seconds
        charge.estimated_seconds += estimated_seconds


def _plus(first: Usd, second: Sequence[float]) -> Usd:
    return Usd(first.cpu + second[0], first.memory + second[1], first.gpu + second[2])
