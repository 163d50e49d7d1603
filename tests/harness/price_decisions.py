"""Catalogs of a few sources, and what they decide."""

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, VOLUME, PriceRecord, PriceRequest
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters
from kube_cost_price_snapshot import load
from kube_cost_pricing.catalog import Catalog, Decision, DefaultRates
from kube_cost_pricing.custom.document import parse
from kube_cost_pricing.providers.custom import CustomSource
from kube_cost_pricing.providers.snapshot import SnapshotSource
from kube_cost_pricing.providers.source import Answer, PriceSource, Quote, Unknown
from kube_cost_pricing.sanity import Sanity

NOW_NS = 1_800_000_000_000_000_000
AWS_TABLE_NS = 1_784_505_600_000_000_000  # 2026-07-20

DEFAULTS = DefaultRates(usd_per_vcpu_hour=0.031611, usd_per_gib_hour=0.004237, usd_per_gpu_hour=0.95)


class Answers:
    """A source that says what it is told to, by capacity."""

    def __init__(self, name: str, **by_capacity: Answer) -> None:
        self.name = name
        self._by_capacity = by_capacity

    async def price(self, request: PriceRequest) -> Answer:
        return self._by_capacity.get(request.capacity, Unknown(reason=f"{self.name} knows nothing"))


SNAPSHOT = SnapshotSource(snapshot=load())


def quote(amount: float, source: str = "api", **other: object) -> Quote:
    return Quote(amount=amount, unit="hour", source=source, fetched_at_ns=5, **other)  # type: ignore[arg-type]


def node(sku: str = "m5.large", *, capacity: str = ON_DEMAND, **other: object) -> PriceRequest:
    fields: dict[str, object] = {"provider": "aws", "region": "us-east-1", "zone": "us-east-1a", "os": "linux", **other}
    return PriceRequest(kind=INSTANCE, sku=sku, capacity=capacity, **fields)  # type: ignore[arg-type]


def volume(sku: str, *, provider: str = "aws", region: str = "us-east-1") -> PriceRequest:
    return PriceRequest(provider=provider, region=region, zone="", kind=VOLUME, sku=sku, os="", capacity="")


async def decide(
    request: PriceRequest,
    *sources: PriceSource,
    custom: str = "",
    held: PriceRecord | None = None,
    defaults: DefaultRates = DEFAULTS,
) -> Decision:
    """Decide by `sources`, or by the custom prices in `custom` and the shipped table."""
    if not sources:
        own = CustomSource(shapes=SNAPSHOT)
        if custom:
            own.replace(parse(custom, file="prices.yaml", usd_per={}), 77)
        sources = (own, SNAPSHOT)
    sanity = Sanity(usd_per={"EUR": 1.1}, clock=SystemClock(), counters=Counters())
    catalog = Catalog(sources=sources, shapes=SNAPSHOT, default_rates=defaults, sanity=sanity)
    return await catalog.price(request, held=held, now_ns=NOW_NS)


async def record(request: PriceRequest, *sources: PriceSource, custom: str = "") -> PriceRecord:
    decision = await decide(request, *sources, custom=custom)
    assert decision.record is not None
    return decision.record
