"""What every process says of itself, every 15 s, on core NATS. Only the aggregator exposes it, so nothing is twice."""

from kube_cost_common.messages.codec import Part, Record

STATUS_INTERVAL_SECONDS = 15.0


class Reading(Part, frozen=True):
    """One value of a metric of the aggregator's catalogue, without its suffixes for the exposition."""

    name: str
    labels: dict[str, str]
    value: float


class StatusReport(Record, frozen=True, kw_only=True):
    """The health of one process, its counters since its start, and its gauges now.

    `instance` is unique per process, so that a reader can add up the counters of processes that are gone. `problems`
    says in sentences why it isn't ready or not well; empty when all is well.
    """

    component: str
    instance: str
    software_version: str
    sent_at_ns: int
    started_at_ns: int
    ready: bool
    problems: list[str]
    counters: list[Reading]
    gauges: list[Reading]
    node: str = ""
