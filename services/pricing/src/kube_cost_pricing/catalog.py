"""Decides which price answers a request.

Sources are asked in the order of `RANKS`: the user's custom price, the rate from the bill, the provider's API, the
shipped snapshot. The first exact price is taken. Where there is none:

1. for spot, the exact on-demand price: an estimate, with the note "no spot price known";
2. what a source has near by (another region's price, Linux for Windows): an estimate, with the source's note;
3. for spot, the same of on demand;
4. for a machine whose shape is known, the configured rates per vCPU, GiB and GPU: an estimate; not where its price is
   known in a currency without a rate.

Else the request stays without a price, and the reasons of all sources are kept.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from kube_cost_common.domain.nodes import price_zone
from kube_cost_common.messages.prices import (
    INSTANCE,
    ON_DEMAND,
    SPOT,
    PriceRecord,
    PriceRequest,
    Shape,
    labels_hash,
    own_labels_hash,
)
from kube_cost_pricing.discounts import NO_DISCOUNTS, Discounts
from kube_cost_pricing.providers.source import (
    API,
    BILL,
    CUSTOM,
    ESTIMATE,
    NO_PRICE,
    SNAPSHOT,
    Answer,
    NotYet,
    PriceSource,
    Quote,
    Shapes,
    Unknown,
)
from kube_cost_pricing.sanity import CURRENCY, Refused, Sanity

NO_SPOT_PRICE = "no spot price known"
DEFAULT_RATES = "no price known: configured default per vCPU, GiB and GPU"


@dataclass(frozen=True, kw_only=True)
class DefaultRates:
    """USD per hour of a vCPU, a GiB of memory and a GPU where nothing else is known; 0 is no such rate."""

    usd_per_vcpu_hour: float
    usd_per_gib_hour: float
    usd_per_gpu_hour: float


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one source said to a request: to the request itself and, where that is for spot, for on demand."""

    source: str
    wanted: Answer
    on_demand: Answer | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The price that answers a request, or None and why not: a sentence, and the code of the source believed most.

    `pending` are the sources that may yet have a better one: what they said before still holds. `standing` are those
    that said something better before, and nothing now that can be believed: their last price stands.
    """

    record: PriceRecord | None
    reason: str = ""
    code: str = ""
    pending: frozenset[str] = frozenset()
    standing: frozenset[str] = frozenset()


class Catalog:
    """Asks the sources, has their prices examined, and decides."""

    def __init__(
        self,
        *,
        sources: Sequence[PriceSource],
        shapes: Shapes,
        default_rates: DefaultRates,
        sanity: Sanity,
        discounts: Discounts = NO_DISCOUNTS,
    ) -> None:
        """Take the sources, the one that is believed most first, and what is taken off list prices."""
        self._sources = sources
        self._shapes = shapes
        self._default_rates = default_rates
        self._sanity = sanity
        self._discounts = discounts

    @property
    def source_names(self) -> frozenset[str]:
        """The sources that there are."""
        return frozenset(source.name for source in self._sources)

    async def price(self, request: PriceRequest, *, held: PriceRecord | None, now_ns: int) -> Decision:
        """Return the price for `request`; `held` is the one in force, `now_ns` Unix nanoseconds of now."""
        zone = price_zone(provider=request.provider, region=request.region, zone=request.zone, capacity_type=ON_DEMAND)
        on_demand_request = msgspec.structs.replace(request, capacity=ON_DEMAND, zone=zone)
        is_spot = request.kind == INSTANCE and request.capacity == SPOT
        asked = [
            Said(
                source=source.name,
                wanted=await source.price(request),
                on_demand=await source.price(on_demand_request) if is_spot else None,
            )
            for source in self._sources
        ]
        return decide(
            request,
            self._examined(request, on_demand_request, asked, held),
            nominal=self._shapes.shape(request),
            default_rates=self._default_rates,
            discounts=self._discounts,
            now_ns=now_ns,
        )

    def _examined(
        self, request: PriceRequest, on_demand_request: PriceRequest, asked: list[Said], held: PriceRecord | None
    ) -> list[Said]:
        listed = _first_usd([said.wanted for said in asked if said.source == SNAPSHOT])
        last = held.list_usd if held is not None and held.source == API else listed

        def examined(question: PriceRequest, answer: Answer, last_usd: float | None, on_demand: float | None) -> Answer:
            if not isinstance(answer, Quote):
                return answer
            verdict = self._sanity.examine(question, answer, last_usd=last_usd, on_demand_usd=on_demand)
            if isinstance(verdict, Refused):
                return Unknown(
                    reason=f"refused: {verdict.detail}", code=verdict.reason, last_stands=answer.source == API
                )
            return verdict

        listed_on_demand = _first_usd(
            [said.on_demand for said in asked if said.source == SNAPSHOT and said.on_demand is not None]
        )
        on_demands = [
            None if said.on_demand is None else examined(on_demand_request, said.on_demand, listed_on_demand, None)
            for said in asked
        ]
        on_demand = _first_usd([answer for answer in on_demands if answer is not None])
        return [
            Said(source=said.source, wanted=examined(request, said.wanted, last, on_demand), on_demand=answer)
            for said, answer in zip(asked, on_demands, strict=True)
        ]


def decide(
    request: PriceRequest,
    asked: Sequence[Said],
    *,
    nominal: Shape | None,
    default_rates: DefaultRates,
    discounts: Discounts = NO_DISCOUNTS,
    now_ns: int,
) -> Decision:
    """Return the price for `request` from what the sources said, in their order of rank."""
    wanted = [said.wanted for said in asked]
    on_demand = [said.on_demand for said in asked if said.on_demand is not None]
    in_other_money = any(isinstance(answer, Unknown) and answer.code == CURRENCY for answer in wanted)
    chosen = (
        _first(wanted, exact=True)
        or _noted(_first(on_demand, exact=True), NO_SPOT_PRICE)
        or _noted(_first(wanted, exact=False))
        or _noted(_first(on_demand, exact=False), NO_SPOT_PRICE)
        or (None if in_other_money else _default(request, nominal, default_rates, now_ns))
    )
    waiting = {said.source for said in asked if isinstance(said.wanted, NotYet) or isinstance(said.on_demand, NotYet)}
    if chosen is None:
        why = [answer for answer in wanted if not isinstance(answer, Quote)]
        codes = [answer.code for answer in why if answer.code != NO_PRICE]
        return Decision(
            record=None,
            reason="; ".join(dict.fromkeys(answer.reason for answer in why)),
            code=codes[0] if codes else NO_PRICE,
            pending=frozenset(waiting),
        )
    names = [said.source for said in asked]
    better = names[: names.index(chosen.source)] if chosen.source in names else names
    paid = discounts.apply(request, chosen)
    record = _record(request, paid, list_usd=_list_usd(chosen, wanted), nominal=nominal, now_ns=now_ns)
    standing = {said.source for said in asked if isinstance(said.wanted, Unknown) and said.wanted.last_stands}
    return Decision(
        record=record,
        pending=frozenset(better).intersection(waiting),
        standing=frozenset(better).intersection(standing),
    )


def _first(answers: Sequence[Answer], *, exact: bool) -> Quote | None:
    return next((answer for answer in answers if isinstance(answer, Quote) and answer.exact is exact), None)


def _first_usd(answers: Sequence[Answer]) -> float | None:
    """Return the first exact price in USD."""
    exact = _first(answers, exact=True)
    return exact.amount if exact is not None and exact.currency == "USD" and math.isfinite(exact.amount) else None


def _noted(quote: Quote | None, note: str = "") -> Quote | None:
    if quote is None:
        return None
    notes = [text for text in (note, quote.note) if text]
    return replace(quote, source=ESTIMATE, note="; ".join(notes))


def _default(request: PriceRequest, nominal: Shape | None, rates: DefaultRates, now_ns: int) -> Quote | None:
    shape = nominal or request.shape
    if request.kind != INSTANCE or shape is None:
        return None
    usd = (
        shape.vcpu * rates.usd_per_vcpu_hour
        + shape.memory_gib * rates.usd_per_gib_hour
        + shape.gpus * rates.usd_per_gpu_hour
    )
    if usd <= 0:
        return None
    return Quote(amount=usd, unit="hour", source=ESTIMATE, fetched_at_ns=now_ns, note=DEFAULT_RATES)


def _list_usd(chosen: Quote, wanted: Sequence[Answer]) -> float:
    """Return the price before discounts: for a custom price or a billed rate, what the provider asks, where known."""
    if chosen.source in (CUSTOM, BILL):
        asked = [answer for answer in wanted if isinstance(answer, Quote) and answer.source in (API, SNAPSHOT)]
        listed = _first(asked, exact=True)
        if listed is not None:
            return listed.amount
    return chosen.amount


def _record(request: PriceRequest, quote: Quote, *, list_usd: float, nominal: Shape | None, now_ns: int) -> PriceRecord:
    return PriceRecord(
        provider=request.provider,
        region=request.region,
        zone=request.zone,
        kind=request.kind,
        sku=request.sku,
        os=request.os,
        capacity=request.capacity,
        usd=quote.amount,
        list_usd=list_usd,
        unit=quote.unit,
        currency="USD",
        shape=quote.shape or nominal,
        weights=quote.weights,
        tiers=list(quote.tiers),
        source=quote.source,
        fetched_at_ns=quote.fetched_at_ns,
        effective_from_ns=now_ns,
        labels_hash=labels_hash(request.labels) if quote.by_labels else own_labels_hash(request),
        note=quote.note,
    )
