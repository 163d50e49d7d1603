"""What pods are charged of one resource of their node."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

Number = int | Fraction


def total(numbers: Iterable[Number]) -> Number:
    """The sum, whole numbers first: they add up much faster."""
    whole, fractions = 0, Fraction(0)
    for number in numbers:
        if isinstance(number, int):
            whole += number
        else:
            fractions += number
    return whole + fractions if fractions else whole


def charges(requests: Sequence[Number], usages: Sequence[Number], capacity: Number) -> list[Number]:
    """What each pod is charged of one resource, all in one unit (cost-model.md §3, steps 1 and 2)."""
    wanted = [max(request, usage) for request, usage in zip(requests, usages, strict=True)]
    all_wanted = total(wanted)
    if all_wanted <= capacity:
        return wanted
    requested = total(requests)
    if requested > capacity:
        part = Fraction(capacity) / requested
        return [request * part for request in requests]
    part = Fraction(capacity - requested) / (all_wanted - requested)
    return [request + part * (want - request) for want, request in zip(wanted, requests, strict=True)]


def whole(number: Fraction) -> Number:
    """The same number, as an int where it is one."""
    return number.numerator if number.denominator == 1 else number
