"""`/api/v1/budgets`: what was allowed, what was spent, what it comes to."""

from typing import Annotated

import msgspec

from kube_cost_aggregator.outputs.answers.answer import Answer, Endpoint, Known
from kube_cost_aggregator.outputs.answers.fields import (
    Listing,
    Percent,
    Time,
    Usd,
    UsdPerHour,
    UsdPerMonth,
    percent,
    time_of,
    usd,
)
from kube_cost_aggregator.outputs.answers.formats import FORMAT
from kube_cost_aggregator.outputs.answers.listing import LIMIT, Keys, arranged, sort_by
from kube_cost_aggregator.outputs.budget_rows import budget_costs
from kube_cost_aggregator.outputs.parameter_kinds import Choice
from kube_cost_aggregator.outputs.parameters import Asked, Parameter
from kube_cost_aggregator.state.totals import month_start
from kube_cost_common.domain.money import HOURS_PER_MONTH, NS_PER_SECOND
from kube_cost_common.messages.costs import BudgetCost


class BudgetLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A monthly budget. `source` is where it is written. The forecast is null while there is nothing to make it of."""

    scope_kind: str
    scope: Annotated[
        str, msgspec.Meta(description="`shop`, `team=payments`, `shop/Deployment/web`, the cluster's name")
    ]
    source: str
    amount_usd: Usd
    spent_usd: Usd
    spent_percent: Percent
    usd_per_hour: UsdPerHour
    usd_per_month: UsdPerMonth
    forecast_usd: Usd | None
    forecast_percent: Percent | None


class BudgetsAnswer(Listing, frozen=True, kw_only=True):
    """Budgets, and a sentence for each that can't be read: what it is of has none, and not one of 0."""

    month_start: Time
    history_start: Time | None
    settled_through: Time | None
    faults: list[str]
    budgets: list[BudgetLine]


_KEYS: Keys[BudgetCost] = {
    "scope": lambda row: f"{row.scope_kind}/{row.scope_name}",
    "amount_usd": lambda row: row.amount_nano,
    "spent_usd": lambda row: row.spent_nano,
    "spent_percent": lambda row: row.spent_nano / row.amount_nano,
    "forecast_percent": lambda row: None if row.forecast_nano is None else row.forecast_nano / row.amount_nano,
}

SCOPE_KIND = Parameter(
    name="scope_kind",
    kind=Choice(("cluster", "namespace", "label", "workload")),
    repeated=True,
    about="What budgets are of. Several are alternatives.",
)
SORT = sort_by(_KEYS, "-forecast_percent")

UNREADABLE = "{} of labels and workloads aren't here, since the ledger can't be read now"


def _answer(asked: Asked, known: Known) -> Answer:
    costs, totals = known.costs, known.totals
    assert costs is not None  # by `needs`
    kinds = asked.all(SCOPE_KIND)
    rows = [row for row in budget_costs(costs) if not kinds or row.scope_kind in kinds]
    shown, left_out = arranged(rows, _KEYS, asked.one(SORT), asked)
    faults = list(known.rates.budgets.faults)
    if missing := len(known.rates.budgets.budgets.keys() - costs.budgets.budgets.keys()):
        faults.append(UNREADABLE.format(missing))
    body = BudgetsAnswer(
        **known.head,
        left_out=left_out,
        month_start=time_of(month_start(known.now_ns) * NS_PER_SECOND) or "",
        history_start=time_of(totals.started_at_ns),
        settled_through=time_of(totals.settled_through_ns),
        faults=faults,
        budgets=[],
    )
    return Answer(body, list(map(_line, shown)))


def _line(row: BudgetCost) -> BudgetLine:
    expected = row.forecast_nano
    return BudgetLine(
        scope_kind=row.scope_kind,
        scope=row.scope_name,
        source=row.source,
        amount_usd=usd(row.amount_nano),
        spent_usd=usd(row.spent_nano),
        spent_percent=percent(row.spent_nano, row.amount_nano),
        usd_per_hour=usd(row.hourly_nano),
        usd_per_month=usd(row.hourly_nano * HOURS_PER_MONTH),
        forecast_usd=None if expected is None else usd(expected),
        forecast_percent=None if expected is None else percent(expected, row.amount_nano),
    )


BUDGETS = Endpoint(
    name="budgets",
    summary="Monthly budgets of the cluster, namespaces, labels and workloads, and what has become of them",
    parameters=(SCOPE_KIND, SORT, LIMIT, FORMAT),
    body=BudgetsAnswer,
    answer=_answer,
    needs=frozenset({"budgets"}),
)
