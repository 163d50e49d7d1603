"""Label selectors."""

import pytest

from kubectl_cost.faults import BadInputError
from kubectl_cost.selectors import label_filters


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ("", []),
        ("team=pay", ["team=pay"]),
        ("team==pay", ["team=pay"]),
        (" team = pay , env=prod", ["team=pay", "env=prod"]),
        ("team in (pay, shop),env=p*", ["team=pay", "team=shop", "env=p*"]),
        ("app.kubernetes.io/name=web", ["app.kubernetes.io/name=web"]),
    ],
)
def test_what_labels_are_is_a_filter(selector: str, labels: list[str]) -> None:
    """Several values of one label are either, several labels all have to be there: as the API has it."""
    assert label_filters(selector) == [("label", label) for label in labels]


@pytest.mark.parametrize("selector", ["team!=pay", "team", "!team", "team notin (pay)", "team=", "=pay"])
def test_what_labels_are_not_is_refused(selector: str) -> None:
    """The part that can't be asked for is repeated: left out it would answer with everything."""
    with pytest.raises(BadInputError, match="-l"):
        label_filters(f"env=prod,{selector}")
