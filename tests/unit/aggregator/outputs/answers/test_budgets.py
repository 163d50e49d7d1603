"""Budgets, and what has become of them."""

from harness.api import small_world


async def test_a_budget_has_what_was_spent_and_what_it_comes_to() -> None:
    """Of a namespace by its own money, of a workload by the ledger's hours; the most endangered first."""
    body = await small_world().get("budgets")
    shop, web = body["budgets"]
    assert shop == {
        "scope_kind": "namespace",
        "scope": "shop",
        "source": "label",
        "amount_usd": "100",
        "spent_usd": "30",
        "spent_percent": 30.0,
        "usd_per_hour": "0.021",
        "usd_per_month": "15.33",
        "forecast_usd": "430",
        "forecast_percent": 430.0,
    }
    assert (web["scope"], web["amount_usd"], web["spent_usd"]) == ("shop/Deployment/web", "10", "2")


async def test_budgets_that_cannot_be_read_are_said() -> None:
    """What they are of has no budget, and not one of 0."""
    body = await small_world().get("budgets")
    assert body["faults"] == ["the budget of namespace lab can't be read: nothing is no amount of USD"]


async def test_a_ledger_that_cannot_be_read_leaves_out_what_needs_it() -> None:
    """Budgets of namespaces stay, and a sentence says what is missing."""
    world = small_world()
    world.hours.problem = "the disk is gone"
    body = await world.get("budgets")
    assert [row["scope"] for row in body["budgets"]] == ["shop"]
    assert any("1 of labels and workloads aren't here" in fault for fault in body["faults"])


async def test_budgets_are_filtered_by_what_they_are_of_and_sorted() -> None:
    """Several kinds are alternatives."""
    body = await small_world().get("budgets", [("scope_kind", "workload"), ("scope_kind", "label")])
    assert [row["scope"] for row in body["budgets"]] == ["shop/Deployment/web"]
    body = await small_world().get("budgets", {"sort": "amount_usd", "limit": "1"})
    assert ([row["scope"] for row in body["budgets"]], body["left_out"]) == (["shop/Deployment/web"], 1)
