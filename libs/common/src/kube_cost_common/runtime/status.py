"""Tells the aggregator, every 15 s, how this process is."""

import secrets
from collections.abc import Awaitable, Callable
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import status_subject
from kube_cost_common.messages.status import STATUS_INTERVAL_SECONDS, StatusReport
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters, Problems, Readiness
from kube_cost_common.runtime.periodic import every

Publish = Callable[[str, bytes], Awaitable[None]]


def new_instance(prefix: str) -> str:
    """Return a name for this process that no other process has: `prefix` and 64 random bits."""
    return f"{prefix}-{secrets.token_hex(8)}"


class StatusReporter:
    """Makes this process's status reports, and publishes them."""

    def __init__(
        self,
        *,
        component: str,
        instance: str,
        software_version: str,
        readiness: Readiness,
        problems: Problems,
        counters: Counters,
        clock: Clock,
        log: FilteringBoundLogger,
        publish: Publish,
        wait_connected: Callable[[], Awaitable[object]],
        node: str = "",
    ) -> None:
        self._component = component
        self._instance = instance
        self._software_version = software_version
        self._readiness = readiness
        self._problems = problems
        self._counters = counters
        self._clock = clock
        self._log = log
        self._publish = publish
        self._wait_connected = wait_connected
        self._node = node
        self._started_at_ns = clock.now_ns()

    def report(self) -> StatusReport:
        """Return the status of this moment."""
        return StatusReport(
            component=self._component,
            instance=self._instance,
            software_version=self._software_version,
            sent_at_ns=self._clock.now_ns(),
            started_at_ns=self._started_at_ns,
            ready=self._readiness.ready,
            problems=self._readiness.missing + self._problems.sentences(),
            counters=self._counters.counts(),
            gauges=self._counters.gauges(),
            node=self._node,
        )

    async def send(self) -> None:
        """Publish one report; nobody need hear it."""
        await self._publish(status_subject(self._component, self._instance), encode(self.report()))

    async def run(self) -> NoReturn:
        """Publish a report as soon as the bus is there, and then every 15 s, for ever."""
        await self._wait_connected()
        await every(
            STATUS_INTERVAL_SECONDS,
            self.send,
            name="status report",
            clock=self._clock,
            log=self._log,
            on_error=lambda _: self._counters.add(
                "kube_cost_errors_total", component=self._component, error_type="bus"
            ),
        )
