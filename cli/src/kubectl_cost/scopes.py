"""Which namespaces and labels a question is about."""

from collections.abc import Mapping
from typing import Any

from kubectl_cost.client.server import Query
from kubectl_cost.faults import BadInputError
from kubectl_cost.selectors import label_filters


def scope_query(options: Mapping[str, Any]) -> Query:
    """Return the filters of -n, -A and -l."""
    if options["namespace"] and options["all_namespaces"]:
        raise BadInputError("-n and -A are both there; one of them can be meant")
    return [*(("namespace", name) for name in options["namespace"]), *label_filters(options["selector"])]
