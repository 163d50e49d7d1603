"""Values as people read them."""

import unicodedata
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from kubectl_cost.report import Column, Value

UNKNOWN = "-"
_CENT = Decimal("0.01")

_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))


def shown(column: Column, value: Value) -> str:
    """Return a value as it stands in a table; what isn't known is a dash."""
    if value is None:
        return UNKNOWN
    match column.kind:
        case "money":
            text = money(str(value))
        case "price":
            text = price(str(value))
        case "percent":
            text = f"{float(_number(value)):.0f}%"
        case "age":
            text = age(_number(value))
        case "hours":
            text = f"{_number(value) / 3600:,.1f}"
        case "number":
            text = f"{_number(value):,.10g}"
        case "names":
            text = ",".join(value) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
        case "text":
            text = str(value)
    return _printable(text) or UNKNOWN


def right_aligned(column: Column) -> bool:
    """Whether a column's values are numbers, which stand under one another."""
    return column.kind not in {"text", "names"}


def money(usd: str) -> str:
    """Return USD to the cent: `$1,245.00`."""
    cents = Decimal(usd).quantize(_CENT, rounding=ROUND_HALF_EVEN)
    return f"{'-' if cents < 0 else ''}${abs(cents):,.2f}"


def price(usd: str) -> str:
    """Return USD with all of its digits, two at least: `$0.096`."""
    amount = Decimal(usd)
    digits = max(2, -int(amount.as_tuple().exponent))
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{digits}f}"


def age(seconds: float) -> str:
    """Return how long something is, in its greatest unit: `3 h`."""
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{seconds / unit:.0f} {name}"
    return "0 s"


def _number(value: Value) -> float:
    return float(value) if isinstance(value, (int, float, str)) else 0.0


def _printable(text: str) -> str:
    """Return a text without what moves a terminal's cursor: names come from whoever may name things."""
    return "".join("�" if unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp"} else one for one in text)
