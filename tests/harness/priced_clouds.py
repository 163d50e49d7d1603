"""From scripted clouds to the price bucket, in virtual time: what a process has, and what outlives it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from harness.price_clouds import AskedClouds, ScriptedCloud
from harness.virtual_time import LoopClock
from kube_cost_common.messages.codec import RecordDecoder
from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, PriceRecord, PriceRequest, Shape
from kube_cost_price_snapshot import load
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.catalog import Catalog, DefaultRates
from kube_cost_pricing.demand import Demand, asked
from kube_cost_pricing.held import Held
from kube_cost_pricing.providers.snapshot import SnapshotSource
from kube_cost_pricing.publisher import Publisher
from kube_cost_pricing.sanity import Sanity

_NO_RATES = DefaultRates(usd_per_vcpu_hour=0, usd_per_gib_hour=0, usd_per_gpu_hour=0)


@dataclass(frozen=True)
class Stored:
    """A value of the bucket."""

    payload: bytes | None
    revision: int


class PriceBucket:
    """The bucket, in memory. `writes` counts them."""

    def __init__(self) -> None:
        self.entries: dict[str, Stored] = {}
        self.writes = 0

    async def put(self, key: str, payload: bytes) -> int:
        self.writes += 1
        self.entries[key] = Stored(payload, self.writes)
        return self.writes

    async def delete(self, key: str) -> None:
        self.writes += 1
        self.entries.pop(key, None)

    def price(self, request: PriceRequest) -> PriceRecord | None:
        """What a reader of the bucket finds."""
        stored = self.entries.get(asked(request).key)
        return None if stored is None else RecordDecoder(PriceRecord).decode(stored.payload or b"")


class PricedClouds(AskedClouds):
    """One process: clouds, then the shipped table, into a bucket. `look` is a pass over the demand."""

    def __init__(
        self,
        *,
        lifetimes: Lifetimes,
        requests: Sequence[PriceRequest],
        bucket: PriceBucket | None = None,
        clouds: Mapping[str, ScriptedCloud] | None = None,
    ) -> None:
        log = structlog.get_logger()
        self.held = Held(clock=LoopClock(), log=log)
        super().__init__(lifetimes=lifetimes, before=self.held.price, clouds=clouds)
        self.bucket = bucket or PriceBucket()
        self.demand = Demand(log=log, counters=self.counters)
        self.demand.requests = tuple(asked(request) for request in requests)
        snapshot = SnapshotSource(snapshot=load())
        self.publisher = Publisher(
            bucket=self.bucket,
            demand=self.demand,
            held=self.held,
            catalog=Catalog(
                sources=[self.source, snapshot],
                shapes=snapshot,
                default_rates=_NO_RATES,
                sanity=Sanity(usd_per={}, clock=self.clock, counters=self.counters),
            ),
            wanted_labels=lambda: (),
            on_settled=lambda: None,
            clock=self.clock,
            log=log,
            counters=self.counters,
            problems=self.problems,
        )

    async def settle(self) -> None:
        """One pass, by what the bucket has."""
        self.held.replace(self.bucket.entries)
        assert await self.publisher.settle()

    def in_force(self) -> list[PriceRecord | None]:
        """What the bucket has for each request."""
        return [self.bucket.price(one.request) for one in self.demand.requests]

    def counted(self, name: str, **labels: str) -> float:
        """The sum of a counter's series that have these labels."""
        return sum(
            reading.value
            for reading in self.counters.counts()
            if reading.name == name and labels.items() <= reading.labels.items()
        )

    def oldest_seconds(self) -> float:
        """The greatest age that is shown."""
        return max(reading.value for reading in self.publisher.ages())


def tabled_types(count: int, provider: str = "azure", region: str = "eastus") -> list[PriceRequest]:
    """Types that the shipped table has for about 0.2 USD, on demand, and spot in one zone: two requests each."""
    table = load()
    names = [
        name
        for name in table.instance_types(provider)
        if (price := table.price(provider, region, name, ON_DEMAND)) is not None and 0.1 < price.usd_per_hour < 0.4
    ][:count]
    assert len(names) == count
    return [
        PriceRequest(provider, region, zone, INSTANCE, name, "linux", capacity, Shape(4.0, 16.0))
        for name in names
        for capacity, zone in ((ON_DEMAND, ""), (SPOT, f"{region}-1"))
    ]
