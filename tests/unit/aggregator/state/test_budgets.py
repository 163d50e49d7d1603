"""Budgets as they stand on namespaces."""

import pytest

from kube_cost_aggregator.state.budgets import BudgetReader
from kube_cost_aggregator.state.facts import NamespaceFacts
from kube_cost_common.domain.budget_document import FileBudgets
from kube_cost_common.domain.budgets import ANNOTATION, LABEL, Budget, Scope
from kube_cost_common.domain.silences import SILENCED_UNTIL
from kube_cost_simulator.everything.namespaces import (
    ANNOTATED_BUDGETS,
    RIGHT_BUDGETS,
    WRONG_BUDGETS,
    namespaces_for_their_budgets,
)

SHOP = Scope("namespace", "shop")


def namespace(name: str, label: str | None = None, annotation: str | None = None) -> NamespaceFacts:
    labels = {} if label is None else {LABEL: label}
    annotations = {} if annotation is None else {ANNOTATION: annotation}
    return NamespaceFacts(uid=name, name=name, labels=labels, annotations=annotations)


def test_every_way_to_write_one_is_read_or_is_a_fault() -> None:
    """None is lost, and none is 0."""
    facts = [
        NamespaceFacts(uid=one.name, name=one.name, labels=one.labels, annotations=one.annotations)
        for one in namespaces_for_their_budgets()
    ]
    book = BudgetReader().read(facts)
    assert {scope.name: budget.nano for scope, budget in book.budgets.items()} == {
        **{name: usd * 10**9 for name, usd in RIGHT_BUDGETS.items()},
        "budget-comma": 5000 * 10**9,
        "budget-dollar": 5000 * 10**9,
        "budget-exponent": 5000 * 10**9,
    }
    wrong = {*WRONG_BUDGETS, "budget-zero", "budget-label-wrong"}
    assert len(book.faults) == len(wrong)
    for name in wrong:
        assert [fault for fault in book.faults if f"namespace {name} " in fault], name
    assert wrong | {scope.name for scope in book.budgets} == {*ANNOTATED_BUDGETS, "budget-label-wrong"}


@pytest.mark.parametrize(
    ("label", "annotation", "usd"), [("100", None, 100), (None, "250", 250), ("100", "250", 250), ("x", "250", 250)]
)
def test_the_annotation_goes_before_the_label(label: str | None, annotation: str | None, usd: int) -> None:
    """Whatever the label says."""
    book = BudgetReader().read([namespace("shop", label, annotation)])
    assert book.budgets[SHOP] == Budget(usd * 10**9, "annotation" if annotation else "label")
    assert not book.faults


def test_a_wrong_annotation_isnt_replaced_by_the_label() -> None:
    """Who wrote it meant something else than the label says."""
    book = BudgetReader().read([namespace("shop", "100", "a lot")])
    assert not book.budgets
    assert "annotation" in book.faults[0]


def test_a_change_counts_at_the_next_look() -> None:
    """And one that is taken away is away."""
    reader = BudgetReader()
    for label, budgets in (("100", {"shop": 100}), ("200", {"shop": 200}), (None, {}), ("0", {})):
        book = reader.read([namespace("shop", label)])
        assert {scope.name: budget.nano // 10**9 for scope, budget in book.budgets.items()} == budgets
        assert bool(book.faults) == (label == "0")


def test_the_file_goes_before_what_stands_on_the_namespace() -> None:
    """Who installs this has the last word. A label that isn't kept of pods can't have a budget, and that is said."""
    file = FileBudgets(
        {
            SHOP: Budget(7, "file"),
            Scope("label", "team=payments"): Budget(8, "file"),
            Scope("label", "tier=web"): Budget(9, "file"),
        },
        ("entry 4: monthly_usd is missing",),
    )
    book = BudgetReader(file=lambda: file, label_names=["team"]).read([namespace("shop", "100"), namespace("ml", "5")])
    assert {scope.name: (budget.nano, budget.source) for scope, budget in book.budgets.items()} == {
        "shop": (7, "file"),
        "ml": (5 * 10**9, "label"),
        "team=payments": (8, "file"),
    }
    assert book.faults == (
        "entry 4: monthly_usd is missing",
        "the budget of label tier=web needs it among KUBE_COST_LABELS",
    )


def test_a_namespaces_silence_is_that_of_its_budget_and_its_workloads() -> None:
    """The cluster's and a label's aren't a namespace's; one that can't be read silences nothing, and is a fault."""
    silenced = NamespaceFacts(uid="a", name="shop", labels={}, annotations={SILENCED_UNTIL: "2026-12-01T09:00:00Z"})
    wrong = NamespaceFacts(uid="b", name="data", labels={}, annotations={SILENCED_UNTIL: "tomorrow"})
    book = BudgetReader().read([silenced, wrong])
    until_ns = 1_796_115_600 * 10**9
    assert book.silenced(SHOP) == book.silenced(Scope("workload", "shop/Deployment/web")) == until_ns
    assert book.without([SHOP]).silenced(SHOP) == until_ns
    for scope in (Scope("namespace", "data"), Scope("cluster", "shop"), Scope("label", "team=shop")):
        assert book.silenced(scope) == 0
    (fault,) = book.faults
    assert fault.startswith("the silence of namespace data can't be read: the annotation")
