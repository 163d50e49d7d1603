"""The namespaces, with the labels and budgets that people wrote on them."""

from collections.abc import Mapping
from fractions import Fraction

from kube_cost_simulator.scenario import NamespaceChange, NamespaceFact

BUDGET_ANNOTATION = "kube-cost.io/monthly-budget-usd"
BUDGET_LABEL = "budget"

ANNOTATED_BUDGETS: Mapping[str, str] = {
    "budget-plain": "5000",
    "budget-cents": "1200.50",
    "budget-comma": "5,000",
    "budget-dollar": "$5000",
    "budget-exponent": "5e3",
    "budget-negative": "-5",
    "budget-zero": "0",
    "budget-empty": "",
    "budget-words": "a lot",
    "budget-infinite": "inf",
}
"""What stands in the annotation of namespaces that are there for that alone."""

RIGHT_BUDGETS: Mapping[str, Fraction] = {
    "budget-plain": Fraction(5000),
    "budget-cents": Fraction("1200.50"),
}
"""USD of those that nobody can read otherwise. A label can't hold a comma or a dollar sign."""

WRONG_BUDGETS = frozenset({"budget-negative", "budget-empty", "budget-words", "budget-infinite"})
"""Those that nobody can read as an amount of money: faults, and never 0."""

BUDGET_CHANGE_SECONDS = 1300


def namespaces() -> tuple[NamespaceFact, ...]:
    """Those with pods. `team` and `env` stand on some of them, on some of their pods, on both or on neither."""
    return (
        NamespaceFact("default"),
        NamespaceFact("kube-system"),
        NamespaceFact("shop", {"env": "production", "team": "shop", BUDGET_LABEL: "5000"}),
        NamespaceFact("payments", {"env": "production", "team": "payments"}, {BUDGET_ANNOTATION: "1200.50"}),
        NamespaceFact("data", {"env": "production", BUDGET_LABEL: "100"}, {BUDGET_ANNOTATION: "250"}),
        NamespaceFact("ml", {"team": "ml"}, {BUDGET_ANNOTATION: "60"}),
        NamespaceFact("batch", {"env": "staging"}),
        NamespaceFact("edge", {"env": "staging", "team": "edge"}),
        NamespaceFact("burst"),
        NamespaceFact("restricted", {"team": "security"}),
        NamespaceFact("play"),
    )


def namespaces_for_their_budgets() -> tuple[NamespaceFact, ...]:
    """Empty ones whose budgets are written in every way, right and wrong."""
    written = (NamespaceFact(name, {}, {BUDGET_ANNOTATION: text}) for name, text in ANNOTATED_BUDGETS.items())
    return (*written, NamespaceFact("budget-label-wrong", {BUDGET_LABEL: "5k"}))


def namespace_changes() -> tuple[NamespaceChange, ...]:
    """A budget is raised, and one is taken away."""
    return (
        NamespaceChange(BUDGET_CHANGE_SECONDS, "ml", annotations={BUDGET_ANNOTATION: "90"}),
        NamespaceChange(BUDGET_CHANGE_SECONDS, "shop", labels={BUDGET_LABEL: None}),
    )
