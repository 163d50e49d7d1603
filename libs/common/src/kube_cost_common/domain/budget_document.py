"""A file of monthly budgets, as it is once its YAML is read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from kube_cost_common.domain.budgets import Budget, BudgetError, parse_budget

SOURCE = "file"

_FIELDS = frozenset({"namespace", "cluster", "monthly_usd"})


@dataclass(frozen=True, slots=True)
class FileBudgets:
    """The cluster's budget, those of namespaces, and a sentence for each entry that can't be read."""

    cluster: Budget | None = None
    namespaces: Mapping[str, Budget] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def read_budgets(document: object) -> FileBudgets:
    """Return the budgets in `document`; raise BudgetError where it has another form. One bad entry hides no other.

    `{"budgets": [{"namespace": "shop", "monthly_usd": 5000}, {"cluster": True, "monthly_usd": "20,000"}]}`. Of one
    scope there may be one budget: of two none holds, since nobody can say which is meant.
    """
    if not isinstance(document, dict) or set(document) != {"budgets"} or not isinstance(document["budgets"], list):
        raise BudgetError("expected `budgets:` and a list, and nothing beside it")
    found: dict[str | None, Budget] = {}
    faults: list[str] = []
    scopes: list[str | None] = []
    for number, entry in enumerate(document["budgets"], start=1):
        try:
            namespace = _scope(entry)
            scopes.append(namespace)
            found[namespace] = Budget(_amount(entry["monthly_usd"]), SOURCE)
        except BudgetError as error:
            faults.append(f"entry {number}: {error}")
    for namespace, times in Counter(scopes).items():
        if times > 1:
            found.pop(namespace, None)
            what = "the cluster" if namespace is None else f"namespace {namespace}"
            faults.append(f"{what} has {times} budgets: none of them holds")
    cluster = found.pop(None, None)
    return FileBudgets(cluster, {name: budget for name, budget in found.items() if name is not None}, tuple(faults))


def _scope(entry: object) -> str | None:
    """Return the namespace that an entry is of, None for the cluster."""
    if not isinstance(entry, dict):
        raise BudgetError("expected `namespace: …` or `cluster: true`, and `monthly_usd: …`")
    unknown = sorted(str(name) for name in entry if name not in _FIELDS)
    if unknown:
        raise BudgetError(f"{unknown[0][:40]!r} is no field; there are namespace, cluster, monthly_usd")
    if "monthly_usd" not in entry:
        raise BudgetError("monthly_usd is missing")
    if ("namespace" in entry) == ("cluster" in entry):
        raise BudgetError("expected one of namespace and cluster")
    if "cluster" in entry:
        if entry["cluster"] is not True:
            raise BudgetError("cluster can only be true")
        return None
    namespace = entry["namespace"]
    if not isinstance(namespace, str) or not namespace:
        raise BudgetError("namespace has to be a name")
    return namespace


def _amount(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BudgetError(f"{str(value)[:40]!r} is no amount of USD")
    return parse_budget(repr(value) if isinstance(value, float) else str(value))
