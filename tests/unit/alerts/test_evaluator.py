from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.alerting import HOUR_NS, USD, budget, moment, told, unix_ns
from kube_cost_alerts.evaluator import PLATFORM, Kind, Moment, evaluate, evaluate_platform, nothing_told, over_nano
from kube_cost_alerts.routing import Telling
from kube_cost_common.messages.alerts import AlertIntent, AlertMemory
from kube_cost_common.messages.costs import BudgetCost, PriceTrouble

DEFAULT = Telling()


class Told:
    """Follows one budget, moment by moment, as the service does."""

    def __init__(self, telling: Telling = DEFAULT) -> None:
        self.telling = telling
        self.memory: AlertMemory | None = None
        self.all: list[AlertIntent] = []

    def hear(self, cost: BudgetCost, at: Moment) -> list[str]:
        """What is told of that moment."""
        memory = evaluate(cost, self.memory, self.telling, at)
        new = memory.intents
        self.memory = replace(memory, intents=[])  # sent and answered
        self.all += new
        return told(new)


def test_each_share_is_told_once() -> None:
    """At 80, 100 and 120 % of the budget, and nothing between them."""
    follower = Told()
    heard = [
        follower.hear(budget(spent=spent), moment(f"2026-11-20 12:{minute:02}"))
        for minute, spent in enumerate([0, 399, 400, 450, 499.99, 500, 510, 599, 600, 601, 5000])
    ]
    expected = {2: ["month_to_date 80"], 5: ["month_to_date 100"], 8: ["month_to_date 120"]}
    assert heard == [expected.get(number, []) for number in range(len(heard))]


def test_a_leap_over_several_shares_is_one_message() -> None:
    """Of the greatest; the others aren't told later."""
    follower = Told()
    assert follower.hear(budget(spent=700), moment("2026-11-20 12:00")) == ["month_to_date 120"]
    assert follower.hear(budget(spent=710), moment("2026-11-20 12:01")) == []


def test_a_new_month_begins_at_nothing() -> None:
    """What was told in the month before is told again when it is reached again; a leap day is a day like others."""
    follower = Told()
    assert follower.hear(budget(spent=450), moment("2028-02-29 23:59")) == ["month_to_date 80"]
    assert follower.hear(budget(spent=0), moment("2028-03-01 00:00")) == []
    assert follower.hear(budget(spent=450), moment("2028-03-20 00:00")) == ["month_to_date 80"]
    assert [one.month_start_ns for one in follower.all] == [unix_ns("2028-02-01 00:00"), unix_ns("2028-03-01 00:00")]


def test_the_end_of_a_month_that_comes_late_changes_nothing() -> None:
    """A moment before the last one, or of the month before, isn't looked at."""
    follower = Told()
    follower.hear(budget(spent=450), moment("2026-12-01 00:01"))
    assert follower.hear(budget(spent=5000), moment("2026-11-30 23:59")) == []
    assert follower.hear(budget(spent=5000), moment("2026-12-01 00:01")) == []


@pytest.mark.parametrize("zone_change", ["2026-03-29 01:00", "2026-10-25 01:00", "2026-11-01 06:00"])
def test_daylight_saving_is_an_hour_like_others(zone_change: str) -> None:
    """Months are UTC's: what was told before the clocks change isn't told after."""
    follower = Told()
    before = datetime.fromisoformat(zone_change).replace(tzinfo=UTC) - timedelta(minutes=1)
    follower.hear(budget(spent=450, month=600), moment(f"{before:%Y-%m-%d %H:%M}"))
    assert len(follower.all) == 2
    assert follower.hear(budget(spent=450, month=600), moment(zone_change)) == []


def test_a_greater_budget_in_mid_month_is_reached_anew() -> None:
    """Its shares are told when they are reached; those that still are reached aren't told again."""
    follower = Told()
    follower.hear(budget(spent=510), moment("2026-11-20 12:00"))
    assert follower.hear(budget(usd=600, spent=520), moment("2026-11-20 12:01")) == []  # 86 %: 80 was told
    assert follower.hear(budget(usd=600, spent=600), moment("2026-11-20 12:02")) == ["month_to_date 100"]
    assert follower.hear(budget(usd=6000, spent=600), moment("2026-11-20 12:03")) == []
    assert follower.hear(budget(usd=6000, spent=4800), moment("2026-11-20 12:04")) == ["month_to_date 80"]


