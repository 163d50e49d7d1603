"""The `$filter` of a query. Values are compared as they are written, case included."""

from collections.abc import Iterable


def equal(field: str, value: str) -> str:
    """Return the condition that `field` is `value`."""
    doubled = value.replace("'", "''")
    return f"{field} eq '{doubled}'"


def any_of(field: str, values: Iterable[str]) -> str:
    """Return the condition that `field` is one of `values`, of which there is at least one."""
    conditions = [equal(field, value) for value in values]
    return conditions[0] if len(conditions) == 1 else f"({' or '.join(conditions)})"


def consumption(service: str, *conditions: str) -> str:
    """Return the filter for a service's prices by use."""
    return " and ".join((equal("serviceName", service), equal("priceType", "Consumption"), *conditions))
