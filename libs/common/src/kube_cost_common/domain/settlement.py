"""What a stretch of a node's time cost, and whose cost it was (docs/cost-model.md).

The stretch is cut into pieces wherever something changes: a pod starts or ends, a request or a price changes, a UTC
hour is full. In each piece pods + system + idle = price × time.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

from kube_cost_common.domain.allocation import Allocation, allocate
from kube_cost_common.domain.money import NS_PER_HOUR, NS_PER_SECOND
from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.unit_prices import NodePrice, UnitPrices, reserved_for_system

K = TypeVar("K", bound=Hashable)


class Change(NamedTuple):
    """From `since_ns` on, a pod requests `requests`."""

    since_ns: int
    requests: Resources


class PriceChange(NamedTuple):
    """From `since_ns` on, a node costs `price`."""

    since_ns: int
    price: NodePrice


@dataclass(frozen=True, kw_only=True)
class PodSpan(Generic[K]):
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
    """What one pod is charged in one hour of the stretch: USD by resource, USD saved by spot, seconds of its life."""

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0
    savings: float = 0.0
    seconds: float = 0.0
    estimated_seconds: float = 0.0


@dataclass(slots=True)
class HourCharges(Generic[K]):
    """What one UTC hour of the stretch cost: all that was paid, and whose it was. USD throughout.

    `saved` is the whole of `(on demand − paid) × time` where that is positive, so that it only ever grows.
    """

    hour_start_ns: int
    paid: float = 0.0
    saved: float = 0.0
    system: Usd = NO_USD
    idle: Usd = NO_USD
    pods: dict[K, PodCharge] = field(default_factory=dict)
    seconds: float = 0.0
    estimated_seconds: float = 0.0


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
    hours: list[HourCharges[K]] = []
    for piece_start, piece_end in pieces(start_ns, end_ns, prices, pods):
        hour_start = piece_start - piece_start % NS_PER_HOUR
        if not hours or hours[-1].hour_start_ns != hour_start:
            hours.append(HourCharges(hour_start_ns=hour_start))
        price = _at(prices, piece_start).price
        present = [pod for pod in pods if pod.start_ns <= piece_start and pod.end_ns >= piece_end]
        allocation = allocate(
            capacity=price.shape,
            reserved=Resources(
                *map(sum, zip(reserved_for_system(price.shape, allocatable), unattributed, strict=True))
            ),
            requests=[_at(pod.requests, piece_start).requests for pod in present],
            usages=[pod.usage for pod in present],
        )
        _add_piece(
            hours[-1], (piece_end - piece_start) / NS_PER_SECOND, price, present, allocation, estimated=estimated
        )
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


def _add_piece(
    hour: HourCharges[K],
    seconds: float,
    price: NodePrice,
    present: Sequence[PodSpan[K]],
    allocation: Allocation,
    *,
    estimated: bool,
) -> None:
    hours = seconds / 3600
    paid = price.usd_per_hour * hours
    saved = 0.0 if price.on_demand_usd_per_hour is None else max(0.0, price.on_demand_usd_per_hour * hours - paid)
    saved_per_usd = saved / paid if paid > 0 else 0.0
    units = price.unit_prices
    for pod, amount in zip(present, allocation.pods, strict=True):
        cpu, memory, gpu = _priced(amount, units, hours)
        charge = hour.pods.get(pod.key)
        if charge is None:
            charge = hour.pods[pod.key] = PodCharge()
        charge.cpu += cpu
        charge.memory += memory
        charge.gpu += gpu
        charge.savings += (cpu + memory + gpu) * saved_per_usd
        charge.seconds += seconds
        if estimated or pod.estimated or price.estimated:
            charge.estimated_seconds += seconds
    system = _priced(allocation.system, units, hours)
    idle = _priced(allocation.idle, units, hours)
    if units == (0.0, 0.0, 0.0):  # a machine without capacity: its whole price is idle
        idle = Usd(paid, 0.0, 0.0)
    hour.paid += paid
    hour.saved += saved
    hour.system = _plus(hour.system, system)
    hour.idle = _plus(hour.idle, idle)
    hour.seconds += seconds
    if estimated or price.estimated:
        hour.estimated_seconds += seconds


def _priced(amount: Resources, units: UnitPrices, hours: float) -> Usd:
    return Usd(
        amount.vcpu * units.vcpu * hours, amount.memory_gib * units.memory_gib * hours, amount.gpus * units.gpu * hours
    )


def _plus(first: Usd, second: Usd) -> Usd:
    return Usd(first.cpu + second.cpu, first.memory + second.memory, first.gpu + second.gpu)
