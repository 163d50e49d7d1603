"""Budgets and moments for tests of the alert service."""

from datetime import UTC, datetime
from typing import Any

from kube_cost_alerts.evaluator import Moment
from kube_cost_common.messages.alerts import AlertIntent
from kube_cost_common.messages.costs import BudgetCost, CostDriver, CostSnapshot, PriceTrouble

USD = 10**9
HOUR_NS = 3600 * 10**9

DRIVERS = [
    CostDriver(namespace="production", kind="Deployment", name="api-server-v2", hourly_nano=round(123 * USD / 730)),
    CostDriver(namespace="production", kind="Deployment", name="ml-inference", hourly_nano=round(98 * USD / 730)),
]


def unix_ns(text: str) -> int:
    """`2026-02-28 23:59` in UTC as Unix nanoseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def moment(text: str = "2026-11-20 12:00") -> Moment:
    """A moment of a cluster; its month is UTC's."""
    return Moment(cluster="prod", at_ns=unix_ns(text), month_start_ns=unix_ns(f"{text[:7]}-01 00:00"), owner="alerts-1")


def budget(name: str = "production", *, usd: float = 500.0, spent: float = 0.0, **settings: Any) -> BudgetCost:
    """A namespace's budget of `usd`; `month` is its rate over a month, in USD, now and in the last hours."""
    month = settings.pop("month", None)
    rate = None if month is None else round(month * USD / 730)
    given: dict[str, Any] = {
        "budget": f"namespace/{name}",
        "scope_kind": "namespace",
        "scope_name": name,
        "source": "annotation",
        "amount_nano": round(usd * USD),
        "spent_nano": round(spent * USD),
        "hourly_nano": rate or 0,
        "forecast_nano": None,
        "mean_1h_nano": rate,
        "mean_6h_nano": rate,
        "usual_hour_nano": None,
        "usual_hour_deviation_nano": None,
        "silenced_until_ns": 0,
        "drivers": DRIVERS,
    }
    return BudgetCost(**{**given, **settings})


def snapshot(*budgets: BudgetCost, at: Moment, troubles: tuple[PriceTrouble, ...] = ()) -> CostSnapshot:
    """The costs of a moment: these budgets, and no namespaces."""
    return CostSnapshot(
        cluster=at.cluster,
        at_ns=at.at_ns,
        part=0,
        parts=1,
        currency="USD",
        month_start_ns=at.month_start_ns,
        history_start_ns=0,
        settled_through_ns=at.at_ns,
        namespaces=[],
        budgets=list(budgets),
        budget_faults=[],
        components=[],
        price_troubles=list(troubles),
    )


def told(intents: list[AlertIntent]) -> list[str]:
    """What they are about, in short: `month_to_date 80`, `run_rate`, `run_rate over`."""
    return [
        " ".join([intent.kind, *([f"{intent.percent:g}"] if intent.percent else []), *["over"] * intent.all_clear])
        for intent in intents
    ]
