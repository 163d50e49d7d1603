"""How values look to people."""

import pytest

from kubectl_cost.formats.values import age, money, price, shown
from kubectl_cost.report import Column


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("45.2", "$45.20"),
        ("0", "$0.00"),
        ("1245", "$1,245.00"),
        ("-1.239", "-$1.24"),
        ("0.004", "$0.00"),
        ("-0.001", "$0.00"),
    ],
)
def test_money_has_two_digits(usd: str, text: str) -> None:
    """And its thousands apart; what is less than half a cent has no sign."""
    assert money(usd) == text


@pytest.mark.parametrize(("usd", "text"), [("0.0416", "$0.0416"), ("3", "$3.00"), ("-0.5", "-$0.50")])
def test_a_price_keeps_its_digits(usd: str, text: str) -> None:
    """Two at least."""
    assert price(usd) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.0, "59 s"), (90.0, "2 min"), (7200.0, "2 h"), (864_000.0, "10 d")]
)
def test_an_age_is_in_its_greatest_unit(seconds: float, text: str) -> None:
    """Rounded."""
    assert age(seconds) == text


def test_what_is_not_known_is_a_dash() -> None:
    """And so is a text with nothing in it."""
    assert [shown(Column("A", "a", "money"), None), shown(Column("A", "a"), "")] == ["-", "-"]


def test_names_move_no_cursor() -> None:
    """A note with a terminal's escape sequence in it is shown, and not obeyed."""
    assert shown(Column("A", "a"), "a\x1b[2Jb\u202ec") == "a�[2Jb�c"
