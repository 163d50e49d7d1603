"""What is done to the history from time to time: days are added up, old hours go."""

from collections.abc import Callable
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.history.store import Retention, Store
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_common.runtime.periodic import every

PERIOD_SECONDS = 300.0

PIECES_A_ROUND = 100
"""A piece is a day or an hour of the whole cluster; samples are committed between two of them."""

LATEST_SECONDS = 6 * 3600
"""Without any node a day is done so long after its end: samples older than that are gone from the bus."""


class Upkeep:
    """Lets a store do what is to do, piece by piece. `settled_through_ns` is the oldest node's, None without any."""

    def __init__(
        self,
        *,
        store: Store,
        retention: Retention,
        settled_through_ns: Callable[[], int | None],
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
    ) -> None:
        self._store = store
        self._retention = retention
        self._settled_through_ns = settled_through_ns
        self._clock = clock
        self._log = log
        self._counters = counters

    async def run(self) -> NoReturn:
        """Do what is to do, every five minutes."""
        await every(
            PERIOD_SECONDS,
            self.once,
            name="history upkeep",
            clock=self._clock,
            log=self._log,
            on_error=lambda _: self._counters.add(
                "kube_cost_errors_total", component="aggregator", error_type="history_write"
            ),
        )

    async def once(self) -> None:
        """Do what is to do now. Raises StoreError."""
        now = self._clock.now_ns() // NS_PER_SECOND
        settled = self._settled_through_ns()
        through = now - LATEST_SECONDS if settled is None else settled // NS_PER_SECOND
        for _ in range(PIECES_A_ROUND):
            if not await self._store.tidy(now=now, settled_through=through, retention=self._retention):
                return
