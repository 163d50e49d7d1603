"""The last good price of an API stands, whatever it says next."""

import msgspec
import pytest

from harness.price_decisions import SNAPSHOT, Answers, decide, node, quote, record
from kube_cost_common.messages.prices import ON_DEMAND, SPOT
from kube_cost_pricing.changes import Answered, Put, changes
from kube_cost_pricing.demand import asked as asked_for
from kube_cost_pricing.providers.source import Answer, NotYet, Unknown


@pytest.mark.parametrize(
    "answer",
    [
        quote(float("nan")),
        quote(0.0),
        quote(-1.0),
        quote(9.0),
        quote(0.1, currency="IDR"),
        Unknown(reason="it isn't sold", last_stands=True),
        Unknown(reason="ambiguous: two", code="ambiguous", last_stands=True),
    ],
)
@pytest.mark.parametrize("capacity", [ON_DEMAND, SPOT])
async def test_the_last_good_price_of_an_api_stands(answer: Answer, capacity: str) -> None:
    """The table would have one, and so would an estimate: neither replaces what the API said when it could be."""
    request = node(capacity=capacity)
    good = await decide(request, Answers("api", on_demand=quote(0.1), spot=quote(0.05)), SNAPSHOT)
    assert good.record is not None
    assert good.record.source == "api"
    now = await decide(request, Answers("api", on_demand=answer, spot=answer), SNAPSHOT, held=good.record)
    asked = asked_for(request)
    assert changes([Answered(asked=asked, decision=now)], {asked.key: good.record}) == []


async def test_what_an_api_that_is_off_said_is_replaced() -> None:
    """It isn't asked any more, so it doesn't stand."""
    good = await decide(node(), Answers("api", on_demand=quote(0.1)), SNAPSHOT)
    assert good.record is not None
    now = await decide(node(), Answers("api", on_demand=Unknown(reason="off")), SNAPSHOT, held=good.record)
    asked = asked_for(node())
    (change,) = changes([Answered(asked=asked, decision=now)], {asked.key: good.record})
    assert isinstance(change, Put)
    assert change.record.source == "snapshot"


async def test_a_refused_first_price_is_the_tables() -> None:
    """Where nothing stands the next source is taken."""
    price = await record(node(), Answers("api", on_demand=quote(0.0)), SNAPSHOT)
    assert (price.usd, price.source) == (0.096, "snapshot")


async def test_spot_is_judged_by_an_on_demand_price_that_can_be() -> None:
    """The API's is a thousand times off and refused; the table's says that the spot price is a good one."""
    price = await record(node(capacity=SPOT), Answers("api", on_demand=quote(96.0), spot=quote(0.04)), SNAPSHOT)
    assert (price.usd, price.source) == (0.04, "api")


async def test_a_discount_is_no_jump() -> None:
    """90 % off: the list price is compared with the list price of before."""
    api = Answers("api", on_demand=quote(0.1))
    held = (await decide(node(), api, SNAPSHOT)).record
    assert held is not None
    now = (await decide(node(), api, SNAPSHOT, held=msgspec.structs.replace(held, usd=0.01))).record
    assert now is not None
    assert now.source == "api"


async def test_an_estimate_waits_for_the_on_demand_price_it_was_made_of() -> None:
    """At a start the API has said that there is no spot price, and not yet what on demand costs."""
    api = Answers("api", spot=Unknown(reason="no spot price", last_stands=True), on_demand=quote(0.1))
    held = (await decide(node(capacity=SPOT), api, SNAPSHOT)).record
    assert held is not None
    assert (held.source, held.usd) == ("estimate", 0.1)
    started = Answers("api", spot=Unknown(reason="no spot price", last_stands=True), on_demand=NotYet(reason="start"))
    now = await decide(node(capacity=SPOT), started, SNAPSHOT, held=held)
    asked = asked_for(node(capacity=SPOT))
    assert changes([Answered(asked=asked, decision=now)], {asked.key: held}) == []
