"""Percent off list prices."""

import pytest

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, VOLUME, PriceRequest, Tier
from kube_cost_pricing.discounts import parse_discounts
from kube_cost_pricing.providers.source import API, CUSTOM, SNAPSHOT, Quote


def request(
    provider: str = "aws", sku: str = "m5.large", kind: str = INSTANCE, capacity: str = ON_DEMAND
) -> PriceRequest:
    return PriceRequest(provider, "r", "", kind, sku, "linux", capacity)


def quote(source: str = API, note: str = "") -> Quote:
    return Quote(amount=1.0, unit="hour", source=source, fetched_at_ns=0, note=note, tiers=(Tier(start=0.0, usd=1.0),))


@pytest.mark.parametrize(
    ("asked", "paid", "amount"),
    [
        (request(), quote(), 0.88),
        (request(sku="c5.large"), quote(SNAPSHOT), 0.95),
        (request(sku="gp3", kind=VOLUME, capacity=""), quote(), 0.95),
        (request(capacity=SPOT), quote(), 1.0),
        (request(), quote(CUSTOM), 1.0),
        (request("gcp", "n2-standard-4"), quote(), 1.0),
        (request(), quote(note="price sheet, as agreed"), 1.0),
    ],
)
def test_a_family_goes_before_its_provider(asked: PriceRequest, paid: Quote, amount: float) -> None:
    """List prices on demand only; its tiers too, and it is said."""
    discounts = parse_discounts("aws=5, aws/m5=12%")
    applied = discounts.apply(asked, paid)
    assert applied.amount == pytest.approx(amount)
    assert applied.tiers[0].usd == pytest.approx(amount)
    assert ("off the list price" in applied.note) is (amount != 1.0)


@pytest.mark.parametrize("text", ["aws", "aws=", "aws=x", "=5", "aws/=5", "aws=-1", "aws=100", "aws=1,aws=2"])
def test_what_is_none_is_named(text: str) -> None:
    """Nothing is taken for 0."""
    with pytest.raises(ValueError, match=r"aws|=5"):
        parse_discounts(text)


def test_nothing_is_no_discount() -> None:
    """An empty setting."""
    assert parse_discounts(" ").percent == {}
