"""A pod as the ledger and the gauges follow it, from its binding to a node until it is settled for good."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kube_cost_aggregator.state.facts import OwnerFacts, PodFacts
from kube_cost_aggregator.state.workloads import workload_of
from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.settlement import Change

EVENT_NEARNESS_NS = 2_000_000_000
"""How long after the API's own stamp, which has whole seconds, an event may arrive and still be the better time."""


@dataclass(slots=True, kw_only=True)
class Pod:
    """A pod on a node. Times are Unix nanoseconds; `end_ns` is None while it is charged.

    `requests` has the changes since the last settlement and the one that holds, in order of time. `usage` is its
    average over the last sample. `pod_id` is the ledger's number once it has one. `estimated`: known by samples alone.
    `extends`: a list lacked it, so that it ended at some time since it was last seen; samples say when.
    """

    uid: str
    usage_uid: str
    namespace: str
    name: str
    node_name: str
    node_uid: str
    workload_kind: str
    workload: str
    start_ns: int
    end_ns: int | None = None
    requests: list[Change] = field(default_factory=list)
    usage: Resources = NOTHING
    pod_id: int | None = None
    estimated: bool = False
    extends: bool = False
    ended_with_node: bool = False
    """A list lacked its node, not the pod itself: if the node is there after all, so is the pod."""
    claims: tuple[str, ...] = ()
    """Names of the persistent volume claims that it mounts, in its namespace."""
    labels: tuple[str, ...] = ()
    """Its labels as far as they are kept, `name=value` each."""
    transmit_bytes_per_second: float = 0.0
    """What it sent on average over the last sample; 0 for one on its node's network."""
    busy_gpus: float | None = None
    """How many GPUs it kept busy on average over the last sample; None where nobody says."""
    facts: PodFacts | None = None
    written: bool = False
    """Whether what the ledger has of it is what is known now."""

    @property
    def led_by_samples(self) -> bool:
        """Whether samples alone say how long it lives."""
        return self.extends or (self.estimated and self.facts is None)

    @property
    def request(self) -> Resources:
        """What it requests now."""
        return self.requests[-1].requests

    def request_from(self, since_ns: int, requests: Resources) -> bool:
        """Let it request something else from `since_ns` on; return whether that is a change."""
        if self.requests:
            if self.requests[-1].requests == requests:
                return False
            since_ns = max(since_ns, self.requests[-1].since_ns)
        self.requests.append(Change(since_ns, requests))
        self.written = False
        return True

    def end(self, at_ns: int) -> None:
        """Let it end, unless it has ended already; never before its start."""
        if self.end_ns is None:
            self.end_ns = max(at_ns, self.start_ns)
            self.written = False

    def go_on(self) -> None:
        """Take its end back: it is still there."""
        self.ended_with_node = False
        if self.end_ns is not None:
            self.end_ns = None
            self.written = False

    def forget_before(self, moment_ns: int) -> None:
        """Drop the request changes that no unsettled time needs."""
        while len(self.requests) > 1 and self.requests[1].since_ns <= moment_ns:
            del self.requests[0]


def bound_pod(facts: PodFacts, at_ns: int | None, owners: Mapping[str, OwnerFacts]) -> Pod:
    """Return a pod that was told of for the first time, at `at_ns` or, where that is None, by a list."""
    workload_kind, workload = workload_of(facts.owner, facts.name, owners)
    return Pod(
        uid=facts.uid,
        usage_uid=facts.usage_uid,
        namespace=facts.namespace,
        name=facts.name,
        node_name=facts.node_name,
        node_uid="",
        workload_kind=workload_kind,
        workload=workload,
        start_ns=charged_from_ns(facts, at_ns),
        claims=facts.claims,
        labels=label_texts(facts.labels),
    )


def label_texts(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return labels as `name=value`, in the order of their names."""
    return tuple(f"{name}={value}" for name, value in sorted(labels.items()))


def charged_from_ns(facts: PodFacts, at_ns: int | None) -> int:
    """Return when a pod was bound, as well as that is known."""
    return nearest(facts.bound_ns, at_ns) if facts.bound_ns is not None else facts.created_ns


def nearest(api_ns: int, arrived_ns: int | None) -> int:
    """Return when something happened: when its event arrived if that is about the API's own second, else the latter."""
    if arrived_ns is not None and 0 <= arrived_ns - api_ns < EVENT_NEARNESS_NS:
        return arrived_ns
    return api_ns
