"""What is to be told of a budget, from its costs of a moment and from what has been told. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique

from msgspec.structs import replace

from kube_cost_alerts.routing import Telling
from kube_cost_common.domain.money import HOURS_PER_MONTH, NANO_PER_USD
from kube_cost_common.messages.alerts import AlertIntent, AlertMemory
from kube_cost_common.messages.costs import BudgetCost, CostSnapshot, PriceTrouble

CLEAR_SHARE = 0.95
"""Of what an alert begins at, below which it is over: what swings around its budget is told once."""

ANOMALY_DEVIATIONS = 3.0
SIGMA_PER_MAD = 1.4826
"""The standard deviation of a normal distribution, in median absolute deviations."""

ANOMALY_CLEAR_SHARE = 0.8

PLATFORM = "platform/prices"
"""What stands for a budget's name where prices and nodes are told of."""

_UNPRICED = frozenset({"no_price", "no_region", "no_instance_type"})
_UNSAID = frozenset({"waiting"})
"""Of nodes that came a moment ago."""


@unique
class Kind(StrEnum):
    """What a message is about."""

    MONTH_TO_DATE = "month_to_date"
    RUN_RATE = "run_rate"
    FORECAST = "forecast"
    BURN = "burn"
    ANOMALY = "anomaly"
    PRICE_TROUBLE = "price_trouble"
    UNPRICED_NODES = "unpriced_nodes"


