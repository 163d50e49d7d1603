"""Reads the routing file again and again, and keeps what is in it."""

from pathlib import Path
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_alerts.routing import Routing, Telling
from kube_cost_alerts.routing_document import RoutingError, read_routing
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.followed_file import FollowedFile
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.periodic import every
from kube_cost_common.runtime.yaml_reader import Fault

CHECK_SECONDS = 5.0

_CAUSE = "routing"
_SHOWN_FAULTS = 5


class RoutingFile:
    """Follows one file. A faulty one is counted, logged once and said in the problems.

    The routing before it stays in force.
    """

    def __init__(
        self,
        *,
        path: Path,
        channel: str,
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
        problems: Problems,
    ) -> None:
        self._path = path
        self._channel = channel
        self._clock = clock
        self._log = log
        self._counters = counters
        self._problems = problems
        self._file = FollowedFile(path=path, take=self._take)
        self.now = Routing(default=Telling(channel=channel))

    async def start(self) -> None:
        """Read the file for the first time and take what is there."""
        await self._file.start()

    async def run(self) -> NoReturn:
        """Follow the file for ever."""
        await every(
            CHECK_SECONDS, self.check, name="routing", clock=self._clock, log=self._log, on_error=lambda _: None
        )

    async def check(self) -> None:
        """Look at the file, and take what has been in it since the look before."""
        await self._file.check()

    async def _take(self, content: bytes | str) -> None:
        try:
            self.now = self._parse(content)
        except RoutingError as error:
            self._refuse(error.faults)
        else:
            self._problems.over(_CAUSE)
            self._log.info("routing read", file=str(self._path), routes=len(self.now.routes))

    def _parse(self, content: bytes | str) -> Routing:
        name = str(self._path)
        if isinstance(content, str):
            raise RoutingError([Fault(file=name, line=0, field="", message=content)])
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise RoutingError([Fault(file=name, line=line, field="", message="not UTF-8")]) from error
        return read_routing(text, file=name, channel=self._channel)

    def _refuse(self, faults: list[Fault]) -> None:
        shown = "; ".join(map(str, faults[:_SHOWN_FAULTS]))
        more = f"; and {len(faults) - _SHOWN_FAULTS} more faults" if len(faults) > _SHOWN_FAULTS else ""
        self._counters.add("kube_cost_errors_total", component="alerts", error_type="config")
        self._problems.say(_CAUSE, f"the routing file isn't in force: {shown}{more}")
        self._log.error("routing file refused", faults=[str(fault) for fault in faults])
