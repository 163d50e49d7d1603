import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain.money import format_usd, to_nano


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (1_500_000_000, "1.5"),
        (-1_000_000_001, "-1.000000001"),
        (12_000_000_000, "12"),
        (-5, "-0.000000005"),
    ],
)
def test_nano_usd_are_written_as_exact_decimals(nano: int, text: str) -> None:
    """No exponent, no trailing zeros, no rounding."""
    assert format_usd(nano) == text


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_what_is_written_reads_back(nano: int) -> None:
    """Up to a million dollars a float holds every nano."""
    assert to_nano(float(format_usd(nano))) == nano
