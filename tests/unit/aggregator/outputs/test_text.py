import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from kube_cost_aggregator.outputs.text import escape_label, header, number, series_prefix, to_bytes, usd


@given(st.lists(st.text(), min_size=3, max_size=3))
def test_any_label_text_is_read_back_as_it_was(values: list[str]) -> None:
    """Backslashes, quotes, newlines and every other character survive the text format."""
    line = f"{series_prefix('a_b', ('x', 'y', 'z'), values)} 1\n"
    ((sample,),) = [family.samples for family in text_string_to_metric_families(to_bytes(line).decode())]
    assert sample.labels == dict(zip(("x", "y", "z"), values, strict=True))


def test_utf8_is_kept() -> None:
    """Only what the format asks for is escaped."""
    assert escape_label("café ☕\t") == "café ☕\t"


def test_half_a_surrogate_pair_does_not_cost_the_exposition() -> None:
    """What UTF-8 can't hold becomes a question mark."""
    assert to_bytes('a{x="\ud800"} 1\n') == b'a{x="?"} 1\n'


def test_help_is_one_line() -> None:
    """A newline in HELP is escaped."""
    assert header("a", "gauge", "one\ntwo \\") == b"# HELP a one\\ntwo \\\\\n# TYPE a gauge\n"


@pytest.mark.parametrize(
    ("rate", "text"), [(0.096, "0.096"), (1 / 3, "0.333333333"), (0.0, "0"), (12.0, "12"), (-0.5, "-0.5")]
)
def test_money_is_an_exact_decimal_of_nano_usd(rate: float, text: str) -> None:
    """A rate is rounded to whole nano-USD and written without an exponent."""
    assert usd(rate) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1"), (0.1 + 0.2, "0.30000000000000004"), (math.nan, "NaN"), (-math.inf, "-Inf")]
)
def test_other_values_are_written_in_full(value: float, text: str) -> None:
    """Numbers that aren't money are written so that they read back the same."""
    assert number(value) == text
