"""Dollars: rates as floats of USD per hour, settled money in whole nano-USD."""

HOURS_PER_MONTH = 730
"""365 × 24 / 12. Every monthly figure of this project is an hourly one times this."""

HOURS_PER_DAY = 24

NANO_PER_USD = 1_000_000_000

NS_PER_SECOND = 1_000_000_000
NS_PER_HOUR = 3600 * NS_PER_SECOND
NS_PER_DAY = 24 * NS_PER_HOUR


def to_nano(usd: float) -> int:
    """Return `usd` in whole nano-USD, half to even."""
    return round(usd * NANO_PER_USD)


def format_usd(nano: int) -> str:
    """Return nano-USD as an exact decimal number of USD, without trailing zeros: 1_500_000_000 → `1.5`."""
    if 0 <= nano < NANO_PER_USD:  # nearly all of them
        return f"0.{nano:09d}".rstrip("0") if nano else "0"
    whole, part = divmod(abs(nano), NANO_PER_USD)
    sign = "-" if nano < 0 else ""
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{part:09d}".rstrip("0")
