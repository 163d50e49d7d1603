"""Nodes and their prices."""

from decimal import Decimal

from harness.api import small_world
from kube_cost_aggregator.outputs.answers.nodes import age_seconds


async def test_a_node_has_its_price_and_who_has_it() -> None:
    """Pods + system + idle are what it costs; the price says what it would be otherwise, and where it is from."""
    body = await small_world().get("nodes", {"node": "spot-1"})
    (node,) = body["nodes"]
    assert (node["node_pool"], node["instance_type"], node["zone"]) == ("burst", "m5.large", "us-east-1a")
    assert (node["capacity_type"], node["pods"], node["usd_per_hour"]) == ("spot", 1, "0.04")
    parts = [Decimal(node[f"{part}_usd_per_hour"]) for part in ("pods", "system", "idle")]
    assert (sum(parts), parts[0]) == (Decimal("0.04"), Decimal("0.02"))
    prices = (node["list_usd_per_hour"], node["on_demand_usd_per_hour"], node["spot_usd_per_hour"])
    assert prices == ("0.05", "0.1", "0.04")
    assert (node["price_source"], node["price_fetched_at"]) == ("api", "2027-01-15T08:00:00Z")
    assert (node["price_age_seconds"], node["unpriced_reason"]) == (0.0, None)


async def test_a_node_without_a_price_says_why() -> None:
    """Its amounts are null: nobody knows them."""
    body = await small_world().get("nodes")
    assert (body["unpriced"], body["total_usd_per_hour"]) == (1, "0.14")
    bare = body["nodes"][-1]
    assert (bare["node"], bare["usd_per_hour"], bare["pods"], bare["idle_usd_per_hour"]) == ("bare-1", None, None, None)
    assert (bare["unpriced_reason"], bare["unpriced_detail"]) == ("waiting", "no price has arrived yet")


async def test_nodes_are_filtered_by_name_and_pool_and_sorted() -> None:
    """What isn't known comes last, whichever way."""
    names = [node["node"] for node in (await small_world().get("nodes", {"sort": "usd_per_hour"}))["nodes"]]
    assert names == ["spot-1", "kept-1", "bare-1"]
    body = await small_world().get("nodes", [("node_pool", "ba*"), ("node_pool", "nothing")])
    assert [node["node"] for node in body["nodes"]] == ["kept-1"]
    body = await small_world().get("nodes", {"node": "*-1", "node_pool": "burst"})
    assert [node["node"] for node in body["nodes"]] == ["spot-1"]


def test_an_age_is_never_below_0() -> None:
    """Pricing's clock may be ahead."""
    assert (age_seconds(2_000_000_000, 3_500_000_000), age_seconds(2, 1)) == (1.5, 0.0)
