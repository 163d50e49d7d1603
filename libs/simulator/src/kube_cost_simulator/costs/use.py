"""How much of what is reserved is used, and how much is used beyond it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeVar

from kube_cost_simulator.costs.rows import COMPUTE, Kind
from kube_cost_simulator.costs.stretches import Stretch, alive, overlap, pieces
from kube_cost_simulator.gpus import gpus_of
from kube_cost_simulator.history import History, NodeHistory, PodHistory
from kube_cost_simulator.reservation import reserved
from kube_cost_simulator.scenario import GIB
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR, Sample, price_paid, unit_prices

Key = TypeVar("Key")


class Use(NamedTuple):
    """Of vCPUs, GiB or GPUs, × hours; `unused` and `beyond` once more in USD, at the node's unit price of the time.

    `unused` is what was reserved above the use, `beyond` what was used above the reservation, each sample by itself: a
    use in one never makes up for a waste in another.
    """

    reserved: Fraction = Fraction(0)
    used: Fraction = Fraction(0)
    unused: Fraction = Fraction(0)
    beyond: Fraction = Fraction(0)
    unused_usd: Fraction = Fraction(0)
    beyond_usd: Fraction = Fraction(0)

    def plus(self, other: "Use") -> "Use":
        """The sum, number by number."""
        return Use(*(mine + its for mine, its in zip(self, other, strict=True)))

    @property
    def efficiency(self) -> Fraction | None:
        """Used ÷ reserved; None where nothing is reserved."""
        return self.used / self.reserved if self.reserved else None


@dataclass(frozen=True)
class Uses:
    """Uses by pod uid and kind of resource, on machines that an agent looks at."""

    by_pod: Mapping[tuple[str, Kind], Use]
    pods: Mapping[str, PodHistory]

    def by(self, key: Callable[[PodHistory], Key]) -> dict[tuple[Key, Kind], Use]:
        """Uses by whatever `key` says of a pod: its namespace, its workload."""
        found: dict[tuple[Key, Kind], Use] = defaultdict(Use)
        for (uid, kind), use in self.by_pod.items():
            found[key(self.pods[uid]), kind] = found[key(self.pods[uid]), kind].plus(use)
        return dict(found)


def uses(history: History, samples_by_node: Mapping[str, Sequence[Sample]]) -> Uses:
    """The uses of all pods in the samples of their nodes, but for those by request, in which nobody looked."""
    nodes = {node.uid: node for node in history.nodes}
    found: dict[tuple[str, Kind], Use] = defaultdict(Use)
    for pod in history.pods:
        node = nodes[pod.node_uid]
        life = alive(pod.bound_ns, pod.ended_ns, history.through_ns)
        for sample in samples_by_node.get(node.uid, ()):
            there = overlap(life, (sample.start_ns, sample.end_ns))
            looked = overlap(life, sample.usage_from or there)
            if not sample.by_request and there[0] < there[1] and looked[0] < looked[1]:
                for kind, use in _uses_in(node, pod, there, looked):
                    found[pod.uid, kind] = found[pod.uid, kind].plus(use)
    return Uses(dict(found), {pod.uid: pod for pod in history.pods})


def _uses_in(node: NodeHistory, pod: PodHistory, stretch: Stretch, looked: Stretch) -> Iterator[tuple[Kind, Use]]:
    """The uses of a pod in a stretch in which it used what it did on average in `looked`."""
    cuts = [*(change.from_ns for change in pod.requests), *(price.from_ns for price in node.prices)]
    for start_ns, end_ns in pieces(stretch, cuts):
        hours = Fraction(end_ns - start_ns, NANOSECONDS_PER_HOUR)
        held = reserved(pod.requests[_index([change.from_ns for change in pod.requests], start_ns)])
        gpus = Fraction(gpus_of(held, node.labels))
        requested = (Fraction(held.cpu_millicores, 1000), Fraction(held.memory_bytes, GIB), gpus)
        price = node.prices[_index([each.from_ns for each in node.prices], start_ns)]
        units = unit_prices(price_paid(node, price), node.shape, node.weights)
        for kind, asked, used, usd in zip(COMPUTE, requested, _mean(pod, looked, gpus), units, strict=True):
            unused, beyond = max(Fraction(0), asked - used) * hours, max(Fraction(0), used - asked) * hours
            yield kind, Use(asked * hours, used * hours, unused, beyond, unused * usd, beyond * usd)


def _mean(pod: PodHistory, stretch: Stretch, gpus: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """vCPUs, GiB and busy GPUs that a pod used on average in a stretch."""
    lasted_ns = stretch[1] - stretch[0]
    if pod.usage is None:
        return Fraction(0), Fraction(0), Fraction(0)
    before, after = (pod.usage.totals(at_ns) for at_ns in stretch)
    return (
        Fraction(after.cpu_millicore_ns - before.cpu_millicore_ns, 1000 * lasted_ns),
        Fraction(after.memory_byte_ns - before.memory_byte_ns, GIB * lasted_ns),
        gpus * Fraction(after.gpu_permille_ns - before.gpu_permille_ns, 1000 * lasted_ns),
    )


def _index(moments_ns: Sequence[int], at_ns: int) -> int:
    return max(bisect_right(moments_ns, at_ns) - 1, 0)
