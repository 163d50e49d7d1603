"""A whole that is divided in proportion to amounts, exactly: the parts add up to it. Pure."""

DIGITS = 12
"""Decimal places of ratios and quantities."""

ONE = 1_000_000_000_000


class Shares:
    """Divides `whole` over amounts that add up to `of`, in the order in which they are taken.

    What has been given out after each is the whole times what has been taken of `of`, rounded down; so no part is off
    by more than 1, and none is left at the end. Where `of` is 0 the first takes all.
    """

    def __init__(self, *, whole: int, of: int) -> None:
        self._whole = whole
        self._of = of
        self._taken = 0
        self._given = 0

    def take(self, amount: int) -> int:
        """Return the part of this amount."""
        self._taken += amount
        upto = self._whole * self._taken // self._of if self._of else self._whole
        part = upto - self._given
        self._given = upto
        return part


def decimal(ticks: int, digits: int = DIGITS) -> str:
    """Return a number of units of the last of so many decimal places as a decimal, without trailing zeros."""
    sign = "-" if ticks < 0 else ""
    whole, part = divmod(abs(ticks), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}".rstrip("0").rstrip(".")
