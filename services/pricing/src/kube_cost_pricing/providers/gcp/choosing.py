"""One fact of several, and sums of them. Where they don't agree nothing is chosen: a wrong price is worse than none."""

from collections.abc import Sequence
from dataclasses import dataclass

from kube_cost_pricing.providers.cloud import Seen
from kube_cost_pricing.providers.gcp.catalogue import Catalogue
from kube_cost_pricing.providers.gcp.facts import Fact, Key
from kube_cost_pricing.providers.source import AMBIGUOUS, Unknown


@dataclass(frozen=True, kw_only=True)
class Item:
    """So many units of what a SKU sells; `per_hour` turns its price into one per hour (1/730 for storage)."""

    count: float
    fact: Fact
    per_hour: float = 1.0

    @property
    def cost(self) -> float:
        """Price per hour of all of it."""
        return self.count * self.fact.amount * self.per_hour


@dataclass(frozen=True, kw_only=True)
class Total:
    """What the items cost together, per hour."""

    amount: float
    currency: str


def choose(catalogue: Catalogue, region: str, key: Key, *, seen: Seen) -> Fact | Unknown:
    """Return the fact for `key` in `region`, or why there isn't one: it isn't sold, or its prices differ."""
    facts = catalogue.find(region, key)
    if not facts:
        what = " ".join(part for part in (key.capacity, key.name, key.part.replace("_", " ")) if part)
        return Unknown(reason=f"Google Cloud sells no {what} in {region}")
    if len({(fact.currency, fact.tiers) for fact in facts}) > 1:
        names = " and ".join(f"{fact.description} ({fact.sku_id}) at {fact.amount:g}" for fact in facts)
        for fact in facts:
            seen(f"{fact.description} ({fact.sku_id}): left out, ambiguous at {fact.amount:g} {fact.currency}")
        return Unknown(reason=f"ambiguous: {names}", code=AMBIGUOUS)
    seen(f"{facts[0].description} ({facts[0].sku_id}): taken, {facts[0].amount:g} {facts[0].currency}")
    return facts[0]


def add_up(items: Sequence[Item]) -> Total | Unknown:
    """Return the sum.

    A part that costs nothing, or less, makes the whole price 0 or less, so that it is refused: the rest of the sum
    would look like a price. Items in several currencies have no sum.
    """
    currencies = {item.fact.currency for item in items}
    if len(currencies) != 1:
        return Unknown(reason=f"its parts are priced in {', '.join(sorted(currencies)) or 'nothing'}")
    impossible = [item.fact.amount for item in items if item.count > 0 and not item.fact.amount > 0]
    if impossible:
        return Total(amount=min(impossible), currency=currencies.pop())
    return Total(amount=sum(item.cost for item in items), currency=currencies.pop())
