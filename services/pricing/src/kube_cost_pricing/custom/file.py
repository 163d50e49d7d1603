"""Reads the custom prices file again and again, and hands on what is in it when that has changed."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.status import Reading
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.followed_file import FollowedFile
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.periodic import every
from kube_cost_common.runtime.yaml_reader import Fault
from kube_cost_pricing.custom.document import CustomPricesError, parse
from kube_cost_pricing.custom.rules import CustomPrices

_CAUSE = "custom prices"
_SHOWN_FAULTS = 5


class CustomPricesFile:
    """Follows one file. A faulty one is counted, logged once and said in the problems.

    The rules before it stay in force.
    """

    def __init__(
        self,
        *,
        path: Path,
        usd_per: Mapping[str, float],
        check_seconds: float,
        take: Callable[[CustomPrices, int], None],
        refuse: Callable[[str], None],
        on_change: Callable[[], None],
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
        problems: Problems,
    ) -> None:
        """Take whom to tell.

        `take` gets new rules and when they were read, `refuse` the reason where there have been none yet, `on_change`
        is called after rules were taken. `usd_per` has the USD of a unit of each other currency.
        """
        self._path = path
        self._usd_per = usd_per
        self._check_seconds = check_seconds
        self._take_rules = take
        self._refused = refuse
        self._on_change = on_change
        self._clock = clock
        self._log = log
        self._counters = counters
        self._problems = problems
        self._in_force = False
        self._rules_taken = False
        self._success_ns = 0
        self._file = FollowedFile(path=path, take=self._take)

    async def start(self) -> None:
        """Read the file for the first time and take what is there."""
        await self._file.start()
        self._note_success()

    def gauges(self) -> list[Reading]:
        """Return whether the file as it is now is in force, and when it last was (Unix seconds)."""
        labels = {"provider": "custom"}
        return [
            Reading(name="kube_cost_provider_up", labels=labels, value=float(self._in_force)),
            Reading(name="kube_cost_price_last_success_timestamp_seconds", labels=labels, value=self._success_ns / 1e9),
        ]

    async def check(self) -> None:
        """Read the file, and take it if it has changed and has stayed so since the check before."""
        await self._file.check()
        self._note_success()

    async def run(self) -> NoReturn:
        """Check for ever."""
        await every(
            self._check_seconds,
            self.check,
            name="custom prices file",
            clock=self._clock,
            log=self._log,
            on_error=lambda _: self._count(),
            first_delay_seconds=self._check_seconds,
        )

    async def _take(self, content: bytes | str) -> None:
        if isinstance(content, str):
            self._refuse([Fault(file=str(self._path), line=0, field="", message=content)])
            return
        try:
            prices = await asyncio.to_thread(
                lambda: parse(content.decode(), file=str(self._path), usd_per=self._usd_per)
            )
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            self._refuse([Fault(file=str(self._path), line=line, field="", message="not UTF-8")])
        except CustomPricesError as error:
            self._refuse(error.faults)
        else:
            self._in_force = self._rules_taken = True
            self._problems.over(_CAUSE)
            self._log.info(
                "custom prices read", file=str(self._path), nodes=len(prices.nodes), volumes=len(prices.volumes)
            )
            self._take_rules(prices, self._clock.now_ns())
            self._on_change()

    def _refuse(self, faults: list[Fault]) -> None:
        shown = "; ".join(map(str, faults[:_SHOWN_FAULTS]))
        more = f"; and {len(faults) - _SHOWN_FAULTS} more faults" if len(faults) > _SHOWN_FAULTS else ""
        sentence = f"the custom prices file isn't in force: {shown}{more}"
        self._in_force = False
        self._count()
        self._problems.say(_CAUSE, sentence)
        self._log.error("custom prices file refused", faults=[str(fault) for fault in faults])
        if not self._rules_taken:
            self._refused(sentence)

    def _note_success(self) -> None:
        if self._in_force:
            self._success_ns = self._clock.now_ns()

    def _count(self) -> None:
        self._counters.add("kube_cost_errors_total", component="pricing", error_type="config")
