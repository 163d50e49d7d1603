"""What the user has off the list prices: a percentage by provider, and by family of machines."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from kube_cost_common.domain.nodes import instance_family
from kube_cost_common.messages.prices import INSTANCE, SPOT, PriceRequest
from kube_cost_pricing.providers.source import API, SNAPSHOT, Quote

PRICE_SHEET = "price sheet"
"""What a quote's note begins with that is negotiated already."""


@dataclass(frozen=True, kw_only=True)
class Discounts:
    """Percentages by provider (`aws`), and by provider and instance family (`aws/m5`), which goes before.

    They are taken off list prices on demand. Spot prices have none, nor does what the user or an agreement says.
    """

    percent: Mapping[str, float] = field(default_factory=dict)

    def off(self, request: PriceRequest, quote: Quote) -> float:
        """Return the part of a price that is taken off, 0 for none."""
        if quote.source not in (API, SNAPSHOT) or request.capacity == SPOT or quote.note.startswith(PRICE_SHEET):
            return 0.0
        family = instance_family(request.provider, request.sku) if request.kind == INSTANCE else ""
        percent = self.percent.get(f"{request.provider}/{family}") if family else None
        return (self.percent.get(request.provider, 0.0) if percent is None else percent) / 100

    def apply(self, request: PriceRequest, quote: Quote) -> Quote:
        """Return a quote as it is paid; its note says what was taken off."""
        off = self.off(request, quote)
        if not off:
            return quote
        notes = [f"{100 * off:g} % off the list price", quote.note]
        return replace(
            quote,
            amount=quote.amount * (1 - off),
            tiers=tuple(msgspec.structs.replace(tier, usd=tier.usd * (1 - off)) for tier in quote.tiers),
            note="; ".join(note for note in notes if note),
        )


NO_DISCOUNTS = Discounts()


def parse_discounts(text: str) -> Discounts:
    """Return the discounts in `aws=5,aws/m5=12.5,gcp=10`; raise ValueError, which says what is wrong."""
    percent: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        provider, slash, family = name.partition("/")
        try:
            value = float(number.removesuffix("%"))
        except ValueError:
            value = -1.0
        if not provider or (slash and not family) or not 0 <= value < 100:
            raise ValueError(
                f"{part!r} is no discount; expected percent by provider or family, like aws=5 or aws/m5=12"
            )
        if name in percent:
            raise ValueError(f"{part!r}: {name} has its discount already")
        percent[name] = value
    return Discounts(percent=percent)
