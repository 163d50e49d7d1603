"""Budgets as people write them: on namespaces, and in a file."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain.budget_document import FileBudgets, read_budgets
from kube_cost_common.domain.budgets import ANNOTATION, LABEL, Budget, BudgetError, Scope, budget_of, parse_budget

NANO = 10**9


@pytest.mark.parametrize(
    ("text", "usd"),
    [
        ("5000", 5000),
        ("5,000", 5000),
        ("$5000", 5000),
        ("$ 5,000.25", 5000.25),
        ("5e3", 5000),
        ("1,234,567", 1_234_567),
        (" 5000\n", 5000),
        ("0.01", 0.01),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, usd: float) -> None:
    """In whole nano-USD."""
    assert parse_budget(text) == round(usd * NANO)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-5000",
        "0",
        "0.0",
        "0.0000000001",
        "5,5",
        "5.000,00",
        "5 000",
        "5000 USD",
        "€5000",
        "NaN",
        "inf",
        "1e13",
        "5e",
        "٥٠٠٠",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """And never taken for 0."""
    with pytest.raises(BudgetError):
        parse_budget(text)


@given(st.text() | st.from_regex(r"\$?[0-9.,]{1,20}([eE]\+?[0-9]{0,4})?", fullmatch=True))
def test_any_text_is_an_amount_or_a_fault(text: str) -> None:
    """An amount is more than nothing."""
    try:
        nano = parse_budget(text)
    except BudgetError:
        return
    assert 0 < nano < 10**21


def test_the_annotation_goes_before_the_label() -> None:
    """Where a namespace has both."""
    assert budget_of({LABEL: "4000"}, {ANNOTATION: "5,000"}) == Budget(5000 * NANO, "annotation")
    assert budget_of({LABEL: "4000"}, {}) == Budget(4000 * NANO, "label")
    assert budget_of({}, {}) is None


def test_a_faulty_annotation_is_not_made_up_for_by_the_label() -> None:
    """The fault says where it stands."""
    with pytest.raises(BudgetError, match=ANNOTATION):
        budget_of({LABEL: "4000"}, {ANNOTATION: "much"})


def document(*entries: Any) -> dict[str, Any]:
    return {"budgets": list(entries)}


def test_a_file_has_budgets_of_namespaces_and_of_the_cluster() -> None:
    """Amounts are numbers or texts."""
    read = read_budgets(
        document(
            {"namespace": "shop", "monthly_usd": 5000},
            {"namespace": "ml", "monthly_usd": "$7,500"},
            {"cluster": True, "monthly_usd": 20000.5},
        ),
        cluster="prod",
    )
    assert read == FileBudgets(
        {
            Scope("cluster", "prod"): Budget(20_000_500_000_000, "file"),
            Scope("namespace", "shop"): Budget(5000 * NANO, "file"),
            Scope("namespace", "ml"): Budget(7500 * NANO, "file"),
        }
    )


def test_a_file_has_budgets_of_labels_and_workloads() -> None:
    """By how people name them."""
    read = read_budgets(
        document(
            {"label": "team=payments", "monthly_usd": 1200}, {"workload": "shop/Deployment/web", "monthly_usd": 90}
        ),
        cluster="prod",
    )
    assert [scope.kind for scope in read.budgets] == ["label", "workload"]
    label, workload = read.budgets
    assert (label.label, workload.workload) == (("team", "payments"), ("shop", "Deployment", "web"))


def test_one_file_can_be_of_several_clusters() -> None:
    """What another cluster may cost is none of this one's."""
    read = read_budgets(
        document(
            {"cluster": "prod", "monthly_usd": 1},
            {"cluster": "staging", "monthly_usd": 2},
            {"cluster": "staging", "namespace": "shop", "monthly_usd": 3},
            {"cluster": "prod", "namespace": "shop", "monthly_usd": 4},
        ),
        cluster="prod",
    )
    assert {scope.name: budget.nano // NANO for scope, budget in read.budgets.items()} == {"prod": 1, "shop": 4}
    assert not read.faults


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"namespace": "b", "monthly_usd": -1}, "'-1' is no amount"),
        ({"namespace": "b", "monthly_usd": 0}, "'0' is no budget"),
        ({"namespace": "b", "monthly_usd": True}, "'True' is no amount"),
        ({"namespace": "b", "monthly_usd": None}, "'None' is no amount"),
        ({"namespace": "b", "monthly_usd": float("nan")}, "'nan' is no amount"),
        ({"namespace": "b"}, "monthly_usd is missing"),
        ({"monthly_usd": 5}, "one of cluster, namespace, label, workload"),
        ({"namespace": "b", "label": "a=b", "monthly_usd": 5}, "one of cluster, namespace, label, workload"),
        ({"cluster": False, "monthly_usd": 5}, "cluster has to be true"),
        ({"cluster": "", "monthly_usd": 5}, "cluster has to be true"),
        ({"label": "team", "monthly_usd": 5}, "'team' is no label"),
        ({"label": "=x", "monthly_usd": 5}, "'=x' is no label"),
        ({"workload": "web", "monthly_usd": 5}, "'web' is no workload"),
        ({"workload": "a//c", "monthly_usd": 5}, "'a//c' is no workload"),
        ({"namespace": 5, "monthly_usd": 5}, "namespace has to be a name"),
        ({"namespace": "b", "montly_usd": 5}, "'montly_usd' is no field"),
        ("shop", "expected one of cluster"),
    ],
)
def test_a_bad_entry_is_named_and_hides_no_other(entry: Any, words: str) -> None:
    """By its number."""
    read = read_budgets(document(entry, {"namespace": "shop", "monthly_usd": 5000}), cluster="prod")
    assert read.budgets == {Scope("namespace", "shop"): Budget(5000 * NANO, "file")}
    (fault,) = read.faults
    assert fault.startswith("entry 1: ")
    assert words in fault


@pytest.mark.parametrize("second", [6000, "much"])
def test_of_two_budgets_of_one_scope_none_holds(second: Any) -> None:
    """Nobody can say which is meant."""
    read = read_budgets(
        document({"namespace": "shop", "monthly_usd": 5000}, {"namespace": "shop", "monthly_usd": second}),
        cluster="prod",
    )
    assert read.budgets == {}
    assert "namespace shop has 2 budgets: none of them holds" in read.faults


@pytest.mark.parametrize("bad", [None, [], "x", {}, {"budgets": None}, {"budgets": [], "teams": []}, {1: 2}])
def test_another_form_is_refused(bad: Any) -> None:
    """As a whole."""
    with pytest.raises(BudgetError, match="expected `budgets:`"):
        read_budgets(bad, cluster="prod")
