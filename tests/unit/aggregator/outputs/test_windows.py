from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_aggregator.outputs.windows import HOUR, Window, WindowError, parse_window, rfc3339

NOW = datetime(2026, 11, 24, 10, 30, 15, tzinfo=UTC)


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 10**9


def parse(text: str, now: datetime = NOW) -> tuple[str, str]:
    window = parse_window(text, ns(now))
    return rfc3339(window.start), rfc3339(window.end)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("24h", "2026-11-23T10:00:00Z", "2026-11-24T11:00:00Z"),
        ("90m", "2026-11-24T09:00:00Z", "2026-11-24T11:00:00Z"),
        ("7d", "2026-11-17T10:00:00Z", "2026-11-24T11:00:00Z"),
        ("2w", "2026-11-10T10:00:00Z", "2026-11-24T11:00:00Z"),
        ("today", "2026-11-24T00:00:00Z", "2026-11-24T11:00:00Z"),
        ("yesterday", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("month", "2026-11-01T00:00:00Z", "2026-11-24T11:00:00Z"),
        ("lastmonth", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-11-01/2026-11-08", "2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z"),
        ("2026-11-01T10:20:00Z/2026-11-01T10:40:00Z", "2026-11-01T10:00:00Z", "2026-11-01T11:00:00Z"),
        ("2026-11-01T01:00:00+02:00/2026-11-02", "2026-10-31T23:00:00Z", "2026-11-02T00:00:00Z"),
    ],
)
def test_a_window_is_the_full_hours_it_touches(text: str, start: str, end: str) -> None:
    """Widened, never narrowed; dates are midnights in UTC, and the end isn't in it."""
    assert parse(text) == (start, end)


def test_today_at_midnight_is_the_hour_that_begins() -> None:
    """A window is never empty."""
    assert parse("today", datetime(2026, 11, 1, tzinfo=UTC)) == ("2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z")
    assert parse("month", datetime(2026, 11, 1, tzinfo=UTC)) == ("2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z")


def test_last_month_of_january_is_december() -> None:
    """Across the turn of the year."""
    assert parse("lastmonth", datetime(2026, 1, 9, tzinfo=UTC)) == ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "none of these"),
        ("24", "none of these"),
        ("-1h", "none of these"),
        ("٣h", "none of these"),
        ("0h", "start isn't before"),
        ("401d", "longer than 400 days"),
        ("999999w", "longer than 400 days"),
        ("2026-11-08/2026-11-01", "start isn't before"),
        ("2026-11-01/2026-11-01", "start isn't before"),
        ("2026-12-01/2026-12-02", "in the future"),
        ("2020-01-01/2026-01-01", "longer than 400 days"),
        ("2026-11-31/2026-12-01", "neither a date nor"),
        ("2026-11-01T00:00:00/2026-11-02", "no offset"),
        ("0001-01-01T00:00:00+14:00/2026-11-02", "neither|out of bounds"),
        ("9999-12-31/2026-11-02", "out of bounds"),
        ("/", "neither a date nor"),
        ("a/b/c", "neither a date nor"),
    ],
)
def test_a_bad_window_says_why(text: str, why: str) -> None:
    """Each in its own words."""
    with pytest.raises(WindowError, match=why):
        parse(text)


_MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds


@given(_MOMENTS, st.integers(1, 9600), st.sampled_from("mh"))
def test_a_past_window_covers_what_was_asked(now: datetime, amount: int, unit: str) -> None:
    """Start before end, both full hours, nothing of what was asked left out, less than an hour added at each end."""
    window = parse_window(f"{amount}{unit}", ns(now))
    seconds = amount * (60 if unit == "m" else HOUR)
    _covers(window, int(now.timestamp()) - seconds, int(now.timestamp()))


@given(_MOMENTS, st.timedeltas(timedelta(seconds=1), timedelta(days=399)), st.integers(-720, 720))
def test_a_window_between_two_times_covers_them(start: datetime, length: timedelta, offset_minutes: int) -> None:
    """Whatever offset they are written with."""
    start = start.replace(microsecond=0)
    end = start + timedelta(seconds=int(length.total_seconds()))
    zone = timedelta(minutes=offset_minutes)
    sign, offset = ("-" if zone < timedelta() else "+"), abs(zone)
    suffix = f"{sign}{offset.seconds // 3600:02}:{offset.seconds // 60 % 60:02}"
    text = "/".join(f"{(moment + zone).replace(tzinfo=None).isoformat()}{suffix}" for moment in (start, end))
    _covers(parse_window(text, ns(end)), int(start.timestamp()), int(end.timestamp()))


@given(_MOMENTS, st.sampled_from(["today", "yesterday", "month", "lastmonth"]))
def test_a_named_window_is_never_empty(now: datetime, name: str) -> None:
    """At any moment."""
    window = parse_window(name, ns(now))
    assert window.start < window.end
    assert window.start % HOUR == window.end % HOUR == 0


@given(st.text(max_size=40))
def test_any_text_is_a_window_or_a_window_error(text: str) -> None:
    """Nothing else is ever raised."""
    try:
        window = parse_window(text, ns(NOW))
    except WindowError:
        return
    assert window.start < window.end


def _covers(window: Window, start: int, end: int) -> None:
    assert window.start < window.end
    assert window.start % HOUR == window.end % HOUR == 0
    assert start - HOUR < window.start <= start
    assert end <= window.end < end + HOUR
