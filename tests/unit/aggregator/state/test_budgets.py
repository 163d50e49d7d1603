"""Budgets as they stand on namespaces."""

import pytest

from kube_cost_aggregator.state.budgets import BudgetReader
from kube_cost_aggregator.state.facts import NamespaceFacts
from kube_cost_common.domain.budgets import ANNOTATION, LABEL, Budget
from kube_cost_simulator.everything.namespaces import (
    ANNOTATED_BUDGETS,
    RIGHT_BUDGETS,
    WRONG_BUDGETS,
    namespaces_for_their_budgets,
)


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
    assert {name: budget.nano for name, budget in book.namespaces.items()} == {
        **{name: usd * 10**9 for name, usd in RIGHT_BUDGETS.items()},
        "budget-comma": 5000 * 10**9,
        "budget-dollar": 5000 * 10**9,
        "budget-exponent": 5000 * 10**9,
    }
    wrong = {*WRONG_BUDGETS, "budget-zero", "budget-label-wrong"}
    assert len(book.faults) == len(wrong)
    for name in wrong:
        assert [fault for fault in book.faults if f"namespace {name} " in fault], name
    assert wrong | book.namespaces.keys() == {*ANNOTATED_BUDGETS, "budget-label-wrong"}


@pytest.mark.parametrize(
    ("label", "annotation", "usd"), [("100", None, 100), (None, "250", 250), ("100", "250", 250), ("x", "250", 250)]
)
def test_the_annotation_goes_before_the_label(label: str | None, annotation: str | None, usd: int) -> None:
    """Whatever the label says."""
    book = BudgetReader().read([namespace("shop", label, annotation)])
    assert book.namespaces["shop"] == Budget(usd * 10**9, "annotation" if annotation else "label")
    assert not book.faults


def test_a_wrong_annotation_isnt_replaced_by_the_label() -> None:
    """Who wrote it meant something else than the label says."""
    book = BudgetReader().read([namespace("shop", "100", "a lot")])
    assert not book.namespaces
    assert "annotation" in book.faults[0]


def test_a_change_counts_at_the_next_look() -> None:
    """And one that is taken away is away."""
    reader = BudgetReader()
    for label, budgets in (("100", {"shop": 100}), ("200", {"shop": 200}), (None, {}), ("0", {})):
        book = reader.read([namespace("shop", label)])
        assert {name: budget.nano // 10**9 for name, budget in book.namespaces.items()} == budgets
        assert bool(book.faults) == (label == "0")
