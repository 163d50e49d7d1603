"""From a cloud's API to the price bucket: real clients, fake clouds, a real bus."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import structlog

from harness.azure_prices import SIXTY, price_list
from harness.gcp_table import sku
from harness.nats import background, eventually, running_bus, running_nats
from kube_cost_common.messages.codec import RecordDecoder
from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, PriceRecord, PriceRequest, Shape
from kube_cost_common.messages.streams import BUCKETS, PRICES
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.kv import KvBucket
from kube_cost_common.runtime.kv_mirror import KvMirror
from kube_cost_price_snapshot import load
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.calls.breaker import BreakerSettings
from kube_cost_pricing.calls.caller import Caller, CallSettings
from kube_cost_pricing.calls.limiter import Limiter
from kube_cost_pricing.catalog import Catalog, DefaultRates
from kube_cost_pricing.demand import Demand, asked
from kube_cost_pricing.held import Held
from kube_cost_pricing.providers.api import ApiSource
from kube_cost_pricing.providers.registry import cloud_access
from kube_cost_pricing.providers.snapshot import SnapshotSource
from kube_cost_pricing.publisher import Publisher
from kube_cost_pricing.sanity import Sanity
from kube_cost_simulator.clouds.azure import AzureCloud
from kube_cost_simulator.clouds.gcp import GcpCatalog

ZONES = 5
NO_RATES = DefaultRates(usd_per_vcpu_hour=0.0, usd_per_gib_hour=0.0, usd_per_gpu_hour=0.0)


class Pricing:
    """The service's parts between a demand and the bucket; its first call may go at once."""

    def __init__(self, bus: Bus, settings: Mapping[str, Mapping[str, Any]], lifetimes: Lifetimes) -> None:
        clock, log = SystemClock(), structlog.get_logger()
        self.bus, self.counters, self.problems = bus, Counters(), Problems()
        self.held = Held(clock=clock, log=log)
        self.demand = Demand(log=log, counters=self.counters)
        self.source = ApiSource(
            clouds={
                provider: cloud_access(provider, settings=own, ask=self._caller(provider), clock=clock, log=log)
                for provider, own in settings.items()
            },
            lifetimes=lifetimes,
            before=self.held.price,
            on_change=self._wake,
            clock=clock,
            log=log,
            counters=self.counters,
            problems=self.problems,
        )
        snapshot = SnapshotSource(snapshot=load())
        self.publisher = Publisher(
            bucket=KvBucket(bus=bus, name=PRICES.name),
            demand=self.demand,
            held=self.held,
            catalog=Catalog(
                sources=[self.source, snapshot],
                shapes=snapshot,
                default_rates=NO_RATES,
                sanity=Sanity(usd_per={}, clock=clock, counters=self.counters),
            ),
            wanted_labels=lambda: (),
            on_settled=lambda: None,
            clock=clock,
            log=log,
            counters=self.counters,
            problems=self.problems,
        )
        self.mirror = KvMirror(bus=bus, bucket=PRICES.name, clock=clock, log=log, on_change=self.held.replace)

    def _wake(self) -> None:
        self.publisher.wake()

    def _caller(self, provider: str) -> Caller:
        return Caller(
            provider=provider,
            limiter=Limiter(clock=SystemClock(), full_at_start=False),
            settings=CallSettings(timeout_seconds=20.0),
            breaker_settings=BreakerSettings(),
            clock=SystemClock(),
            counters=self.counters,
        )

    def ask(self, requests: Sequence[PriceRequest]) -> None:
        """Let these be the demand."""
        self.demand.requests = tuple(asked(request) for request in requests)
        self.publisher.wake()

    async def look_often(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.publisher.wake()

    def mirrored(self, request: PriceRequest) -> PriceRecord | None:
        """What the bucket has, as a reader of it sees it."""
        entry = self.mirror.entries.get(asked(request).key)
        return None if entry is None or entry.payload is None else RecordDecoder(PriceRecord).decode(entry.payload)

    @property
    def calls(self) -> float:
        return sum(
            reading.value for reading in self.counters.counts() if reading.name == "kube_cost_pricing_api_calls_total"
        )


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with running_nats(tmp_path) as server, running_bus(server.url) as bus:
        await declare(bus, streams=(), buckets=BUCKETS, replicas=1)
        yield bus


@asynccontextmanager
async def pricing(bus: Bus, settings: Mapping[str, Mapping[str, Any]], lifetimes: Lifetimes) -> AsyncIterator[Pricing]:
    """The parts, running."""
    made = Pricing(bus, settings, lifetimes)
    async with (
        background(made.mirror.run()),
        background(made.source.run()),
        background(made.publisher.run()),
        background(made.look_often()),
    ):
        yield made
    await made.source.close()


def machine(sku_name: str, provider: str, region: str, capacity: str = ON_DEMAND, zone: str = "") -> PriceRequest:
    return PriceRequest(provider, region, zone, INSTANCE, sku_name, "linux", capacity, Shape(4.0, 16.0))


async def test_a_changed_price_is_in_the_bucket_within_its_lifetime(bus: Bus) -> None:
    """Azure's, asked every two seconds: the old price first, then the new one, each with its time and source."""
    cloud = AzureCloud(prices=price_list({"Standard_D4s_v5": 0.192}))
    await cloud.start()
    settings = {"azure": {"endpoint": cloud.url, "rows_max_age_seconds": 0.1}}
    request = machine("Standard_D4s_v5", "azure", "eastus")
    try:
        async with pricing(bus, settings, Lifetimes(instances_seconds=2.0, spot_seconds=2.0)) as priced:
            priced.ask([request])

            def usd(expected: float) -> bool:
                record = priced.mirrored(request)
                return record is not None and (record.usd, record.source) == (expected, "api")

            await eventually(lambda: usd(0.192), seconds=20.0)
            cloud.prices = price_list({"Standard_D4s_v5": 0.2})
            await eventually(lambda: usd(0.2), seconds=20.0)
            record = priced.mirrored(request)
            assert record is not None
            assert record.list_usd == 0.2
    finally:
        await cloud.stop()


async def test_one_clouds_outage_is_not_the_others(bus: Bus) -> None:
    """Azure isn't there at all: its nodes have the table's price, Google's are priced by Google."""
    catalog = GcpCatalog(
        skus=[
            sku("c", "N9Q Instance Core", "CPU", ON_DEMAND, "us-central1", "h", Fraction("0.05")),
            sku("r", "N9Q Instance Ram", "RAM", ON_DEMAND, "us-central1", "GiBy.h", Fraction("0.005")),
        ]
    )
    await catalog.start()
    settings: dict[str, dict[str, Any]] = {
        "azure": {"endpoint": "http://127.0.0.1:9"},
        "gcp": {"endpoint": catalog.url},
    }
    theirs = machine("n9q-standard-4", "gcp", "us-central1")
    ours = machine("Standard_D4s_v5", "azure", "eastus")
    try:
        async with pricing(bus, settings, Lifetimes()) as priced:
            priced.ask([ours, theirs])

            def both() -> bool:
                google, azure = priced.mirrored(theirs), priced.mirrored(ours)
                return google is not None and google.source == "api" and azure is not None

            await eventually(both, seconds=30.0)
            azure = priced.mirrored(ours)
            assert azure is not None
            assert azure.source == "snapshot"
            await eventually(lambda: "azure can't be asked" in " ".join(priced.problems.sentences()), seconds=30.0)
    finally:
        await catalog.stop()


async def test_a_thousand_nodes_cost_few_calls(bus: Bus) -> None:
    """60 types in five zones, on demand and spot: six queries of ten types for Azure, one page for Google."""
    cloud = AzureCloud(prices=price_list(SIXTY), page_size=1000)
    await cloud.start()
    google = [f"n9q-custom-{number}-{1024 * number}" for number in range(2, 62)]
    catalog = GcpCatalog(
        skus=[
            sku(f"{part}-{usage}", f"N9Q Instance {part}", group, usage, "us-central1", unit, Fraction("0.005"))
            for part, group, unit in (("Core", "CPU", "h"), ("Ram", "RAM", "GiBy.h"))
            for usage in (ON_DEMAND, SPOT)
        ]
    )
    await catalog.start()
    requests = [
        machine(name, provider, region, capacity, zone)
        for names, provider, region in ((SIXTY, "azure", "eastus"), (google, "gcp", "us-central1"))
        for name in names
        for capacity, zone in ((ON_DEMAND, ""), *((SPOT, f"{region}-{number}") for number in range(1, ZONES + 1)))
    ]
    settings: dict[str, dict[str, Any]] = {"azure": {"endpoint": cloud.url}, "gcp": {"endpoint": catalog.url}}
    on_demand = [request for request in requests if request.capacity == ON_DEMAND]
    try:
        async with pricing(bus, settings, Lifetimes()) as priced:
            priced.ask(requests)

            def all_there() -> bool:
                records = [priced.mirrored(request) for request in on_demand]
                return all(record is not None and record.source == "api" for record in records)

            await eventually(all_there, seconds=60.0)
            await asyncio.sleep(1.0)
            print(f"{len(requests)} prices by {priced.calls:g} calls")
            assert len(cloud.queries) == 6
            assert len(catalog.calls) == 1
            assert priced.calls == 7
    finally:
        await cloud.stop()
        await catalog.stop()
