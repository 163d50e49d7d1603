"""From rows to a price: the price sheet's where it has the meter, else the list price."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kube_cost_common.messages.prices import PriceRequest, Tier
from kube_cost_pricing.providers.azure.rows import Listing, Row, not_in_force
from kube_cost_pricing.providers.azure.sheet import SheetState
from kube_cost_pricing.providers.azure.units import parse
from kube_cost_pricing.providers.cloud import Seen
from kube_cost_pricing.providers.source import AMBIGUOUS, API, Answer, Quote, Unknown

Judge = Callable[[Row], str]
"""Says why a row isn't the price in question, or nothing where it is."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked: in words, per which of Azure's measures, and what the unit is called in the quote."""

    words: str
    measure: str
    unit: str


@dataclass(frozen=True)
class Paid:
    """What a row costs per the measure that was asked for, by the price sheet or by the list."""

    amount: float
    currency: str
    by_sheet: bool
    row: Row


class PriceBook:
    """Prices of one answer to one question. `seen` gets a line for each row."""

    def __init__(self, *, state: SheetState, now_ns: int, seen: Seen) -> None:
        self._state = state
        self._now_ns = now_ns
        self._seen = seen

    def single(
        self, listing: Listing, judge: Judge, wanted: Wanted, *, before: Callable[[Row], bool] | None = None
    ) -> Answer:
        """Return the one price that the rows leave, `Unknown` where they leave none or several that differ.

        Rows for which `before` is true go before those for which it isn't.
        """
        paid = self.paid(listing.rows, judge, wanted)
        if not paid:
            return not_sold(wanted.words)
        if before is not None:
            paid = self._first_choice(paid, before)
        clash = _clash(paid)
        if clash:
            return ambiguous(wanted.words, clash)
        first = paid[0]
        return Quote(
            amount=first.amount,
            unit=wanted.unit,
            source=API,
            fetched_at_ns=listing.fetched_at_ns,
            currency=first.currency,
            note=self._note(paid),
        )

    def by_amount(self, listing: Listing, judge: Judge, wanted: Wanted) -> Answer:
        """Return a price with a tier for each `tierMinimumUnits`; the amount is that of the first that costs."""
        steps: dict[float, list[Paid]] = {}
        for each in self.paid(listing.rows, judge, wanted):
            steps.setdefault(each.row.tier_minimum_units, []).append(each)
        answer = self.stepped(sorted(steps.items()), listing, wanted)
        if isinstance(answer, Quote) and len(answer.tiers) == 1 and not answer.tiers[0].start:
            return replace(answer, tiers=())
        return answer

    def stepped(self, steps: Sequence[tuple[float, Sequence[Paid]]], listing: Listing, wanted: Wanted) -> Answer:
        """Return a price with a tier for each of `steps`: from how many units on, and the candidates for it."""
        every = [each for _, paid in steps for each in paid]
        if not every:
            return not_sold(wanted.words)
        for start, paid in steps:
            clash = _clash(paid)
            if clash:
                return ambiguous(f"{wanted.words} from {start:g} on", clash)
        currencies = sorted({each.currency for each in every})
        if len(currencies) > 1:
            return ambiguous(wanted.words, f"prices in {' and '.join(currencies)}")
        tiers = tuple(Tier(start=start, usd=paid[0].amount) for start, paid in steps)
        costing = next((tier.usd for tier in tiers if tier.usd != 0), tiers[0].usd)
        return Quote(
            amount=costing,
            unit=wanted.unit,
            source=API,
            fetched_at_ns=listing.fetched_at_ns,
            currency=currencies[0],
            note=self._note(every),
            tiers=tiers,
        )

    def paid(self, rows: Sequence[Row], judge: Judge, wanted: Wanted) -> list[Paid]:
        """Return what is left of the rows, each with what it costs per the wanted measure."""
        found = []
        for row in rows:
            reason = not_in_force(row, self._now_ns) or judge(row)
            if reason:
                self._seen(f"left: {row}: {reason}")
                continue
            paid = self._price(row, wanted)
            if paid is not None:
                found.append(paid)
        return found

    def _first_choice(self, paid: list[Paid], before: Callable[[Row], bool]) -> list[Paid]:
        chosen = [each for each in paid if before(each.row)]
        if not chosen:
            return paid
        for each in paid:
            if each not in chosen:
                self._seen(f"left: {each.row}: another row goes before it")
        return chosen

    def _price(self, row: Row, wanted: Wanted) -> Paid | None:
        measure = parse(row.unit_of_measure)
        amount = measure.price_per(row.retail_price, wanted.measure) if measure is not None else None
        if amount is None:
            self._seen(f"left: {row}: it isn't per {wanted.measure}")
            return None
        agreed = self._agreed(row, wanted)
        self._seen(f"taken: {row}{f': the price sheet has {agreed.amount} {agreed.currency}' if agreed else ''}")
        return agreed or Paid(amount, row.currency_code, by_sheet=False, row=row)

    def _agreed(self, row: Row, wanted: Wanted) -> Paid | None:
        """A meter's free part stays free: the sheet has one price a meter."""
        if self._state.sheet is None or row.retail_price == 0:
            return None
        found = self._state.sheet.price(row.meter_id)
        if found is None:
            return None
        amount = found.measure.price_per(found.amount, wanted.measure) if found.amount is not None else None
        if amount is None:
            self._seen(f"the price sheet has no one price per {wanted.measure} for meter {row.meter_id}")
            return None
        return Paid(amount, found.currency, by_sheet=True, row=row)

    def _note(self, paid: Sequence[Paid]) -> str:
        if not self._state.wanted:
            return ""
        by_sheet = sum(each.by_sheet for each in paid)
        if by_sheet == len(paid):
            return "price sheet"
        if by_sheet:
            return f"price sheet, {len(paid) - by_sheet} of {len(paid)} tiers at retail price"
        return f"retail price: {self._state.why_not or 'the price sheet has no such meter'}"


def not_sold(words: str) -> Unknown:
    """Return that the list has no such price."""
    return Unknown(reason=f"Azure's price list has no {words}")


def ambiguous(words: str, clash: str) -> Unknown:
    """Return that several prices are left, with what tells them apart."""
    return Unknown(reason=f"ambiguous: {words}: {clash}", code=AMBIGUOUS)


def by_request(request: PriceRequest) -> str:
    """Return the machine of a request in words."""
    capacity = request.capacity.replace("_", "-")
    return f"{capacity} price of {request.sku} with {request.os or 'linux'} in {request.region}"


def _clash(paid: Sequence[Paid]) -> str:
    """Prices of NaN are no clash: what can't be a price is refused by who knows all of them."""
    first = paid[0]
    same = all(
        each.currency == first.currency
        and (each.amount == first.amount or (math.isnan(each.amount) and math.isnan(first.amount)))
        for each in paid
    )
    return "" if same else "; ".join(sorted({str(each.row) for each in paid}))