_TOLD_WHEN_OVER = frozenset({Kind.RUN_RATE, Kind.PRICE_TROUBLE, Kind.UNPRICED_NODES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When, where, and who is to send what comes of it."""

    cluster: str
    at_ns: int
    month_start_ns: int
    owner: str

    @classmethod
    def of(cls, snapshot: CostSnapshot, *, owner: str) -> "Moment":
        """Return the moment of a snapshot."""
        return cls(cluster=snapshot.cluster, at_ns=snapshot.at_ns, month_start_ns=snapshot.month_start_ns, owner=owner)


def nothing_told(budget: str, amount_nano: int, moment: Moment) -> AlertMemory:
    """Return the memory of a budget of which nobody was told anything."""
    return AlertMemory(
        cluster=moment.cluster,
        budget=budget,
        as_of_ns=0,
        month_start_ns=moment.month_start_ns,
        amount_nano=amount_nano,
        told_percent=0.0,
        active=[],
        intents=[],
        threads=[],
    )


def evaluate(cost: BudgetCost, memory: AlertMemory | None, telling: Telling, moment: Moment) -> AlertMemory:
    """Return what is remembered after this moment: what is to be told stands among the intents.

    A moment before the last one that changed something changes nothing. While the budget is silenced nothing is
    told; what still holds at the silence's end is told then.
    """
    before = nothing_told(cost.budget, cost.amount_nano, moment) if memory is None else memory
    if _is_past(before, moment):
        return before
    now = _amount_changed(_month_begun(before, moment), cost)
    silenced = cost.silenced_until_ns > moment.at_ns
    intents: list[AlertIntent] = []

    reached = max((share for share in telling.thresholds if _percent(cost) >= share), default=0.0)
    if reached > now.told_percent and not silenced:
        now = replace(now, told_percent=reached)
        intents.append(_intent(cost, Kind.MONTH_TO_DATE, telling, moment, percent=reached))

    active = list(now.active)
    for kind, holds in _conditions(cost, telling).items():
        if holds and kind not in active and not silenced:
            active.append(kind)
            intents.append(_intent(cost, kind, telling, moment))
        elif holds is False and kind in active:
            active.remove(kind)
            if kind in _TOLD_WHEN_OVER and not silenced and _is_told(kind, telling):
                intents.append(_intent(cost, kind, telling, moment, all_clear=True))
    return _changed(before, replace(now, active=active, intents=[*now.intents, *intents]), moment)


def evaluate_platform(
    troubles: Sequence[PriceTrouble], memory: AlertMemory | None, channel: str, moment: Moment
) -> AlertMemory:
    """Return what is remembered of prices and nodes after this moment; nothing is told where there is no channel."""
    before = nothing_told(PLATFORM, 0, moment) if memory is None else memory
    if _is_past(before, moment):
        return before
    now = _month_begun(before, moment)
    active, intents = list(now.active), list(now.intents)
    said = [trouble for trouble in troubles if trouble.code not in _UNSAID and trouble.nodes]
    for kind in (Kind.PRICE_TROUBLE, Kind.UNPRICED_NODES):
        causes = [trouble for trouble in said if (trouble.code in _UNPRICED) is (kind is Kind.UNPRICED_NODES)]
        if bool(causes) is (kind in active) or not (channel or kind in active):
            continue
        if causes:
            active.append(kind)
        else:
            active.remove(kind)
        if channel:
            intents.append(_of_platform(kind, causes, channel, moment))
    return _changed(before, replace(now, active=active, intents=intents), moment)


def over_nano(intent: AlertIntent) -> int:
    """Return by how much the budget is exceeded, over a month, by what the intent is about; below 0 if it isn't."""
    match intent.kind:
        case Kind.MONTH_TO_DATE:
            return intent.spent_nano - intent.amount_nano
        case Kind.FORECAST:
            return (intent.forecast_nano or 0) - intent.amount_nano
        case _:
            return (intent.rate_nano or 0) * HOURS_PER_MONTH - intent.amount_nano


def _is_past(memory: AlertMemory, moment: Moment) -> bool:
    return moment.at_ns <= memory.as_of_ns or moment.month_start_ns < memory.month_start_ns


def _month_begun(memory: AlertMemory, moment: Moment) -> AlertMemory:
    if moment.month_start_ns == memory.month_start_ns:
        return memory
    return replace(
        memory,
        month_start_ns=moment.month_start_ns,
        told_percent=0.0,
        active=[kind for kind in memory.active if kind != Kind.FORECAST],
        # What still waits to be sent belongs to its own month's thread.
        threads=[
            thread
            for thread in memory.threads
            if any(intent.month_start_ns == thread.month_start_ns for intent in memory.intents)
        ],
    )


def _amount_changed(memory: AlertMemory, cost: BudgetCost) -> AlertMemory:
    """After a greater budget in mid-month a share may be reached, and told, a second time."""
    if cost.amount_nano == memory.amount_nano:
        return memory
    told = min(memory.told_percent, _percent(cost)) if cost.amount_nano > memory.amount_nano else memory.told_percent
    return replace(memory, amount_nano=cost.amount_nano, told_percent=told)


def _changed(before: AlertMemory, now: AlertMemory, moment: Moment) -> AlertMemory:
    return before if now == before else replace(now, as_of_ns=moment.at_ns)


def _percent(cost: BudgetCost) -> float:
    return 100 * cost.spent_nano / cost.amount_nano if cost.amount_nano > 0 else 0.0


def _is_told(kind: Kind, telling: Telling) -> bool:
    match kind:
        case Kind.RUN_RATE:
            return telling.run_rate
        case Kind.FORECAST:
            return telling.forecast
        case Kind.BURN:
            return telling.burn > 0
        case Kind.ANOMALY:
            return telling.anomaly_usd_per_hour > 0
        case _:
            return True


def _conditions(cost: BudgetCost, telling: Telling) -> dict[Kind, bool | None]:
    """Return whether each kind holds: yes, no, or None where it stays as it was."""
    allowed = cost.amount_nano / HOURS_PER_MONTH
    found: dict[Kind, bool | None] = {
        Kind.RUN_RATE: _above(cost.mean_1h_nano, allowed),
        Kind.FORECAST: _above(cost.forecast_nano, cost.amount_nano),
        Kind.BURN: _burns(cost, telling.burn * allowed),
        Kind.ANOMALY: _is_unusual(cost, telling.anomaly_usd_per_hour * NANO_PER_USD),
    }
    return {kind: holds if _is_told(kind, telling) else False for kind, holds in found.items()}


def _above(value: float | None, limit: float) -> bool | None:
    if value is None or CLEAR_SHARE * limit <= value <= limit:
        return None
    return value > limit


def _burns(cost: BudgetCost, limit: float) -> bool | None:
    """Whether both the hour and the six hours are above: the first shows that it goes on, the second that it counts."""
    if cost.mean_1h_nano is None or cost.mean_6h_nano is None:
        return None
    hour, six = _above(cost.mean_1h_nano, limit), _above(cost.mean_6h_nano, limit)
    if hour and six:
        return True
    return False if hour is False else None


def _is_unusual(cost: BudgetCost, least_nano: float) -> bool | None:
    if cost.mean_1h_nano is None or cost.usual_hour_nano is None or cost.usual_hour_deviation_nano is None:
        return None
    margin = max(ANOMALY_DEVIATIONS * SIGMA_PER_MAD * cost.usual_hour_deviation_nano, least_nano)
    beyond = cost.mean_1h_nano - cost.usual_hour_nano
    if ANOMALY_CLEAR_SHARE * margin <= beyond < margin:
        return None
    return beyond >= margin


def _intent(
    cost: BudgetCost, kind: Kind, telling: Telling, moment: Moment, *, percent: float = 0.0, all_clear: bool = False
) -> AlertIntent:
    usual = {Kind.BURN: cost.amount_nano // HOURS_PER_MONTH, Kind.ANOMALY: cost.usual_hour_nano}
    return AlertIntent(
        intent=_identity(cost.budget, kind, moment),
        kind=kind,
        all_clear=all_clear,
        percent=percent,
        channel=telling.channel,
        owner=moment.owner,
        at_ns=moment.at_ns,
        month_start_ns=moment.month_start_ns,
        scope_kind=cost.scope_kind,
        scope_name=cost.scope_name,
        source=cost.source,
        amount_nano=cost.amount_nano,
        spent_nano=cost.spent_nano,
        hourly_nano=cost.hourly_nano,
        rate_nano=cost.hourly_nano if kind in {Kind.MONTH_TO_DATE, Kind.FORECAST} else cost.mean_1h_nano,
        forecast_nano=cost.forecast_nano,
        usual_nano=usual.get(kind),
        drivers=cost.drivers,
    )


def _of_platform(kind: Kind, causes: Sequence[PriceTrouble], channel: str, moment: Moment) -> AlertIntent:
    return AlertIntent(
        intent=_identity(PLATFORM, kind, moment),
        kind=kind,
        all_clear=not causes,
        percent=0.0,
        channel=channel,
        owner=moment.owner,
        at_ns=moment.at_ns,
        month_start_ns=moment.month_start_ns,
        scope_kind="cluster",
        scope_name=moment.cluster,
        source="",
        amount_nano=0,
        spent_nano=0,
        hourly_nano=0,
        rate_nano=None,
        forecast_nano=None,
        usual_nano=None,
        drivers=[],
        detail="\n".join(
            f"{cause.nodes} {'node' if cause.nodes == 1 else 'nodes'}: {cause.detail or cause.code}" for cause in causes
        ),
    )


def _identity(budget: str, kind: Kind, moment: Moment) -> str:
    """Of one moment there is at most one message of a kind about a budget."""
    return f"{moment.cluster}.{budget}.{kind}.{moment.at_ns}"
