"""A pod as the ledger and the gauges follow it, from its binding to a node until it is settled for good."""

from dataclasses import dataclass, field

from kube_cost_aggregator.state.facts import PodFacts
from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.settlement import Change

EVENT_NEARNESS_NS = 2_000_000_000
"""How long after the API's own stamp, which has whole seconds, an event may arrive and still be the better time."""


@dataclass(slots=True, kw_only=True)
class Pod:
    """A pod on a node. Times are Unix nanoseconds; `end_ns` is None while it is charged.

    `requests` has the changes since the last settlement and the one that holds, in order of time. `usage` is its
    average over the last sample. `pod_id` is the ledger's number once it has one. `estimated`: known by samples alone.
    `extends`: its end isn't known but by when it was last seen, and samples may still say later.
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
    facts: PodFacts | None = None
    written: bool = False
    """Whether what the ledger has of it is what is known now."""

    @property
    def request(self) -> Resources:
        """What it requests now."""
        return self.requests[-1].requests

    def request_from(self, since_ns: int, requests: Resources) -> bool:
        """Let it request something else from `since_ns` on; return whether that is a change."""
        if self.requests and self.requests[-1].requests == requests:
            return False
        self.requests.append(Change(since_ns, requests))
        self.written = False
        return True

    def end(self, at_ns: int) -> None:
        """Let it end, unless it ended earlier already; never before its start."""
        end_ns = max(at_ns, self.start_ns)
        if self.end_ns is None or (self.extends and end_ns > self.end_ns):
            self.end_ns = end_ns
            self.written = False

    def forget_before(self, moment_ns: int) -> None:
        """Drop the request changes that no unsettled time needs."""
        while len(self.requests) > 1 and self.requests[1].since_ns <= moment_ns:
            del self.requests[0]


def nearest(api_ns: int, arrived_ns: int | None) -> int:
    """Return when something happened: when its event arrived if that is about the API's own second, else the latter."""
    if arrived_ns is not None and 0 <= arrived_ns - api_ns < EVENT_NEARNESS_NS:
        return arrived_ns
    return api_ns
