"""Reads the routing file again and again, and keeps what is in it."""

import asyncio
from pathlib import Path
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_alerts.routing import Routing, Telling
from kube_cost_alerts.routing_document import RoutingError, read_routing
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.periodic import every
from kube_cost_common.runtime.yaml_reader import Fault

MAX_FILE_BYTES = 1024 * 1024
"""As much as a ConfigMap can hold."""

CHECK_SECONDS = 5.0

_CAUSE = "routing"
_SHOWN_FAULTS = 5


class RoutingFile:
    """Follows one file, whatever replaces it: an editor, a rename, a ConfigMap's swapped symlink.

    Its bytes are compared. New ones count once they have been the same for two checks: half a list of routes is a
    valid one. A faulty file is counted, logged once and said in the problems; the routing before it stays in force.
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
        self._seen: bytes | str = ""
        self._taken: bytes | str | None = None
        self.now = Routing(default=Telling(channel=channel))

    async def start(self) -> None:
        """Read the file for the first time and take what is there."""
        self._seen = await asyncio.to_thread(self._read)
        self._take(self._seen)

    async def run(self) -> NoReturn:
        """Follow the file for ever."""
        await every(
            CHECK_SECONDS, self.check, name="routing", clock=self._clock, log=self._log, on_error=lambda _: None
        )

    async def check(self) -> None:
        """Look at the file, and take what has been in it since the look before."""
        content = await asyncio.to_thread(self._read)
        if content == self._seen and content != self._taken:
            self._take(content)
        self._seen = content

    def _read(self) -> bytes | str:
        """Return the file's content, or why it has none."""
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            return f"can't be read: {error.strerror or error}"
        return content if len(content) <= MAX_FILE_BYTES else f"is larger than {MAX_FILE_BYTES} bytes"

    def _take(self, content: bytes | str) -> None:
        self._taken = content
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
