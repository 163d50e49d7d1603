"""A whole divided exactly."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kube_cost_aggregator.outputs.exports.shares import ONE, Shares, decimal

AMOUNTS = st.lists(st.integers(min_value=-5, max_value=10**12), min_size=1, max_size=30)


@given(amounts=AMOUNTS, whole=st.integers(min_value=0, max_value=10**15))
def test_parts_are_the_whole(amounts: list[int], whole: int) -> None:
    """Whatever the amounts are, negative ones and zeros too."""
    of = sum(amounts)
    shares = Shares(whole=whole, of=of)
    parts = [shares.take(amount) for amount in amounts]
    assert sum(parts) == whole
    if of > 0 and min(amounts) >= 0:
        assert all(abs(part * of - whole * amount) <= of for part, amount in zip(parts, amounts, strict=True))


@given(ticks=st.integers(min_value=-(10**15), max_value=10**15))
def test_decimals_say_the_same(ticks: int) -> None:
    """To the last digit, without an exponent or trailing zeros."""
    text = decimal(ticks)
    assert Decimal(text) * ONE == ticks
    assert "E" not in text.upper()
    assert text == "0" or text != "-0"
