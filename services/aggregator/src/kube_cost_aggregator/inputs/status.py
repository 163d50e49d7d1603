"""Status reports from the bus: read, checked against the catalogue of metrics, and folded."""

from collections.abc import AsyncIterable, Callable, Sequence
from functools import lru_cache
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.state.components import AGGREGATOR, MAX_INSTANCES, Components
from kube_cost_common.messages.codec import DecodeError, RecordDecoder
from kube_cost_common.messages.names import status_subject
from kube_cost_common.messages.status import Reading, StatusReport
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters

MAX_NAME = 253
MAX_READINGS = 1_000
"""Counters, and gauges, in one report: a multiple of what the catalogue has of any component."""

GATHER_SECONDS = 1.0
"""After a report that was waited for: what comes meanwhile is taken at one go, which costs half of one by one."""

AT_HAND_SECONDS = 0.005
"""A report that is there this soon after the one before was waiting already."""


class SeriesKey(Protocol):
    """Says under which key a reading of a component is kept, None where the catalogue has no such series of it."""

    def __call__(self, component: str, reading: Reading, *, counter: bool) -> str | None:
        """Return the key."""
        ...


class StatusIntake:
    """Takes what the mesh's processes say of themselves. What isn't fit is counted, logged once a kind, and dropped."""

    def __init__(
        self,
        *,
        messages: AsyncIterable[tuple[str, bytes]],
        components: Components,
        series_key: SeriesKey,
        known_components: Sequence[str],
        counters: Counters,
        clock: Clock,
        log: FilteringBoundLogger,
        changed: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._messages = messages
        self._components = components
        self._series_key = series_key
        self._known_components = frozenset(known_components)
        self._counters = counters
        self._log = log
        self._changed = changed
        self._decoder = RecordDecoder(StatusReport)
        self._said: set[str] = set()
        self._subject = lru_cache(maxsize=MAX_INSTANCES)(status_subject)

    async def run(self) -> None:
        """Take reports until the bus is closed."""
        done_at = self._clock.monotonic()
        async for subject, payload in self._messages:
            waited_for = self._clock.monotonic() - done_at >= AT_HAND_SECONDS
            self.take(subject, payload)
            if waited_for:
                await self._clock.sleep(GATHER_SECONDS)
            done_at = self._clock.monotonic()

    def take(self, subject: str, payload: bytes) -> None:
        """Take one report."""
        try:
            report = self._decoder.decode(payload)
        except DecodeError as error:
            self._refuse(error.reason, error.detail)
            return
        if fault := self._fault(subject, report):
            self._refuse("report", fault)
            return
        before = self._components.known(report.component, report.instance)
        if not self._components.hear(
            report,
            counters=self._readings(report, report.counters, counter=True),
            gauges=self._readings(report, report.gauges, counter=False),
        ):
            self._refuse("instances", "more processes report than are remembered")
            return
        now = self._components.known(report.component, report.instance)
        # Most reports say what the one before said: nothing to be shown sooner than at the next rendering.
        if before is None or now is None or not now.says_the_same_as(before):
            self._changed()

    def _fault(self, subject: str, report: StatusReport) -> str:
        if report.component not in self._known_components:
            return f"no component is named {report.component[:MAX_NAME]!r}"
        if subject != self._subject(report.component, report.instance):
            return f"a report of {report.component} came on {subject[: 2 * MAX_NAME]!r}"
        if not 0 < len(report.instance) <= MAX_NAME or len(report.node) > MAX_NAME:
            return "a name is empty or too long"
        if max(len(report.counters), len(report.gauges)) > MAX_READINGS:
            return f"{report.component} sends more than {MAX_READINGS} readings"
        return ""

    def _readings(self, report: StatusReport, readings: Sequence[Reading], *, counter: bool) -> dict[str, float]:
        """Return those that the catalogue has, by their key there. This process's own come by no bus."""
        known: dict[str, float] = {}
        if report.component == AGGREGATOR:
            return known
        for reading in readings:
            key = self._series_key(report.component, reading, counter=counter)
            if key is None:
                self._refuse(f"series {reading.name[:MAX_NAME]}", f"{report.component} sends {reading!r:.500}")
            else:
                known[key] = reading.value
        return known

    def _refuse(self, reason: str, detail: str) -> None:
        self._counters.add("kube_cost_errors_total", component=AGGREGATOR, error_type="status_decode")
        if reason not in self._said and len(self._said) < 32:
            self._said.add(reason)
            self._log.warning("status report refused", reason=reason, detail=detail)
