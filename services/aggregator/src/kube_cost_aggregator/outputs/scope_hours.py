"""What labels and workloads cost by the hour, of this month: read from the ledger, and kept for the next question."""

from collections.abc import Collection, Mapping

from kube_cost_aggregator.history.store import HourReader, PodsHour
from kube_cost_aggregator.state.rates import NO_LABELS
from kube_cost_aggregator.state.totals import month_start
from kube_cost_common.domain.budgets import Scope
from kube_cost_common.domain.money import NS_PER_SECOND

SECONDS_PER_HOUR = 3600

OPEN_HOURS = 7
"""So long an hour is read anew: samples may come 6 h late."""

LAST_HOURS = 26
"""So many are known at a month's beginning, for means and forecasts."""

HOURS_AT_ONCE = 24

Hours = dict[int, int]
"""Nano-USD by the hour's start in Unix seconds."""


class ScopeHours:
    """Hours that can't grow any more are read once for each scope; those of the last hours at each refresh.

    A pod without a label has its namespace's, as it is when the hour is read.
    """

    def __init__(self, *, store: HourReader) -> None:
        self._store = store
        self._hours: dict[Scope, Hours] = {}
        self._read_to = 0

    async def refresh(
        self, scopes: Collection[Scope], namespace_labels: Mapping[str, Mapping[str, str]], *, now_ns: int
    ) -> Mapping[Scope, Hours]:
        """Return the hours of each scope, of kind `label` or `workload`; raise StoreError.

        They are of this month, and of the day before where that is in the last.
        """
        now = now_ns // NS_PER_SECOND // SECONDS_PER_HOUR * SECONDS_PER_HOUR
        first = min(month_start(now_ns), now - LAST_HOURS * SECONDS_PER_HOUR)
        open_from = max(first, now - OPEN_HOURS * SECONDS_PER_HOUR)
        read_to = max(first, self._read_to)
        new = {scope: Hours() for scope in scopes if scope not in self._hours}
        await self._read(new, namespace_labels, first, read_to)
        hours = {
            scope: {hour: nano for hour, nano in self._hours.get(scope, new.get(scope, {})).items() if hour >= first}
            for scope in scopes
        }
        await self._read(hours, namespace_labels, read_to, now + SECONDS_PER_HOUR)
        self._hours, self._read_to = hours, open_from
        return hours

    async def _read(
        self, into: Mapping[Scope, Hours], namespace_labels: Mapping[str, Mapping[str, str]], start: int, end: int
    ) -> None:
        step = HOURS_AT_ONCE * SECONDS_PER_HOUR
        for first in range(start, end, step) if into else ():
            last = min(first + step, end)
            pods = await self._store.pods_by_hour(start=first, end=last)
            labelled = any(scope.kind == "label" for scope in into)
            namespaces = await self._store.namespaces_by_hour(start=first, end=last) if labelled else {}
            for scope, hours in into.items():
                for hour in range(first, last, SECONDS_PER_HOUR):
                    hours.pop(hour, None)
                if scope.kind == "workload":
                    _add_workload(hours, scope, pods)
                else:
                    _add_label(hours, scope, pods, namespaces, namespace_labels)


def _add_workload(hours: Hours, scope: Scope, pods: Collection[PodsHour]) -> None:
    owner = scope.workload
    for row in pods:
        if row[1:4] == owner:
            hours[row.hour] = hours.get(row.hour, 0) + row.nano


def _add_label(
    hours: Hours,
    scope: Scope,
    pods: Collection[PodsHour],
    namespaces: Mapping[tuple[int, str], int],
    namespace_labels: Mapping[str, Mapping[str, str]],
) -> None:
    """Add the pods with the label, and what namespaces that have it cost beside their pods."""
    name, value = scope.label
    theirs = {namespace for namespace, labels in namespace_labels.items() if labels.get(name) == value}
    for (hour, namespace), nano in namespaces.items():
        if namespace in theirs:
            hours[hour] = hours.get(hour, 0) + nano
    for row in pods:
        own = _value(row.labels, name) or namespace_labels.get(row.namespace, NO_LABELS).get(name, "")
        counted = (own == value) - (row.namespace in theirs)
        if counted:
            hours[row.hour] = hours.get(row.hour, 0) + counted * row.nano


def _value(labels: str, name: str) -> str:
    for text in labels.split("\n"):
        known, _, value = text.partition("=")
        if known == name:
            return value
    return ""
