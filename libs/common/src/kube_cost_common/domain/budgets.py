"""Monthly budgets as people write them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from kube_cost_common.domain.money import NANO_PER_USD

ANNOTATION = "kube-cost.io/monthly-budget-usd"
LABEL = "budget"

LARGEST_USD = Decimal(10) ** 12

_AMOUNT = re.compile(r"\$?\s*([0-9]+(?:\.[0-9]+)?(?:[eE]\+?[0-9]{1,2})?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?)")


class BudgetError(ValueError):
    """A budget that can't be read: a sentence that says what was written, and what is expected."""


ScopeKind = Literal["cluster", "namespace", "label", "workload"]


class Scope(NamedTuple):
    """What a budget is of: `name` is a cluster's, a namespace's, `team=payments`, or `shop/Deployment/web`."""

    kind: ScopeKind
    name: str

    @property
    def label(self) -> tuple[str, str]:
        """Name and value of a label's scope."""
        name, _, value = self.name.partition("=")
        return name, value

    @property
    def workload(self) -> tuple[str, str, str]:
        """Namespace, kind and name of a workload's scope."""
        namespace, kind, name = self.name.split("/")
        return namespace, kind, name


@dataclass(frozen=True, slots=True)
class Budget:
    """What a scope may cost a month, in nano-USD, and where that is written."""

    nano: int
    source: str


def parse_budget(text: str) -> int:
    """Return a budget in nano-USD; raise BudgetError. `5000`, `5,000`, `$5000`, `5e3` and `5000.50` are budgets.

    A comma is taken for a thousand's only where three digits follow each, so that `5,5` is refused, not misread.
    """
    written = text.strip()
    matched = _AMOUNT.fullmatch(written)
    if matched is None:
        shown = repr(written[:40]) if written else "nothing"
        raise BudgetError(f"{shown} is no amount of USD; expected something like 5000, 5,000 or $5000")
    amount = Decimal(matched[1].replace(",", ""))
    nano = int((amount * NANO_PER_USD).to_integral_value()) if amount < LARGEST_USD else 0
    if not nano:
        raise BudgetError(f"{written[:40]!r} is no budget: it has to be more than 0 and less than 10^12 USD")
    return nano


def budget_of(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Budget | None:
    """Return a namespace's budget, None where it has none; raise BudgetError where it has one that can't be read.

    The annotation goes before the label, whose values Kubernetes limits to letters, digits, `-`, `_` and `.`.
    """
    if ANNOTATION in annotations:
        return Budget(_read(annotations[ANNOTATION], f"the annotation {ANNOTATION}"), "annotation")
    if LABEL in labels:
        return Budget(_read(labels[LABEL], f"the label {LABEL}"), "label")
    return None


def _read(text: str, where: str) -> int:
    try:
        return parse_budget(text)
    except BudgetError as error:
        raise BudgetError(f"{where}: {error}") from error
