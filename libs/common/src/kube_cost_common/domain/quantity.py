"""Kubernetes' resource quantities: `100m`, `1.5Gi`, `2e3`.

Grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)")
_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{suffix + "i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


class QuantityError(ValueError):
    """A text that is no Kubernetes quantity."""


def parse(text: str) -> Decimal:
    """Return the exact value of a quantity; raise QuantityError, which names the text, where it is none."""
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise QuantityError(f"not a Kubernetes quantity: {text!r}")
    number, exponent, suffix = match.groups()
    if exponent:
        return Decimal(number + exponent)
    return Decimal(number) * _FACTORS[suffix or ""]


def units(resource: str, text: str) -> int:
    """Return a quantity in the scheduler's whole units: millicores for `cpu`, else as it is; fractions go up."""
    value = parse(text)
    if resource == "cpu":
        value *= 1000
    whole = int(value)
    return whole + (value > whole)