def test_a_smaller_budget_in_mid_month_may_be_exceeded_at_once() -> None:
    """Told at the first snapshot with it."""
    follower = Told()
    follower.hear(budget(spent=400), moment("2026-11-20 12:00"))
    assert follower.hear(budget(usd=390, spent=400), moment("2026-11-20 12:01")) == ["month_to_date 100"]


def test_a_namespace_deleted_and_made_again_is_the_same_budget() -> None:
    """No snapshot between has it; what it cost this month goes on, and so does what was told."""
    follower = Told()
    follower.hear(budget(spent=450), moment("2026-11-20 12:00"))
    assert follower.hear(budget(spent=451), moment("2026-11-22 12:00")) == []
    assert follower.hear(budget(spent=500), moment("2026-11-23 12:00")) == ["month_to_date 100"]


def test_the_run_rate_is_told_once_and_its_end_below_95_percent() -> None:
    """By the mean of the last whole hour: 510 USD a month is over 500, 480 isn't yet the end of it."""
    follower = Told()
    heard = [
        follower.hear(budget(month=month), moment(f"2026-11-20 {hour:02}:00"))
        for hour, month in enumerate([None, 499, 510, 600, 490, 480, 510, 470, 490, 501])
    ]
    expected = {2: ["run_rate"], 7: ["run_rate over"], 9: ["run_rate"]}
    assert heard == [expected.get(number, []) for number in range(len(heard))]
    assert over_nano(follower.all[0]) == pytest.approx(10 * USD, abs=1000)


def test_what_is_opt_in_is_not_told_by_default() -> None:
    """A forecast over budget, a burn, an hour out of the ordinary."""
    wild = budget(
        month=499, forecast_nano=900 * USD, mean_6h_nano=499 * USD, usual_hour_nano=1, usual_hour_deviation_nano=0
    )
    assert Told().hear(wild, moment()) == []


def test_a_forecast_is_told_once_a_month() -> None:
    """Its end isn't."""
    follower = Told(Telling(forecast=True))
    heard = [
        follower.hear(budget(forecast_nano=None if usd is None else usd * USD), moment(when))
        for when, usd in [
            ("2026-11-20 12:00", None),
            ("2026-11-20 12:01", 501),
            ("2026-11-20 12:02", 600),
            ("2026-11-21 12:02", 400),
            ("2026-11-30 23:59", 501),
            ("2026-12-01 00:00", 501),
        ]
    ]
    assert heard == [[], ["forecast"], [], [], ["forecast"], ["forecast"]]


@pytest.mark.parametrize(
    ("hour", "six", "is_told"), [(2.1, 2.1, True), (2.1, 1.9, False), (1.9, 2.1, False), (2.1, None, False)]
)
def test_a_burn_is_in_the_hour_and_in_the_six_hours(hour: float, six: float | None, is_told: bool) -> None:
    """A short peak isn't one, nor is what is over already."""
    allowed = 500 * USD / 730
    cost = budget(mean_1h_nano=round(hour * allowed), mean_6h_nano=None if six is None else round(six * allowed))
    assert Told(Telling(burn=2.0, run_rate=False)).hear(cost, moment()) == (["burn"] if is_told else [])


@pytest.mark.parametrize(
    ("hour", "usual", "deviation", "is_told"),
    [
        (10.0, 4.0, 1.0, True),  # 6 is more than 3 standard deviations, 4.4
        (10.0, 4.0, 2.0, False),
        (8.9, 4.0, 0.0, False),  # less than 5 USD/h
        (9.0, 4.0, 0.0, True),
        (10.0, None, None, False),
        (1.0, 10.0, 0.1, False),  # below the usual
    ],
)
def test_an_anomaly_is_far_and_worth_it(
    hour: float, usual: float | None, deviation: float | None, is_told: bool
) -> None:
    """By the median and the MAD of this hour of the week, and at least so many USD per hour."""

    def nano(value: float | None) -> int | None:
        return None if value is None else round(value * USD)

    cost = budget(
        usd=1e6, mean_1h_nano=nano(hour), usual_hour_nano=nano(usual), usual_hour_deviation_nano=nano(deviation)
    )
    assert Told(Telling(anomaly_usd_per_hour=5.0)).hear(cost, moment()) == (["anomaly"] if is_told else [])


def test_a_silence_is_kept_and_then_over() -> None:
    """What still holds at its end is told then; what ended meanwhile isn't told at all."""
    follower = Told()
    until = unix_ns("2026-11-20 14:00")
    quiet: dict[str, Any] = {"silenced_until_ns": until}
    assert follower.hear(budget(month=600), moment("2026-11-20 11:00")) == ["run_rate"]
    assert follower.hear(budget(spent=450, month=100, **quiet), moment("2026-11-20 12:00")) == []
    assert follower.hear(budget(spent=450, month=100, **quiet), moment("2026-11-20 14:00")) == ["month_to_date 80"]


