"""The other processes of the mesh as their status reports tell of them, and the counters that are added up of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.messages.status import STATUS_INTERVAL_SECONDS, StatusReport
from kube_cost_common.runtime.clock import Clock

AGENT = "agent"
AGGREGATOR = "aggregator"

SILENT_AFTER_SECONDS = 3 * STATUS_INTERVAL_SECONDS
MAX_INSTANCES = 12_000
"""Processes that are remembered: more than twice the nodes of the largest clusters (5,000)."""

MAX_PROBLEMS = 20
MAX_SENTENCE = 500

Fold = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One process, as of its last report. `heard_at` is monotonic, in seconds. Counters and gauges are by series."""

    component: str
    instance: str
    node: str
    software_version: str
    heard_at: float
    ready: bool
    problems: tuple[str, ...]
    counters: Mapping[str, float]
    gauges: Mapping[str, float]

    def says_the_same_as(self, before: "Instance") -> bool:
        """Whether nothing of the same process is new but when it was heard."""
        return (
            self.counters == before.counters
            and self.gauges == before.gauges
            and self.problems == before.problems
            and self.ready == before.ready
            and self.node == before.node
            and self.software_version == before.software_version
        )


class Components:
    """Folds status reports.

    Each counter of each process is taken by how much it grew since the report before, and added to a running total
    that is handed to `fold`, so that sums never dip: not when a process ends, not when this one begins anew. What is
    counted while nobody listens to a process that was heard before, or began before this one, is not in them; with a
    new ledger nobody was heard before, and all is.
    """

    def __init__(
        self,
        *,
        fold: Fold,
        clock: Clock,
        silent_after_seconds: float = SILENT_AFTER_SECONDS,
        sample_silent_after_seconds: float = SILENT_AFTER_SECONDS,
        max_instances: int = MAX_INSTANCES,
        new_ledger: bool = False,
    ) -> None:
        self._fold = fold
        self._clock = clock
        self._silent_after_seconds = silent_after_seconds
        self._sample_silent_after_ns = int(sample_silent_after_seconds * NS_PER_SECOND)
        self._samples_ns: dict[str, int] = {}
        self._max_instances = max_instances
        self._instances: dict[tuple[str, str], Instance] = {}
        self._totals: dict[str, float] = {}
        self.began_ns = clock.now_ns()
        self._counted_before_ns = 0 if new_ledger else self.began_ns

    def restore(self, totals: Mapping[str, float]) -> None:
        """Go on from the totals that the ledger has; called once, before the first report."""
        self._totals = dict(totals)

    def hear(self, report: StatusReport, *, counters: Mapping[str, float], gauges: Mapping[str, float]) -> bool:
        """Take a report, its counters and gauges by series; return False where there are too many processes."""
        key = (report.component, report.instance)
        before = self._instances.pop(key, None)
        if before is None and not self._make_room():
            return False
        if before is not None:
            counted = dict(before.counters)
        elif self._clock.now_ns() - (report.sent_at_ns - report.started_at_ns) < self._counted_before_ns:
            counted = dict(counters)
        else:
            counted = {}
        grown = {series: value - counted.get(series, 0.0) for series, value in counters.items()}
        self._instances[key] = Instance(
            component=report.component,
            instance=report.instance,
            node=report.node,
            software_version=report.software_version[:MAX_SENTENCE],
            heard_at=self._clock.monotonic(),
            ready=report.ready,
            problems=tuple(problem[:MAX_SENTENCE] for problem in report.problems[:MAX_PROBLEMS]),
            counters={**counted, **{name: max(value, counted.get(name, 0.0)) for name, value in counters.items()}},
            gauges=gauges,
        )
        changed = {name: self._totals.get(name, 0.0) + more for name, more in grown.items() if more > 0}
        if changed:
            self._totals.update(changed)
            self._fold(changed)
        return True

    def known(self, component: str, instance: str) -> Instance | None:
        """Return a process as of its last report, None where it is not remembered."""
        return self._instances.get((component, instance))

    def live(self, component: str = "") -> list[Instance]:
        """Return the processes that are heard, of one component or of all, the last heard last."""
        since = self._clock.monotonic() - self._silent_after_seconds
        return [
            known
            for known in self._instances.values()
            if known.heard_at >= since and component in {"", known.component}
        ]

    def hear_sample(self, node: str, stored_at_ns: int) -> None:
        """Note a usage sample of a node that exists: its agent was there when the bus stored it, Unix nanoseconds."""
        self._samples_ns[node] = max(stored_at_ns, self._samples_ns.get(node, 0))

    def up(self, component: str) -> bool:
        """Whether any process of the component is heard; the aggregator itself always is."""
        return component == AGGREGATOR or bool(self.live(component)) or (component == AGENT and bool(self._sampling()))

    def connected_nodes(self) -> set[str]:
        """Return the names of the nodes whose agent is heard, by its status or by its samples."""
        return {known.node for known in self.live(AGENT) if known.node} | self._sampling()

    def gauges(self) -> dict[str, float]:
        """Return the gauges of the processes that are heard, by series; of two that say one thing, the last heard."""
        return {series: value for known in self.live() for series, value in known.gauges.items()}

    def last_heard(self, component: str) -> Instance | None:
        """Return the process of a component that was heard last, silent or not."""
        return next((known for known in reversed(self._instances.values()) if known.component == component), None)

    def _sampling(self) -> set[str]:
        since_ns = self._clock.now_ns() - self._sample_silent_after_ns
        self._samples_ns = {
            node: stored_at_ns for node, stored_at_ns in self._samples_ns.items() if stored_at_ns >= since_ns
        }
        return set(self._samples_ns)

    def _make_room(self) -> bool:
        """Forget the longest silent process if there are too many, its counts kept in the totals."""
        if len(self._instances) < self._max_instances:
            return True
        key, oldest = next(iter(self._instances.items()))
        silent_seconds = self._clock.monotonic() - oldest.heard_at
        if silent_seconds <= self._silent_after_seconds:
            return False
        del self._instances[key]
        # Should it come back, it began before this: what it counted until then may be in the totals already.
        heard_ns = self._clock.now_ns() - int(silent_seconds * NS_PER_SECOND)
        self._counted_before_ns = max(self._counted_before_ns, heard_ns)
        return True
