"""Passes over all prices: what a failing bus, a missing price and a forgotten rule do to them."""

import structlog

from kube_cost_common.messages.codec import RecordDecoder, encode
from kube_cost_common.messages.names import demand_key
from kube_cost_common.messages.prices import (
    INSTANCE,
    LABELS_KEY,
    ON_DEMAND,
    UNPRICED_KEY,
    PriceDemand,
    PriceRecord,
    PriceRequest,
    UnpricedRequests,
    WantedLabels,
)
from kube_cost_common.runtime.bus import BusError
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.kv import KvEntry
from kube_cost_price_snapshot import load
from kube_cost_pricing.catalog import Catalog, DefaultRates
from kube_cost_pricing.custom.document import parse
from kube_cost_pricing.demand import Demand, asked
from kube_cost_pricing.held import Held
from kube_cost_pricing.providers.custom import CustomSource
from kube_cost_pricing.providers.snapshot import SnapshotSource
from kube_cost_pricing.publisher import FORGET_SECONDS, Publisher
from kube_cost_pricing.sanity import Sanity

NO_RATES = DefaultRates(usd_per_vcpu_hour=0, usd_per_gib_hour=0, usd_per_gpu_hour=0)
BATCH = "nodes: [{node_labels: {pool: batch}, usd_per_hour: 0.05}]"


class HandClock:
    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def now_ns(self) -> int:
        return int(self.seconds * 1e9)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Memory:
    """A bucket in memory, which is away when told so."""

    def __init__(self) -> None:
        self.entries: dict[str, KvEntry] = {}
        self.away = False
        self.writes = 0

    async def put(self, key: str, payload: bytes) -> int:
        self._write()
        self.entries[key] = KvEntry(payload=payload, revision=self.writes, created_ns=0)
        return self.writes

    async def delete(self, key: str) -> None:
        self._write()
        self.entries.pop(key, None)

    def _write(self) -> None:
        if self.away:
            raise BusError("disconnected", "the bus is away")
        self.writes += 1


class Passes:
    """A publisher with its parts."""

    def __init__(self, custom: str = "") -> None:
        self.clock, self.bucket = HandClock(), Memory()
        self.counters, self.problems = Counters(), Problems()
        log = structlog.get_logger()
        snapshot = SnapshotSource(snapshot=load())
        self.custom = CustomSource(shapes=snapshot)
        if custom:
            self.write_custom(custom)
        self.demand = Demand(log=log, counters=self.counters)
        self.held = Held(clock=self.clock, log=log)
        self.settled = 0
        self.publisher = Publisher(
            bucket=self.bucket,
            demand=self.demand,
            held=self.held,
            catalog=Catalog(
                sources=[self.custom, snapshot],
                shapes=snapshot,
                default_rates=NO_RATES,
                sanity=Sanity(usd_per={}, clock=self.clock, counters=self.counters),
            ),
            wanted_labels=lambda: None if self.custom.waiting else self.custom.label_names,
            on_settled=self._settled,
            clock=self.clock,
            log=log,
            counters=self.counters,
            problems=self.problems,
        )

    def _settled(self) -> None:
        self.settled += 1

    def write_custom(self, text: str) -> None:
        self.custom.replace(parse(text, file="prices.yaml", usd_per={}), self.clock.now_ns())

    def ask(self, *requests: PriceRequest) -> None:
        demand = PriceDemand(cluster="demo", requests=list(requests))
        self.demand.replace({demand_key("demo"): KvEntry(payload=encode(demand), revision=1, created_ns=0)})

    async def settle(self) -> bool:
        """One pass, and then the bucket's mirror has everything."""
        complete = await self.publisher.settle()
        self.held.replace(self.bucket.entries)
        return complete

    def price(self, request: PriceRequest) -> float | None:
        key = asked(request).labels_key or asked(request).key
        entry = self.bucket.entries.get(key)
        return None if entry is None else RecordDecoder(PriceRecord).decode(entry.payload or b"").usd


def node(sku: str = "m5.large", **labels: str) -> PriceRequest:
    return PriceRequest(
        provider="aws",
        region="us-east-1",
        zone="us-east-1a",
        kind=INSTANCE,
        sku=sku,
        os="linux",
        capacity=ON_DEMAND,
        labels=labels,
    )


async def test_a_second_pass_writes_nothing() -> None:
    """With nothing new there is nothing to write, before the mirror shows the first writes too."""
    passes = Passes()
    passes.ask(node(), node("c5.large"))
    assert await passes.publisher.settle()
    assert passes.bucket.writes == 2
    assert await passes.settle()
    assert await passes.settle()
    assert (passes.bucket.writes, passes.settled) == (2, 3)


