"""Refuses prices that can't be: a wrong price is worse than an old one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from kube_cost_common.messages.prices import (
    INSTANCE,
    NETWORK,
    ON_DEMAND,
    SPOT,
    VOLUME_IOPS,
    VOLUME_THROUGHPUT,
    PriceRequest,
    request_key,
)
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.providers.source import API, CUSTOM, Quote

CURRENCY = "currency"
"""Why a price is refused that is in a currency without a configured rate."""

FACTOR = 5.0
"""How far an on-demand price may be off the last one or the snapshot: no list price has moved so far at once."""

CONFIRM_SECONDS = 3600.0
"""A price that far off is believed when it was asked for again and is still the same after this long."""

FREE = frozenset({NETWORK, VOLUME_IOPS, VOLUME_THROUGHPUT})
"""What clouds give away: traffic within a zone, say."""

SPOT_RANGE = (0.02, 1.5)
"""What part of the on-demand price a spot price can be."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A price that isn't believed. `reason`: `not_finite`, `not_positive`, `currency` or `implausible`."""

    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class _Doubt:
    amount: float
    fetched_at_ns: int
    since_seconds: float


class Sanity:
    """Looks at every price before it is used, and counts what it refuses, once for each price.

    `usd_per` has the USD that one unit of each other currency costs. A custom price is the user's word: it may be 0,
    and it may be far off.
    """

    def __init__(self, *, usd_per: Mapping[str, float], clock: Clock, counters: Counters) -> None:
        self._usd_per = {"USD": 1.0, **usd_per}
        self._clock = clock
        self._counters = counters
        self._doubts: dict[tuple[str, str], _Doubt] = {}
        self._counted: dict[tuple[str, str], tuple[float, int]] = {}

    def examine(
        self, request: PriceRequest, quote: Quote, *, last_usd: float | None, on_demand_usd: float | None
    ) -> Quote | Refused:
        """Return the quote in USD, or why it is refused.

        `last_usd` is what the same price was before (or is in the snapshot), `on_demand_usd` what the machine costs on
        demand; None where that isn't known.
        """
        refused = self._refusal(quote, free=request.kind in FREE)
        if refused is None and quote.currency != "USD":
            quote = _in_usd(quote, self._usd_per[quote.currency])
        if refused is None:
            refused = self._implausible(request, quote, last_usd, on_demand_usd)
        if refused is None:
            return quote
        seen = (quote.amount, quote.fetched_at_ns)
        key = (request_key(request), quote.source)
        if repr(self._counted.get(key)) != repr(seen):  # NaN isn't equal to itself
            self._counted[key] = seen
            self._counters.add("kube_cost_prices_refused_total", provider=request.provider, reason=refused.reason)
        return refused

    def _refusal(self, quote: Quote, *, free: bool) -> Refused | None:
        amounts = [quote.amount, *(tier.usd for tier in quote.tiers)]
        if not all(math.isfinite(amount) for amount in amounts):
            return Refused(reason="not_finite", detail=_detail(quote))
        if min(amounts) < 0 or (quote.amount == 0 and quote.source != CUSTOM and not free):
            return Refused(reason="not_positive", detail=_detail(quote))
        if quote.currency not in self._usd_per:
            detail = f"a price in {quote.currency}, for which no rate is configured"
            return Refused(reason=CURRENCY, detail=detail)
        return None

    def _implausible(
        self, request: PriceRequest, quote: Quote, last_usd: float | None, on_demand_usd: float | None
    ) -> Refused | None:
        if quote.source != API or request.kind != INSTANCE:
            return None
        if request.capacity == SPOT and on_demand_usd:
            low, high = (part * on_demand_usd for part in SPOT_RANGE)
            if not low <= quote.amount <= high:
                return Refused(
                    reason="implausible", detail=f"a spot price of {quote.amount}, on demand costs {on_demand_usd}"
                )
        if request.capacity == ON_DEMAND and last_usd:
            return self._too_far(request, quote, last_usd)
        return None

    def _too_far(self, request: PriceRequest, quote: Quote, last_usd: float) -> Refused | None:
        key = (request_key(request), quote.source)
        doubt = self._doubts.get(key)
        if doubt is not None and not math.isclose(doubt.amount, quote.amount, rel_tol=0.01):
            del self._doubts[key]
            doubt = None
        if last_usd / FACTOR <= quote.amount <= last_usd * FACTOR:
            return None
        now = self._clock.monotonic()
        if doubt is None:
            doubt = self._doubts[key] = _Doubt(
                amount=quote.amount, fetched_at_ns=quote.fetched_at_ns, since_seconds=now
            )
        if now - doubt.since_seconds >= CONFIRM_SECONDS and quote.fetched_at_ns > doubt.fetched_at_ns:
            return None
        return Refused(reason="implausible", detail=f"a price of {quote.amount}, it was {last_usd}")


def _in_usd(quote: Quote, usd_per: float) -> Quote:
    tiers = tuple(msgspec.structs.replace(tier, usd=tier.usd * usd_per) for tier in quote.tiers)
    return replace(quote, amount=quote.amount * usd_per, tiers=tiers, currency="USD")


def _detail(quote: Quote) -> str:
    if not quote.tiers:
        return f"a price of {quote.amount}"
    return f"a price of {quote.amount}, by tiers {', '.join(str(tier.usd) for tier in quote.tiers)}"
