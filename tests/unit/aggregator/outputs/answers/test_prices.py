"""The price book."""

from dataclasses import replace

from msgspec import structs

from harness.api import small_world
from harness.costs import STARTED_NS
from harness.records import price_record
from kube_cost_aggregator.state.prices import PriceBook, Since
from kube_cost_common.messages.prices import PriceDemand, PriceRequest, Tier, labels_hash, request_key

REQUEST = PriceRequest(
    provider="aws", region="us-east-1", zone="", kind="instance", sku="m5.xlarge", os="linux", capacity="on_demand"
)


async def test_a_price_says_what_it_is_of_and_where_from() -> None:
    """And whether something in the cluster has it."""
    (price,) = (await small_world().get("prices", {"needed": "true", "sku": "m5*"}))["prices"]
    assert (price["sku"], price["capacity_type"], price["zone"], price["needed"]) == (
        "m5.large",
        "spot",
        "us-east-1a",
        True,
    )
    assert (price["usd"], price["list_usd"], price["unit"], price["source"]) == ("0.04", "0.05", "hour", "api")
    assert (price["fetched_at"], price["age_seconds"]) == ("2027-01-15T08:00:00Z", 0.0)
    assert price["effective_from"] == "2027-01-03T18:13:20Z"


async def test_a_price_that_is_needed_and_missing_says_why() -> None:
    """It has no amount."""
    body = await small_world().get("prices", {"sku": "x9.huge"})
    (price,) = body["prices"]
    assert (body["missing"], price["usd"], price["needed"]) == (1, None, True)
    assert (price["missing_reason"], price["missing_detail"]) == ("no_price", "nobody sells an x9.huge")


async def test_prices_of_others_can_be_left_out_or_be_all() -> None:
    """The bucket may hold what other clusters need."""
    (price,) = (await small_world().get("prices", {"needed": "false"}))["prices"]
    assert price["sku"] == "m5.xlarge"
    assert (await small_world().get("prices", {"kind": "volume"}))["prices"] == []
    assert (await small_world().get("prices", {"source": "custom"}))["prices"] == []


async def test_a_price_bound_to_labels_goes_before_the_others() -> None:
    """By whom the labels say."""
    world, labels = small_world(), {"team": "a"}
    bound = price_record(0.3, source="custom", labels_hash=labels_hash(labels))
    world.demand = PriceDemand(cluster="c", requests=[structs.replace(REQUEST, labels=labels)])
    world.book = PriceBook(
        records={
            request_key(REQUEST): [Since(STARTED_NS, price_record(0.4))],
            request_key(REQUEST, labels_hash=labels_hash(labels)): [Since(STARTED_NS, bound)],
        }
    )
    prices = (await world.get("prices", {"sort": "usd"}))["prices"]
    assert [(price["usd"], price["needed"]) for price in prices] == [("0.3", True), ("0.4", False)]


async def test_tiers_are_amounts_and_prices() -> None:
    """As JSON an object, as CSV pairs."""
    world = small_world()
    tiered = price_record(0.09, kind="network", tiers=[Tier(0, 0.09), Tier(10_240, 0.085)])
    world.book = replace(world.book, records={request_key(REQUEST): [Since(STARTED_NS, tiered)]})
    (price,) = (await world.get("prices", {"kind": "network"}))["prices"]
    assert price["tiers"] == {"0": "0.09", "10240": "0.085"}
    async with world.client() as client, client.get("/api/v1/prices?kind=network&format=csv") as answer:
        assert ",0=0.09 10240=0.085," in await answer.text()
