"""Volumes: provisioned, whether used or not, shared by those that mount them."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from kube_cost_simulator.costs.rows import UNCLAIMED, Row
from kube_cost_simulator.costs.stretches import Stretch, alive, hour_of, overlap, pieces
from kube_cost_simulator.history import PodHistory
from kube_cost_simulator.prices import VolumePrice
from kube_cost_simulator.records import VolumeHistory, VolumeState
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR

HOURS_PER_MONTH = 730
"""365 × 24 / 12."""


def usd_per_month(price: VolumePrice, gib: Fraction, iops: int, mib_per_second: int) -> Fraction:
    """What a volume costs a month; ValueError for a disk larger than its largest tier."""
    if price.tiers:
        for tier in price.tiers:
            if gib <= tier.up_to_gib:
                return tier.usd_per_month
        raise ValueError(f"no tier has {float(gib)} GiB")
    beyond_iops = max(0, iops - price.free_iops) * price.usd_per_iops_month
    beyond_speed = max(0, mib_per_second - price.free_mib_per_second) * price.usd_per_mib_per_second_month
    return gib * price.usd_per_gib_month + beyond_iops + beyond_speed


def volume_rows(
    volume: VolumeHistory, pods: Sequence[PodHistory], price: VolumePrice | None, window: Stretch
) -> Iterator[Row]:
    """What the pods that mount it owe in equal parts, else its claim's namespace, else the line of unclaimed ones."""
    if price is None:
        return
    life = overlap(alive(volume.states[0].from_ns, volume.deleted_ns, window[1]), window)
    concerned = [pod for pod in pods if any(mounts(pod, state.claim) for state in volume.states)]
    cuts = [state.from_ns for state in volume.states]
    for pod in concerned:
        cuts += alive(pod.bound_ns, pod.ended_ns, window[1])
    for start_ns, end_ns in pieces(life, cuts):
        state = state_at(volume.states, start_ns)
        monthly = usd_per_month(price, state.gib, volume.iops, volume.mib_per_second)
        usd = monthly / HOURS_PER_MONTH * (end_ns - start_ns) / NANOSECONDS_PER_HOUR
        hour = hour_of(start_ns)
        sharers = [pod for pod in concerned if mounts(pod, state.claim) and is_there(pod, start_ns)]
        if state.claim is None:
            yield Row(hour, UNCLAIMED, "storage", usd, thing=volume.name)
        elif not sharers:
            yield Row(hour, state.claim[0], "storage", usd, thing=volume.name)
        for pod in sharers:
            yield Row(hour, pod.namespace, "storage", usd / len(sharers), pod.uid, pod.node_uid, volume.name)


def mounts(pod: PodHistory, claim: tuple[str, str] | None) -> bool:
    """Whether a pod mounts a claim."""
    return claim is not None and pod.namespace == claim[0] and claim[1] in pod.claims


def is_there(pod: PodHistory, at_ns: int) -> bool:
    """Whether a pod holds its node at a moment, and so its volumes."""
    return pod.bound_ns <= at_ns and (pod.ended_ns is None or at_ns < pod.ended_ns)


def state_at(states: Iterable[VolumeState], at_ns: int) -> VolumeState:
    """The last state that isn't after a moment."""
    return [state for state in states if state.from_ns <= at_ns][-1]
