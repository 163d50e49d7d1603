from decimal import Decimal

import pytest

from kube_cost_common.domain.quantity import QuantityError, parse, units


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("100m", "0.1"),
        ("250u", "0.00025"),
        ("5n", "0.000000005"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("2M", "2000000"),
        ("1k", "1000"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1000000000000000000"),
        ("-3", "-3"),
    ],
)
def test_a_quantity_is_read_exactly(text: str, value: str) -> None:
    """Each suffix of Kubernetes' grammar has its factor."""
    assert parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1KB", "1 Gi", "Gi", "1e", "NaN", "1,5", "0x10", "1" + "k" * 2])
def test_what_is_no_quantity_is_named(text: str) -> None:
    """The error says which text it was."""
    with pytest.raises(QuantityError, match="not a Kubernetes quantity"):
        parse(text)


@pytest.mark.parametrize(
    ("resource", "text", "whole"),
    [("cpu", "100m", 100), ("cpu", "0.5", 500), ("cpu", "1u", 1), ("memory", "1Mi", 1048576), ("memory", "100m", 1)],
)
def test_units_are_the_schedulers(resource: str, text: str, whole: int) -> None:
    """CPU counts in millicores, all else as it is, and fractions go up."""
    assert units(resource, text) == whole
