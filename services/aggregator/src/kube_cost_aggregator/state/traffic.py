"""What pods sent, received, read and wrote between two samples, and what that costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import add
from typing import NamedTuple

from kube_cost_aggregator.history.store import NodeState, PodTotals, Traffic
from kube_cost_aggregator.state.pods import Pod
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.domain.resources import BYTES_PER_GIB
from kube_cost_common.domain.settlement import HourCharges
from kube_cost_common.messages.usage import ROOT_NODE, PodUsage, UsageSample

BORN_WITHIN_NS = 6_000_000_000
"""A pod that the agent first saw later than this after its session began was born within the session."""


class Growth(NamedTuple):
    """By how much the totals of a node have grown since its sample before.

    `pods` has the bytes that were sent by the uid that the agent knows a pod by, `namespaces` all traffic by namespace.
    `rest_bytes` is what the node sent beside its pods, as far as its agent says.
    """

    pods: Mapping[str, int]
    namespaces: Mapping[str, Traffic]
    rest_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Bytes that were sent in the time from `start_ns` to `end_ns` (Unix nanoseconds), by pod uid, and by the node.

    `seconds` is how long each of the pods was there in that time. A byte costs `usd_per_gib` / 2^30 on average.
    """

    start_ns: int
    end_ns: int
    pods: Mapping[str, int]
    seconds: Mapping[str, float]
    rest_bytes: int
    usd_per_gib: float

    @property
    def rest_bytes_per_second(self) -> float:
        """What the node itself sent on average."""
        seconds = (self.end_ns - self.start_ns) / NS_PER_SECOND
        return self.rest_bytes / seconds if seconds > 0 else 0.0


def growth(state: NodeState, sample: UsageSample) -> Growth:
    """Return what a sample says is more than its node's state does.

    Totals count from a pod's birth, whichever agent process reads them. Of a pod that already ran when the node was
    first heard of nobody knows when it sent what: its first totals are its baseline.
    """
    known_before = state.baseline_end_ns is not None
    same_boot = state.boot_id in {"", sample.boot_id}
    baseline = state.pods if same_boot else {}
    pods: dict[str, int] = {}
    namespaces: dict[str, Iterable[int]] = {}
    for used in sample.pods:
        base = baseline.get(used.uid)
        if base is None and not (known_before or used.since_ns > sample.start_ns + BORN_WITHIN_NS):
            continue
        totals = traffic_totals(used)
        if base is None:
            more = [total or 0 for total in totals]
        else:  # as `_more`, which would be five calls for each pod of each sample
            more = [
                0 if before is None or now is None else now - before if now >= before else now
                for before, now in zip(_kept(base), totals, strict=True)
            ]
        if more[0]:
            pods[used.uid] = more[0]
        if used.namespace and any(more):
            known = namespaces.get(used.namespace)
            namespaces[used.namespace] = more if known is None else list(map(add, known, more))
    total = node_transmit_bytes(sample)
    rest = 0
    if total is not None and state.transmit_bytes is not None and same_boot:
        rest = max(0, _more(state.transmit_bytes, total) - sum(pods.values()))
    return Growth(pods, {namespace: Traffic(*more) for namespace, more in namespaces.items()}, rest)


def traffic_totals(used: PodUsage) -> tuple[int | None, int | None, int | None, int | None, int | None]:
    """Return a pod's totals in the order of `Traffic`; None where the agent doesn't say."""
    reads, writes = used.read_operations, used.write_operations
    operations = None if reads is None and writes is None else (reads or 0) + (writes or 0)
    return used.transmit_bytes, used.receive_bytes, used.read_bytes, used.write_bytes, operations


def node_transmit_bytes(sample: UsageSample) -> int | None:
    """Return what the node's interfaces have sent, None where the agent doesn't say."""
    return next((root.transmit_bytes for root in sample.roots if root.name == ROOT_NODE), None)


def charge_sent(hours: Iterable[HourCharges[str]], sent: Sent) -> None:
    """Add to a node's charges what the bytes cost that were sent: evenly over the time of who sent them."""
    usd_per_byte = sent.usd_per_gib / BYTES_PER_GIB
    seconds = (sent.end_ns - sent.start_ns) / NS_PER_SECOND
    if not usd_per_byte or seconds <= 0:
        return
    for hour in hours:
        hour.network += sent.rest_bytes * usd_per_byte * hour.seconds / seconds
        for uid, count in sent.pods.items():
            charge = hour.pods.get(uid)
            if charge is not None and count:
                charge.network += count * usd_per_byte * charge.seconds / sent.seconds[uid]


def sent_in(told: Growth, pods: Mapping[str, Pod], *, start_ns: int, end_ns: int, usd_per_gib: float) -> Sent:
    """Return what was sent in the time of a sample's differences; `pods` are by the uid that the agent knows them by.

    Notes at each pod how much it sends. Bytes of a pod that isn't known, or wasn't there, are the node's.
    """
    rest = told.rest_bytes
    counts: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for usage_uid, pod in pods.items():
        more = told.pods.get(usage_uid)
        pod.transmit_bytes_per_second = 0.0
        if more is None:
            continue
        there_ns = (end_ns if pod.end_ns is None else min(end_ns, pod.end_ns)) - max(start_ns, pod.start_ns)
        if there_ns > 0:
            there = there_ns / NS_PER_SECOND
            counts[pod.uid], seconds[pod.uid] = more, there
            pod.transmit_bytes_per_second = more / there
    rest += sum(told.pods.values()) - sum(counts.values())
    return Sent(
        start_ns=start_ns, end_ns=end_ns, pods=counts, seconds=seconds, rest_bytes=rest, usd_per_gib=usd_per_gib
    )


def _kept(base: PodTotals) -> tuple[int | None, ...]:
    return base.transmit_bytes, base.receive_bytes, base.read_bytes, base.write_bytes, base.operations


def _more(before: int | None, now: int | None) -> int:
    """Return by how much a total has grown; one that is smaller was counted anew. None: nobody knows."""
    if before is None or now is None:
        return 0
    return now - before if now >= before else now
