"""The budgets as people wrote them, on namespaces and in a file, and what of it can't be read."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from kube_cost_aggregator.state.facts import NamespaceFacts
from kube_cost_common.domain.budget_document import FileBudgets
from kube_cost_common.domain.budgets import Budget, BudgetError, Scope, budget_of
from kube_cost_common.domain.silences import silenced_until

NO_FILE = FileBudgets()


@dataclass(frozen=True, slots=True)
class BudgetBook:
    """Budgets by what they are of, and a sentence for each that can't be read: such a scope has none, and not 0.

    `silenced_until_ns` has the namespaces whose alerts are silenced, and up to which Unix nanoseconds.
    """

    budgets: Mapping[Scope, Budget] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    silenced_until_ns: Mapping[str, int] = field(default_factory=dict)

    def without(self, scopes: Iterable[Scope]) -> "BudgetBook":
        """Return the same but for the budgets of some scopes."""
        left_out = set(scopes)
        return replace(self, budgets={scope: one for scope, one in self.budgets.items() if scope not in left_out})

    def silenced(self, scope: Scope) -> int:
        """Return up to when a namespace's budget, or that of a workload in it, is silenced; 0 where it isn't."""
        namespace = scope.workload[0] if scope.kind == "workload" else scope.name
        return self.silenced_until_ns.get(namespace, 0) if scope.kind in {"namespace", "workload"} else 0


NO_BUDGETS = BudgetBook()


class BudgetReader:
    """Reads all budgets, anew only where something has changed. The file goes before what stands on a namespace."""

    def __init__(self, *, file: Callable[[], FileBudgets] = lambda: NO_FILE, label_names: Collection[str] = ()) -> None:
        """`file` gives what the file says now. Of pods only the labels `label_names` are known."""
        self._file = file
        self._label_names = label_names
        self._read_from: tuple[object, ...] = ()
        self._book = NO_BUDGETS

    def read(self, namespaces: Iterable[NamespaceFacts]) -> BudgetBook:
        """Return the budgets of now."""
        facts, file = tuple(namespaces), self._file()
        if (facts, file) != self._read_from:
            self._read_from = (facts, file)
            budgets, faults = _on_namespaces(facts)
            silences, wrong = _silences(facts)
            faults += wrong
            unknown = {scope for scope in file.budgets if scope.kind == "label" and not self._is_known(scope)}
            faults += file.faults
            faults += (f"the budget of label {one.name} needs it among KUBE_COST_LABELS" for one in sorted(unknown))
            held = {scope: budget for scope, budget in file.budgets.items() if scope not in unknown}
            self._book = BudgetBook({**budgets, **held}, tuple(faults), silences)
        return self._book

    def _is_known(self, scope: Scope) -> bool:
        name, _ = scope.label
        return name in self._label_names


def _on_namespaces(namespaces: Iterable[NamespaceFacts]) -> tuple[dict[Scope, Budget], list[str]]:
    budgets: dict[Scope, Budget] = {}
    faults: list[str] = []
    for namespace in sorted(namespaces, key=lambda one: one.name):
        try:
            budget = budget_of(namespace.labels, namespace.annotations)
        except BudgetError as error:
            faults.append(f"the budget of namespace {namespace.name} can't be read: {error}")
            continue
        if budget is not None:
            budgets[Scope("namespace", namespace.name)] = budget
    return budgets, faults


def _silences(namespaces: Iterable[NamespaceFacts]) -> tuple[dict[str, int], list[str]]:
    silences: dict[str, int] = {}
    faults: list[str] = []
    for namespace in namespaces:
        try:
            until_ns = silenced_until(namespace.annotations)
        except BudgetError as error:
            faults.append(f"the silence of namespace {namespace.name} can't be read: {error}")
            continue
        if until_ns:
            silences[namespace.name] = until_ns
    return silences, faults
