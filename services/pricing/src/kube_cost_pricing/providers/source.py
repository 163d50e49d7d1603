"""What a source of prices is asked, and what it can say."""

from dataclasses import dataclass
from typing import Protocol

from kube_cost_common.messages.prices import PriceRequest, Shape, Tier, Weights

CUSTOM = "custom"
BILL = "bill"
API = "api"
SNAPSHOT = "snapshot"
ESTIMATE = "estimate"

RANKS = (CUSTOM, BILL, API, SNAPSHOT, ESTIMATE)
"""The values of `PriceRecord.source`, the one that is believed most first."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A price that a source has: `amount` of `currency` per `unit` (`hour`, or `gib_month` of 730 h).

    `exact` is false for a price of something near to what was asked for (another region's, say), and `note` says what
    of. `by_labels` is true where it holds only for the labels of the request. `fetched_at_ns` is Unix nanoseconds of
    when the source was last known to ask that price. `shape` and `weights` are None where the source doesn't know them.
    """

    amount: float
    unit: str
    source: str
    fetched_at_ns: int
    currency: str = "USD"
    exact: bool = True
    note: str = ""
    by_labels: bool = False
    shape: Shape | None = None
    weights: Weights | None = None
    tiers: tuple[Tier, ...] = ()


NO_PRICE = "no_price"
NO_REGION = "no_region"
NO_INSTANCE_TYPE = "no_instance_type"
AMBIGUOUS = "ambiguous"
API_WAITING = "api_waiting"
API_FAILING = "api_failing"

CODES = frozenset({NO_PRICE, NO_REGION, NO_INSTANCE_TYPE, AMBIGUOUS, API_WAITING, API_FAILING})
"""Why there is no price, in a word that a metric can have; a price that `Sanity` refused has its reason there."""


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """The source has no such price, and `reason` says why: it isn't its business, or it isn't sold.

    `last_stands` is true where the source was asked and has none any more, or none that can be: the last one that it
    had is better than what others have.
    """

    reason: str
    code: str = NO_PRICE
    last_stands: bool = False


@dataclass(frozen=True, kw_only=True)
class NotYet:
    """The source may have such a price but can't say now; `reason` says what it waits for."""

    reason: str
    code: str = API_WAITING


Answer = Quote | Unknown | NotYet


class PriceSource(Protocol):
    """Where prices come from. It answers from memory or within its own time limit, and raises nothing.

    One question covers all that a cluster needs: the request's `kind` says of what (an instance, a volume, traffic),
    its `capacity` whether on demand or spot, its region and zone where.
    """

    @property
    def name(self) -> str:
        """One of `RANKS`: the `source` of its exact prices."""
        ...

    async def price(self, request: PriceRequest) -> Answer:
        """Return the price for exactly that capacity and kind, or why there is none."""
        ...


class Shapes(Protocol):
    """Who knows what a machine type nominally has."""

    def shape(self, request: PriceRequest) -> Shape | None:
        """Return the nominal shape of the requested machine type, or None where it isn't known."""
        ...