async def test_what_could_not_be_written_is_written_later() -> None:
    """A bus that is away loses no price: the pass isn't complete, the failure counted, the next one writes."""
    passes = Passes(BATCH)
    passes.ask(node())
    passes.bucket.away = True
    assert not await passes.settle()
    assert passes.settled == 0
    (reading,) = passes.counters.counts()
    assert (reading.name, reading.labels["error_type"]) == ("kube_cost_errors_total", "bus")
    assert passes.problems.sentences() == [
        "no price is known for instance m5.large on_demand in aws/us-east-1a (not yet written)"
    ]
    passes.bucket.away = False
    assert await passes.settle()
    assert passes.price(node()) == 0.096
    assert passes.problems.sentences() == []


async def test_what_has_no_price_is_said() -> None:
    """The problem names what has no price and why; when all have one, it is over."""
    passes = Passes()
    passes.ask(node("z9.huge"), node())
    assert await passes.settle()
    assert passes.problems.sentences() == [
        (
            "no price is known for instance z9.huge on_demand in aws/us-east-1a "
            "(no custom price is for it; the price snapshot has no on_demand price of z9.huge)"
        )
    ]
    passes.write_custom("nodes: [{instance_type: z9.huge, usd_per_hour: 3}]")
    assert await passes.settle()
    assert passes.problems.sentences() == []


async def test_many_without_a_price_are_cut_short() -> None:
    """Five are named, the rest is a number."""
    passes = Passes()
    passes.ask(*(node(f"z9.{place}") for place in range(9)))
    await passes.settle()
    (sentence,) = passes.problems.sentences()
    assert sentence.count("z9.") == 2 * 5
    assert sentence.endswith("; and 4 more")


async def test_a_label_price_that_nobody_asks_for_is_forgotten_in_time() -> None:
    """A pool that scales to nothing keeps its price for an hour; one that comes back in between, for good."""
    passes = Passes(BATCH)
    passes.ask(node(pool="batch"))
    await passes.settle()
    passes.ask()
    await passes.settle()
    passes.clock.seconds += FORGET_SECONDS - 1
    await passes.settle()
    assert passes.price(node(pool="batch")) == 0.05
    passes.ask(node(pool="batch"))
    await passes.settle()
    passes.ask()
    await passes.settle()
    passes.clock.seconds += FORGET_SECONDS - 1
    await passes.settle()
    assert passes.price(node(pool="batch")) == 0.05
    passes.clock.seconds += 1
    await passes.settle()
    assert passes.price(node(pool="batch")) is None


async def test_a_plain_price_that_nobody_asks_for_stays() -> None:
    """An old price beats none: types come back."""
    passes = Passes()
    passes.ask(node())
    await passes.settle()
    passes.ask()
    await passes.settle()
    passes.clock.seconds += 1000 * FORGET_SECONDS
    await passes.settle()
    assert passes.price(node()) == 0.096


async def test_wanted_labels_are_written_once_and_not_while_unknown() -> None:
    """No rules need no record; a file that can't be read takes no labels away."""
    passes = Passes()
    await passes.settle()
    assert passes.bucket.writes == 0
    passes.write_custom(BATCH)
    for _ in range(2):
        await passes.settle()
    assert passes.bucket.writes == 1
    payload = passes.bucket.entries[LABELS_KEY].payload
    assert RecordDecoder(WantedLabels).decode(payload or b"").names == ["pool"]
    passes.custom.wait("the file has a fault")
    await passes.settle()
    assert passes.bucket.writes == 1


async def test_ages_are_of_the_oldest_price_in_use() -> None:
    """By provider and kind, in seconds since the price was known to hold."""
    passes = Passes("nodes: [{instance_type: c5.large, usd_per_hour: 1}]")
    passes.ask(node(), node("c5.large"))
    await passes.settle()
    (reading,) = passes.publisher.ages()
    assert (reading.name, reading.labels) == ("kube_cost_price_age_seconds", {"provider": "aws", "kind": "instance"})
    assert reading.value == passes.clock.seconds - 1_784_505_600  # the table of 2026-07-20


def missing(passes: Passes) -> list[tuple[str, str]]:
    entry = passes.bucket.entries[UNPRICED_KEY]
    return [(one.key, one.code) for one in RecordDecoder(UnpricedRequests).decode(entry.payload or b"").requests]


async def test_what_has_no_price_is_in_the_bucket_with_its_reason() -> None:
    """The aggregator counts its nodes by it; written once, and taken back when there is a price."""
    passes = Passes()
    unheard_of = node("m999.large")
    passes.ask(node(), unheard_of)
    assert await passes.settle()
    assert missing(passes) == [(asked(unheard_of).key, "no_price")]
    writes = passes.bucket.writes
    assert await passes.settle()
    assert passes.bucket.writes == writes
    passes.ask(node())
    assert await passes.settle()
    assert missing(passes) == []


async def test_a_bucket_where_nothing_is_missing_has_no_list_of_it() -> None:
    """Nothing is written that says nothing."""
    passes = Passes()
    passes.ask(node())
    assert await passes.settle()
    assert UNPRICED_KEY not in passes.bucket.entries
