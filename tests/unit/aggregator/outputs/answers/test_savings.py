"""What spot saves."""

import pytest

from harness.api import small_world
from harness.costs import node_rate, rates_of


async def test_savings_are_what_spot_saved_and_saves() -> None:
    """A namespace's from the ledger and by its pods now; what no pod has is idle's."""
    body = await small_world().get("savings", {"sort": "-saved_usd_per_hour"})
    assert body["namespaces"] == [
        {"namespace": "shop", "saved_usd": "5", "saved_usd_per_hour": "0.05"},
        {"namespace": "__idle__", "saved_usd": "0", "saved_usd_per_hour": "0.01"},
        {"namespace": "lab", "saved_usd": "0", "saved_usd_per_hour": "0"},
    ]
    assert (body["saved_usd"], body["saved_usd_per_hour"]) == ("5", "0.06")


@pytest.mark.parametrize(
    ("share", "per_hour", "per_month"), [("", "0.024", "17.52"), ("1", "0.06", "43.8"), ("0.5", "0", "0")]
)
async def test_the_potential_is_at_the_share_that_is_asked_with(share: str, per_hour: str, per_month: str) -> None:
    """Half of 0.2 USD is on spot now, which is 60 % cheaper: (share − 0.5) × 0.2 × 0.6; by default the share is 0.7."""
    body = await small_world().get("savings", {"spot_share": share} if share else {})
    assert (body["spot_share"], body["spot_share_now"]) == (float(share or 0.7), 0.5)
    assert (body["potential_usd_per_hour"], body["potential_usd_per_month"]) == (per_hour, per_month)


async def test_where_no_spot_price_is_known_there_is_no_potential() -> None:
    """Null: it isn't that nothing could be saved."""
    world = small_world()
    world.shown.rates = rates_of(node_rate("n", usd_per_hour=0.1, on_demand=0.1))
    body = await world.get("savings")
    assert (body["spot_share_now"], body["potential_usd_per_hour"], body["potential_usd_per_month"]) == (
        0.0,
        None,
        None,
    )
