"""What a month will have cost at its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain.forecast import Forecast, forecast

AMOUNTS = st.floats(min_value=0, max_value=1e9)


def test_a_steady_month_goes_on() -> None:
    """A dollar an hour for ten days, and another 480 hours of it."""
    made = forecast(month_to_date=240.0, last_hours=[1.0] * 24, days=[24.0] * 10, rest_hours=480.0)
    assert made == Forecast(720.0, 720.0, 720.0)


def test_days_that_differ_say_how_far_off_it_may_be() -> None:
    """Days of 20 and 28: a deviation of 4.38; over 16 more days four times that."""
    made = forecast(month_to_date=240.0, last_hours=[1.0] * 24, days=[20.0, 28.0] * 3, rest_hours=384.0)
    assert made.expected == 624.0
    assert made.high - made.expected == pytest.approx(4 * 4.3818, abs=1e-3)
    assert made.expected - made.low == pytest.approx(4 * 4.3818, abs=1e-3)


def test_on_the_first_day_hours_are_all_that_there_is() -> None:
    """Hours of 0 and 2: each hour deviates by 1.1, so a day by √24 of that."""
    made = forecast(month_to_date=4.0, last_hours=[0.0, 2.0] * 2, days=[], rest_hours=96.0)
    assert made.expected == 100.0
    assert made.high == pytest.approx(100.0 + 2 * 1.1547 * 24**0.5, abs=1e-2)


def test_the_low_is_never_below_what_is_spent() -> None:
    """However wild the days were."""
    made = forecast(month_to_date=300.0, last_hours=[0.1], days=[0.0, 0.0, 300.0], rest_hours=600.0)
    assert made.low == 300.0


@given(
    month_to_date=AMOUNTS,
    last_hours=st.lists(AMOUNTS, max_size=24),
    days=st.lists(AMOUNTS, max_size=31),
    rest_hours=st.floats(min_value=-10, max_value=744),
)
def test_low_expected_and_high_are_in_order(
    month_to_date: float, last_hours: list[float], days: list[float], rest_hours: float
) -> None:
    """And none is below the month to date."""
    made = forecast(month_to_date=month_to_date, last_hours=last_hours, days=days, rest_hours=rest_hours)
    assert month_to_date <= made.low <= made.expected <= made.high


def test_without_a_whole_hour_it_is_what_is_spent() -> None:
    """Nothing is made up."""
    assert forecast(month_to_date=5.0, last_hours=[], days=[], rest_hours=100.0) == Forecast(5.0, 5.0, 5.0)
