"""Puts together what a snapshot of costs is made of."""

from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.history.store import StoreError
from kube_cost_aggregator.outputs.label_sums import by_label, workloads_by_label
from kube_cost_aggregator.outputs.rendering import Rendering
from kube_cost_aggregator.outputs.same_hours import SameHours
from kube_cost_aggregator.outputs.scope_hours import ScopeHours
from kube_cost_aggregator.outputs.snapshot_rows import MomentCosts
from kube_cost_aggregator.outputs.sources import Sources

_CAUSE = "costs of budgets"


class Moments:
    """Gives the costs of now: those of the last rendering, so that a snapshot and /metrics say the same.

    `fresh` returns when that is of now.
    """

    def __init__(
        self,
        *,
        sources: Sources,
        rendering: Rendering,
        scope_hours: ScopeHours,
        same_hours: SameHours,
        fresh: Callable[[], Awaitable[None]],
        log: FilteringBoundLogger,
    ) -> None:
        self._sources = sources
        self._rendering = rendering
        self._scope_hours = scope_hours
        self._same_hours = same_hours
        self._fresh = fresh
        self._log = log

    async def now(self) -> MomentCosts | None:
        """Return the costs of now; None until everything has been listed and rendered once.

        While the ledger can't be read budgets of labels and workloads are left out: they would seem to have cost 0.
        """
        await self._fresh()
        sources, rendering = self._sources, self._rendering
        rates = rendering.rates
        if rates is None or not sources.readiness.ready:
            return None
        budgets, now_ns = rates.budgets, sources.clock.now_ns()
        asked = [scope for scope in budgets.budgets if scope.kind in {"label", "workload"}]
        try:
            hours = await self._scope_hours.refresh(asked, rates.namespace_labels, now_ns=now_ns)
            weeks = await self._same_hours.refresh(now_ns=now_ns, started_at_ns=sources.totals().started_at_ns)
        except StoreError as error:
            if sources.problems.say(_CAUSE, str(error)):
                self._log.warning("budgets can't be compared with costs", error=str(error))
            hours, weeks = {}, []
            budgets = budgets.without(asked)
        else:
            sources.problems.over(_CAUSE)
        rates = rendering.rates or rates
        labels = {scope.label for scope in asked if scope.kind == "label"}
        overview, sums = rendering.overview, rendering.sums
        return MomentCosts(
            at_ns=now_ns,
            overview=overview,
            totals=sources.totals(),
            forecasts=rendering.forecasts,
            workloads=sums.workloads,
            labels=by_label(sorted({name for name, _ in labels}), rates, sums, overview),
            label_workloads=workloads_by_label(labels, rates, sums),
            scope_hours=hours,
            budgets=budgets,
            same_hours=weeks,
        )
