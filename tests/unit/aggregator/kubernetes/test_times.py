from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_aggregator.inputs.kubernetes.times import unix_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-06-26T10:12:39Z", 1_782_468_759_000_000_000),
        ("2026-06-26T12:12:39+02:00", 1_782_468_759_000_000_000),
        ("2026-06-26T10:12:39.000001Z", 1_782_468_759_000_001_000),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, expected: int) -> None:
    """Whole seconds, fractions and offsets give the exact Unix time."""
    assert unix_ns(text) == expected


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - the zone is put on below
def test_no_microsecond_is_lost(moment: datetime) -> None:
    """A time that is written and read is the same, to the microsecond."""
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert unix_ns(moment.isoformat() + "Z") == since // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize("text", ["", "yesterday", "2026-06-26", "2026-06-26T10:12:39", "2026-13-26T10:12:39Z"])
def test_what_is_no_time_is_named(text: str) -> None:
    """A text that isn't a time with an offset is refused, and the error shows it."""
    with pytest.raises(ValueError, match="time") as caught:
        unix_ns(text)
    assert repr(text) in str(caught.value)
