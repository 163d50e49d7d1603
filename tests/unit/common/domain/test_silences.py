"""Silences as people write them."""

import pytest

from kube_cost_common.domain.budgets import BudgetError
from kube_cost_common.domain.silences import SILENCED_UNTIL, silenced_until

NINE = 1_796_115_600 * 10**9  # 2026-12-01T09:00:00Z


@pytest.mark.parametrize(
    ("text", "until_ns"),
    [
        ("2026-12-01T09:00:00Z", NINE),
        (" 2026-12-01T10:00:00+01:00 ", NINE),
        ("2026-12-01 09:00:00+00:00", NINE),
        ("2026-12-01", NINE - 9 * 3600 * 10**9),
        ("1950-01-01", 0),
    ],
)
def test_a_moment_is_read(text: str, until_ns: int) -> None:
    """With its offset; a date begins at midnight in UTC."""
    assert silenced_until({SILENCED_UNTIL: text}) == until_ns


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-12-01T09:00:00", "2026-13-01", "12/01/2026", "0001-01-01T00:00:00+14:00", "9" * 5000]
)
def test_what_is_no_moment_is_said(text: str) -> None:
    """With what was written and what is expected."""
    with pytest.raises(BudgetError, match=r"alerts-silenced-until: .* is no moment; expected .*2026-12-01T09:00:00Z"):
        silenced_until({SILENCED_UNTIL: text})


def test_most_namespaces_are_not_silenced() -> None:
    """Nothing is written there."""
    assert silenced_until({"kube-cost.io/monthly-budget-usd": "5"}) == 0