def test_switched_off_while_it_holds_is_not_an_all_clear() -> None:
    """Nobody is told; switched on again, it is told anew."""
    follower = Told()
    follower.hear(budget(month=600), moment("2026-11-20 12:00"))
    follower.telling = Telling(run_rate=False)
    assert follower.hear(budget(month=600), moment("2026-11-20 12:01")) == []
    follower.telling = DEFAULT
    assert follower.hear(budget(month=600), moment("2026-11-20 12:02")) == ["run_rate"]


def test_messages_go_where_the_routing_says() -> None:
    """With what they are about, and who is to send them."""
    (intent,) = evaluate(budget(spent=450), None, Telling(channel="team-a"), moment()).intents
    assert (intent.channel, intent.owner, intent.scope_name, intent.kind) == (
        "team-a",
        "alerts-1",
        "production",
        Kind.MONTH_TO_DATE,
    )


def test_trouble_with_prices_is_told_where_there_is_a_channel() -> None:
    """Once, with its causes, and its end; nodes that came a moment ago are no trouble."""
    waiting = PriceTrouble(code="waiting", nodes=1, detail="")
    failing = PriceTrouble(code="api_failing", nodes=3, detail="AWS says no")
    missing = PriceTrouble(code="no_price", nodes=1, detail="x1.huge isn't sold")
    memory = evaluate_platform([failing], None, "", moment("2026-11-20 12:00"))
    assert memory.intents == []
    memory = evaluate_platform([waiting], None, "ops", moment("2026-11-20 12:00"))
    assert memory.intents == []
    memory = evaluate_platform([waiting, failing, missing], memory, "ops", moment("2026-11-20 12:01"))
    assert told(memory.intents) == ["price_trouble", "unpriced_nodes"]
    assert [one.detail for one in memory.intents] == ["3 nodes: AWS says no", "1 node: x1.huge isn't sold"]
    memory = evaluate_platform([missing], replace(memory, intents=[]), "ops", moment("2026-11-20 12:02"))
    assert told(memory.intents) == ["price_trouble over"]
    assert memory.budget == PLATFORM


COSTS = st.builds(
    lambda spent, usd, month, silence: {"spent": spent, "usd": usd, "month": month, "silenced": silence},
    st.floats(0, 2000),
    st.sampled_from([100.0, 500.0, 1000.0]),
    st.none() | st.floats(0, 2000),
    st.booleans(),
)


@settings(max_examples=50)
@given(costs=st.lists(COSTS, max_size=30), hours=st.integers(1, 100))
def test_laws_of_any_month(costs: list[dict[str, Any]], hours: int) -> None:
    """Whatever costs and budgets do: never twice of one moment, and an all-clear only after its alert.

    And a share is told again only after a greater budget or in a new month.
    """
    follower = Told()
    at_ns = unix_ns("2026-01-01 00:00")
    told_month, told_share, last_usd = 0, 0.0, 0.0
    grown = is_over = False
    for cost in costs:
        at_ns += hours * HOUR_NS
        at = moment(f"{datetime.fromtimestamp(at_ns // 10**9, UTC):%Y-%m-%d %H:%M}")
        silenced_until_ns = at_ns + 1 if cost["silenced"] else 0
        row = budget(usd=cost["usd"], spent=cost["spent"], month=cost["month"], silenced_until_ns=silenced_until_ns)
        grown = grown or cost["usd"] > last_usd
        last_usd = cost["usd"]
        begun = len(follower.all)
        follower.hear(row, at)
        new = follower.all[begun:]
        assert not (new and cost["silenced"])
        assert follower.hear(row, at) == []
        for intent in new:
            if intent.kind == Kind.MONTH_TO_DATE:
                assert at.month_start_ns != told_month or intent.percent > told_share or grown
                told_month, told_share, grown = at.month_start_ns, intent.percent, False
            elif intent.all_clear:
                assert is_over
                is_over = False
            else:
                is_over = True
    identities = [intent.intent for intent in follower.all]
    assert len(set(identities)) == len(identities)


def test_a_budget_of_which_nothing_is_told_is_not_written() -> None:
    """Its memory equals that of a budget that nobody has heard of."""
    assert evaluate(budget(spent=1), None, DEFAULT, moment()) == nothing_told(
        "namespace/production", 500 * USD, moment()
    )
