"""What a cloud has to be able to say. A fourth cloud is one file with these four questions."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from kube_cost_common.messages.prices import LOAD_BALANCER, PriceRequest
from kube_cost_pricing.providers.source import Answer, Quote

T = TypeVar("T")

INSTANCE_PRICE = "instance_price"
SPOT_PRICE = "spot_price"
STORAGE_PRICE = "storage_price"
NETWORK_PRICE = "network_price"
LOAD_BALANCER_PRICE = "load_balancer_price"
CONTROL_PLANE_PRICE = "control_plane_price"
PRICE_SHEET = "price_sheet"

ENDPOINTS = (
    INSTANCE_PRICE,
    SPOT_PRICE,
    STORAGE_PRICE,
    NETWORK_PRICE,
    LOAD_BALANCER_PRICE,
    CONTROL_PLANE_PRICE,
    PRICE_SHEET,
)
"""What a call is for, as metrics and the circuit breakers know it."""

Tell = Callable[[PriceRequest, Answer], None]
"""Takes the answer to one of the requests, as soon as it is known; a `NotYet` is asked again later."""

Seen = Callable[[str], None]
"""Takes a line about one row that was looked at: which, and why it was taken or left. For `lookup`."""


HOURS_ALONE = "its hours alone: what goes through it, and rules beyond the first, are billed beside"
"""Of a load balancer: capacity units (AWS), GiB (Google), GB and rules beyond five (Azure): nobody counts them here."""


def noted(request: PriceRequest, answer: Answer) -> Answer:
    """Return the answer with what it leaves out, said in its note."""
    if request.kind != LOAD_BALANCER or not isinstance(answer, Quote):
        return answer
    return replace(answer, note="; ".join(part for part in (answer.note, HOURS_ALONE) if part))


class Ask(Protocol):
    """Makes calls to the cloud within its limits."""

    async def __call__(self, endpoint: str, operation: Callable[[], Awaitable[T]]) -> T:
        """Return what `operation` returns: one request over the network, without retries of its own.

        Waits for the limit of calls a minute, bounds the time, and does it again after a failure that passes.
        `operation` raises CallFailedError for all that can go wrong, and so does this.
        """
        ...


class CloudPrices(Protocol):
    """One cloud. It asks and understands; what is cached, when and how often is asked are others' business.

    Each question is for requests of one region (which may be empty where the cloud doesn't price by region), one kind
    of topic, all at once, so that a cloud can group them. `tell` is called once for each request; an `Unknown` says
    that it isn't sold, or which of several candidates couldn't be told apart. All may raise CallFailedError: the
    requests that weren't told are asked again later.
    """

    @property
    def provider(self) -> str:
        """The cloud's name in requests: `aws`, `gcp`, `azure`."""
        ...

    async def instances(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell the on-demand prices of machines, and of pods without a node."""
        ...

    async def spot(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell the spot prices of machines and of pods without a node; each request names its zone."""
        ...

    async def storage(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell the prices of volumes: capacity, operations, throughput."""
        ...

    async def network(self, region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        """Tell the prices of traffic, of load balancers and of the control plane."""
        ...

    async def close(self) -> None:
        """End connections."""
        ...
