"""A file of monthly budgets, as it is once its YAML is read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kube_cost_common.domain.budgets import Budget, BudgetError, Scope, ScopeKind, parse_budget

SOURCE = "file"

_AMOUNT = "monthly_usd"
_SCOPES: tuple[ScopeKind, ...] = ("namespace", "label", "workload")
_FIELDS = ("cluster", *_SCOPES, _AMOUNT)


@dataclass(frozen=True, slots=True)
class FileBudgets:
    """Budgets by what they are of, and a sentence for each entry that can't be read."""

    budgets: Mapping[Scope, Budget] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def read_budgets(document: object, *, cluster: str) -> FileBudgets:
    """Return the budgets in `document` that hold in `cluster`; one bad entry hides no other.

    `{"budgets": [{"namespace": "shop", "monthly_usd": 5000}, {"cluster": True, "monthly_usd": "20,000"},
    {"label": "team=payments", "monthly_usd": 300}, {"workload": "shop/Deployment/web", "monthly_usd": 90}]}`. With
    `cluster: <name>`, alone or beside one of the others, an entry holds in the cluster of that name only. Of one scope
    there may be one budget: of two none holds, since nobody can say which is meant. Raises BudgetError where the
    document has another form.
    """
    if not isinstance(document, dict) or set(document) != {"budgets"} or not isinstance(document["budgets"], list):
        raise BudgetError("expected `budgets:` and a list, and nothing beside it")
    found: dict[Scope, Budget] = {}
    faults: list[str] = []
    scopes: list[Scope] = []
    for number, entry in enumerate(document["budgets"], start=1):
        try:
            scope = _scope(entry, cluster)
            amount = _amount(entry[_AMOUNT])
        except BudgetError as error:
            faults.append(f"entry {number}: {error}")
            scope = _scope_as_far_as_readable(entry, cluster)
            amount = 0
        if scope is not None:
            scopes.append(scope)
            if amount:
                found[scope] = Budget(amount, SOURCE)
    for scope, times in Counter(scopes).items():
        if times > 1:
            found.pop(scope, None)
            faults.append(f"{scope.kind} {scope.name} has {times} budgets: none of them holds")
    return FileBudgets(found, tuple(faults))


def _scope_as_far_as_readable(entry: object, cluster: str) -> Scope | None:
    try:
        return _scope(entry, cluster)
    except BudgetError:
        return None


def _scope(entry: Any, cluster: str) -> Scope | None:
    """Return what an entry is of; None where that is in another cluster."""
    if not isinstance(entry, dict):
        raise BudgetError(f"expected one of {', '.join(('cluster', *_SCOPES))}, and {_AMOUNT}")
    unknown = sorted(str(name) for name in entry if name not in _FIELDS)
    if unknown:
        raise BudgetError(f"{unknown[0][:40]!r} is no field; there are {', '.join(_FIELDS)}")
    if _AMOUNT not in entry:
        raise BudgetError(f"{_AMOUNT} is missing")
    kinds = [kind for kind in _SCOPES if kind in entry]
    if len(kinds) > 1 or not (kinds or "cluster" in entry):
        raise BudgetError(f"expected one of {', '.join(('cluster', *_SCOPES))}")
    where = entry.get("cluster", True)
    if where is not True and (not isinstance(where, str) or not where):
        raise BudgetError("cluster has to be true, for this one, or a name")
    scope = _named(kinds[0], entry[kinds[0]]) if kinds else Scope("cluster", cluster)
    return scope if where in {True, cluster} else None


def _named(kind: ScopeKind, name: object) -> Scope:
    if not isinstance(name, str) or not name:
        raise BudgetError(f"{kind} has to be a name")
    if kind == "label" and not all(name.partition("=")):
        raise BudgetError(f"{name[:60]!r} is no label; expected something like team=payments")
    if kind == "workload" and (name.count("/") != 2 or not all(name.split("/"))):
        raise BudgetError(f"{name[:60]!r} is no workload; expected something like shop/Deployment/web")
    return Scope(kind, name)


def _amount(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BudgetError(f"{str(value)[:40]!r} is no amount of USD")
    return parse_budget(repr(value) if isinstance(value, float) else str(value))
