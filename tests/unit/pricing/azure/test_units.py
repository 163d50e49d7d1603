import pytest

from kube_cost_pricing.providers.azure.units import GB, GB_HOUR, GB_MONTH, HOUR, MONTH, parse


@pytest.mark.parametrize(
    ("written", "price", "wanted", "amount"),
    [
        ("1 Hour", 0.096, HOUR, 0.096),
        ("100 Hours", 9.6, HOUR, 0.096),
        ("10 Hours", 0.96, HOUR, 0.096),
        ("1/Hour", 0.000007, HOUR, 0.000007),
        ("1 Second", 0.000012, HOUR, 0.0432),
        ("100 Seconds", 0.0012, HOUR, 0.0432),
        ("1/Month", 5.28, MONTH, 5.28),
        ("1 /Month", 5.28, MONTH, 5.28),
        ("1/Hour", 0.000007, MONTH, 0.00511),
        ("1 GB", 0.087, GB, 0.087),
        ("100 GB", 8.7, GB, 0.087),
        ("1 GB/Month", 0.05, GB_MONTH, 0.05),
        ("1 GiB/Hour", 0.00011, GB_MONTH, 0.0803),
        ("1 GB Hour", 0.00445, GB_HOUR, 0.00445),
        ("100 GB Hours", 0.445, GB_HOUR, 0.00445),
    ],
)
def test_a_price_is_per_one_of_what_is_wanted(written: str, price: float, wanted: str, amount: float) -> None:
    """However Azure writes what a price is per, the amount comes out per one of it; a month has 730 hours."""
    measure = parse(written)
    assert measure is not None
    assert measure.price_per(price, wanted) == pytest.approx(amount, rel=1e-12)


@pytest.mark.parametrize("written", ["10K", "1 Unit", "", "0 Hours", "1/Day", "each"])
def test_what_no_price_here_is_per_is_nothing(written: str) -> None:
    """An unknown measure isn't guessed at."""
    assert parse(written) is None


@pytest.mark.parametrize(("written", "wanted"), [("1 Hour", GB), ("1/Month", HOUR), ("1 GB", GB_MONTH)])
def test_a_measure_isnt_turned_into_another_kind(written: str, wanted: str) -> None:
    """A price per disk is none per hour."""
    measure = parse(written)
    assert measure is not None
    assert measure.price_per(1.0, wanted) is None
