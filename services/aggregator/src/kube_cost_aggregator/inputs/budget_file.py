"""Reads the file of budgets again and again, and keeps what is in it."""

from pathlib import Path
from typing import NoReturn

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_common.domain.budget_document import FileBudgets, read_budgets
from kube_cost_common.domain.budgets import BudgetError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.followed_file import FollowedFile
from kube_cost_common.runtime.health import Counters
from kube_cost_common.runtime.periodic import every

CHECK_SECONDS = 5.0


class BudgetFile:
    """Follows one file. While it can't be read at all the budgets before stay in force.

    Each fault is counted and logged once, and stands among the faults.
    """

    def __init__(
        self, *, path: Path, cluster: str, clock: Clock, log: FilteringBoundLogger, counters: Counters
    ) -> None:
        self._path = path
        self._cluster = cluster
        self._clock = clock
        self._log = log
        self._counters = counters
        self._file = FollowedFile(path=path, take=self._take)
        self.now = FileBudgets()

    async def start(self) -> None:
        """Read the file for the first time and take what is there."""
        await self._file.start()

    async def run(self) -> NoReturn:
        """Follow the file for ever."""
        await every(
            CHECK_SECONDS, self.check, name="budgets", clock=self._clock, log=self._log, on_error=lambda _: None
        )

    async def check(self) -> None:
        """Look at the file, and take what has been in it since the look before."""
        await self._file.check()

    async def _take(self, content: bytes | str) -> None:
        try:
            self.now = self._parse(content)
        except BudgetError as error:
            self.now = FileBudgets(self.now.budgets, (str(error),))
        for fault in self.now.faults:
            self._counters.add("kube_cost_errors_total", component="aggregator", error_type="config")
            self._log.warning("budget can't be read", error=fault)
        if not self.now.faults:
            self._log.info("budgets read", file=str(self._path), budgets=len(self.now.budgets))

    def _parse(self, content: bytes | str) -> FileBudgets:
        if isinstance(content, str):
            raise BudgetError(f"{self._path} {content}")
        try:
            document = msgspec.yaml.decode(content)
        except (ValueError, RecursionError) as error:
            raise BudgetError(f"{self._path} is no YAML: {' '.join(str(error).split())[:300]}") from error
        try:
            read = read_budgets(document, cluster=self._cluster)
        except BudgetError as error:
            raise BudgetError(f"{self._path}: {error}") from error
        return FileBudgets(read.budgets, tuple(f"{self._path}: {fault}" for fault in read.faults))
