"""The month by namespace."""

from dataclasses import replace

from harness.api import small_world
from kube_cost_aggregator.state.totals import Totals

NAMES = ("shop", "lab")


async def test_a_month_is_what_was_spent_and_what_the_rest_costs_at_the_last_day() -> None:
    """384 of the month's hours are left, at 1 USD; the dearest forecast first."""
    body = await small_world().get("forecast")
    assert (body["month_start"], body["month_end"]) == ("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z")
    assert (body["settled_through"], body["history_start"]) == ("2027-01-15T08:00:00Z", "2027-01-03T18:13:20Z")
    shop, lab = body["namespaces"]
    assert (shop["namespace"], shop["month_to_date_usd"], shop["forecast_usd"]) == ("shop", "30", "430")
    assert (lab["namespace"], lab["month_to_date_usd"], lab["forecast_usd"]) == ("lab", "4", "4")
    assert float(shop["low_usd"]) < 430 < float(shop["high_usd"])


async def test_the_total_is_of_all_that_are_meant() -> None:
    """Also of those that the limit leaves out, and not of those that the filter does."""
    body = await small_world().get("forecast", {"limit": "1"})
    assert [row["namespace"] for row in body["namespaces"]] == ["shop"]
    assert (body["left_out"], body["total"]["month_to_date_usd"], body["total"]["forecast_usd"]) == (1, "34", "434")
    body = await small_world().get("forecast", {"namespace": "l*"})
    assert [row["namespace"] for row in body["namespaces"]] == ["lab"]
    assert body["total"]["month_to_date_usd"] == "4"


async def test_the_totals_spread_is_that_of_the_sums() -> None:
    """Two namespaces that are dear in different hours are a cluster that is even."""
    world = small_world()
    hour = world.shown.clock.now_ns() // (3600 * 10**9) * 3600
    hours = {name: {hour - 3600 * n: 10**9 * (n % 2 == odd) for n in range(1, 25)} for odd, name in enumerate(NAMES)}
    started_ns = (hour - 24 * 3600) * 10**9  # too short for the spread of days
    world.shown.totals = replace(world.shown.totals, started_at_ns=started_ns, days={}, hours=hours)
    body = await world.get("forecast")
    assert body["total"]["low_usd"] == body["total"]["high_usd"] == "400"
    assert all(float(row["low_usd"]) < 200 < float(row["high_usd"]) for row in body["namespaces"])


async def test_nothing_settled_is_no_forecast() -> None:
    """Null, and not 0; namespaces are there all the same."""
    world = small_world()
    world.shown.totals = Totals()
    body = await world.get("forecast")
    assert (body["settled_through"], body["history_start"]) == (None, None)
    assert {row["namespace"]: row["forecast_usd"] for row in body["namespaces"]} == {"shop": None, "lab": None}
    assert body["total"]["month_to_date_usd"] == "0"
