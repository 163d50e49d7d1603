"""Exact arithmetic."""

from decimal import Decimal

from kubectl_cost.tables.amounts import average, hours_between, month_of, monthly, summed


def test_sums_are_exact() -> None:
    """Ten cents are a dime, which floats don't say; what isn't known isn't in them."""
    assert summed(["0.1", "0.2", None, "0.000000001"]) == "0.300000001"


def test_an_average_is_of_something() -> None:
    """Without pods there is none."""
    assert (average("45.2", 15), average("1", 0), average("1", None)) == ("3.013333333", None, None)


def test_a_month_is_730_hours() -> None:
    """At a rate, or at what some hours cost."""
    assert (month_of("0.096"), monthly("0.192", Decimal(2)), monthly("1", None)) == ("70.08", "70.08", None)


def test_hours_go_forward() -> None:
    """From an end to its beginning there are none."""
    assert hours_between("2027-01-15T08:00:00Z", "2027-01-15T09:30:00Z") == Decimal("1.5")
    assert hours_between("2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z") is None
