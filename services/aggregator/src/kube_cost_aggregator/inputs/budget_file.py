"""Reads the file of budgets again and again, and keeps what is in it."""

import asyncio
from pathlib import Path
from typing import NoReturn

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_common.domain.budget_document import FileBudgets, read_budgets
from kube_cost_common.domain.budgets import BudgetError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_common.runtime.periodic import every

MAX_FILE_BYTES = 1024 * 1024
"""As much as a ConfigMap can hold."""

CHECK_SECONDS = 5.0


class BudgetFile:
    """Follows one file, whatever replaces it: an editor, a rename, a ConfigMap's swapped symlink.

    Its bytes are compared. New ones count once they have been the same for two checks: half a list of budgets is a
    valid one. While the file can't be read at all the budgets before stay in force; each fault is counted and logged
    once, and stands among the faults.
    """

    def __init__(
        self, *, path: Path, cluster: str, clock: Clock, log: FilteringBoundLogger, counters: Counters
    ) -> None:
        self._path = path
        self._cluster = cluster
        self._clock = clock
        self._log = log
        self._counters = counters
        self._seen: bytes | str = ""
        self._taken: bytes | str | None = None
        self.now = FileBudgets()

    async def start(self) -> None:
        """Read the file for the first time and take what is there."""
        self._seen = await asyncio.to_thread(self._read)
        self._take(self._seen)

    async def run(self) -> NoReturn:
        """Follow the file for ever."""
        await every(
            CHECK_SECONDS, self.check, name="budgets", clock=self._clock, log=self._log, on_error=lambda _: None
        )

    async def check(self) -> None:
        """Look at the file, and take what has been in it since the look before."""
        content = await asyncio.to_thread(self._read)
        if content == self._seen and content != self._taken:
            self._take(content)
        self._seen = content

    def _read(self) -> bytes | str:
        """Return the file's content, or the sentence that says why it has none."""
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            return f"{self._path} can't be read: {error.strerror or error}"
        return content if len(content) <= MAX_FILE_BYTES else f"{self._path} is larger than {MAX_FILE_BYTES} bytes"

    def _take(self, content: bytes | str) -> None:
        self._taken = content
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
            raise BudgetError(content)
        try:
            document = msgspec.yaml.decode(content)
        except (ValueError, RecursionError) as error:
            raise BudgetError(f"{self._path} is no YAML: {' '.join(str(error).split())[:300]}") from error
        try:
            read = read_budgets(document, cluster=self._cluster)
        except BudgetError as error:
            raise BudgetError(f"{self._path}: {error}") from error
        return FileBudgets(read.budgets, tuple(f"{self._path}: {fault}" for fault in read.faults))
