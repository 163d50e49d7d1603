"""Kubernetes' times: RFC 3339, whole seconds (`Time`) or microseconds (`MicroTime`), always with an offset."""

from datetime import datetime

NS_PER_SECOND = 1_000_000_000


def unix_ns(text: str) -> int:
    """Return a time in Unix nanoseconds; raise ValueError, which names the text, where it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"not a time: {text!r}") from None
    if moment.tzinfo is None:
        raise ValueError(f"a time without an offset: {text!r}")
    if not moment.microsecond:
        return int(moment.timestamp()) * NS_PER_SECOND
    # Seconds and fraction apart: a float has no room for both.
    return int(moment.replace(microsecond=0).timestamp()) * NS_PER_SECOND + moment.microsecond * 1000
