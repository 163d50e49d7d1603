"""The namespaces' budgets as people wrote them, and what of it can't be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kube_cost_aggregator.state.facts import NamespaceFacts
from kube_cost_common.domain.budgets import Budget, BudgetError, budget_of


@dataclass(frozen=True, slots=True)
class BudgetBook:
    """Budgets by namespace, and a sentence for each that can't be read: such a namespace has none, and not 0."""

    namespaces: Mapping[str, Budget] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


NO_BUDGETS = BudgetBook()


class BudgetReader:
    """Reads the budgets of all namespaces, anew only where one has changed."""

    def __init__(self) -> None:
        self._read_from: tuple[NamespaceFacts, ...] = ()
        self._book = BudgetBook()

    def read(self, namespaces: Iterable[NamespaceFacts]) -> BudgetBook:
        """Return the budgets of now."""
        facts = tuple(namespaces)
        if facts != self._read_from:
            self._read_from, self._book = facts, _read(facts)
        return self._book


def _read(namespaces: Iterable[NamespaceFacts]) -> BudgetBook:
    budgets: dict[str, Budget] = {}
    faults: list[str] = []
    for namespace in sorted(namespaces, key=lambda one: one.name):
        try:
            budget = budget_of(namespace.labels, namespace.annotations)
        except BudgetError as error:
            faults.append(f"the budget of namespace {namespace.name} can't be read: {error}")
            continue
        if budget is not None:
            budgets[namespace.name] = budget
    return BudgetBook(budgets, tuple(faults))
