"""Stretches of time and how they are cut."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from kube_cost_simulator.history import History
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR, Sample

Stretch = tuple[int, int]
"""From and to, Unix nanoseconds."""

NANOSECONDS_PER_SECOND = 1_000_000_000


def hour_of(at_ns: int) -> int:
    """The hour of a moment as its start in Unix seconds."""
    return at_ns // NANOSECONDS_PER_HOUR * 3600


def pieces(stretch: Stretch, cuts_ns: Iterable[int]) -> Iterator[Stretch]:
    """A stretch cut at the moments given and at every full hour; nothing if it is empty."""
    start_ns, end_ns = stretch
    if start_ns >= end_ns:
        return iter(())
    first_hour = start_ns // NANOSECONDS_PER_HOUR + 1
    hours = (hour * NANOSECONDS_PER_HOUR for hour in range(first_hour, end_ns // NANOSECONDS_PER_HOUR + 1))
    inside = {cut for cut in (*cuts_ns, *hours) if start_ns < cut < end_ns}
    return pairwise(sorted({start_ns, end_ns, *inside}))


def overlap(one: Stretch, other: Stretch) -> Stretch:
    """What both have in common; its end is before its start where that is nothing."""
    return max(one[0], other[0]), min(one[1], other[1])


def alive(start_ns: int, end_ns: int | None, through_ns: int) -> Stretch:
    """From a start to an end, or to now where it hasn't come."""
    return start_ns, through_ns if end_ns is None else end_ns


def regular_samples(history: History, every_seconds: int = 60) -> Mapping[str, list[Sample]]:
    """Samples of all nodes that are machines, by uid: the whole life of each, so that all of it is paid.

    Each is `every_seconds` long from the node's creation on; nodes without an agent have one, by request.
    """
    found = {}
    for node in history.nodes:
        if node.pod_sized is not None:
            continue
        start_ns, end_ns = alive(node.created_ns, node.deleted_ns, history.through_ns)
        edges = [*range(start_ns, end_ns, every_seconds * NANOSECONDS_PER_SECOND), end_ns]
        if node.agent:
            found[node.uid] = [Sample(begin, end) for begin, end in pairwise(edges)]
        else:
            found[node.uid] = [Sample(start_ns, end_ns, by_request=True)]
    return found
