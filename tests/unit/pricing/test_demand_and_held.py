"""What is read from the bus: who asks for what, and which prices are in force."""

from dataclasses import dataclass

import structlog

from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import demand_key
from kube_cost_common.messages.prices import (
    INSTANCE,
    LABELS_KEY,
    ON_DEMAND,
    PriceDemand,
    PriceRecord,
    PriceRequest,
    WantedLabels,
)
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.demand import Demand
from kube_cost_pricing.held import UNCONFIRMED_SECONDS, Held


@dataclass
class Entry:
    payload: bytes | None
    revision: int


class HandClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now_ns(self) -> int:
        return int(self.seconds * 1e9)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def request(sku: str, **labels: str) -> PriceRequest:
    return PriceRequest(
        provider="aws", region="r", zone="z", kind=INSTANCE, sku=sku, os="linux", capacity=ON_DEMAND, labels=labels
    )


def asked(cluster: str, *requests: PriceRequest, revision: int = 1) -> dict[str, Entry]:
    return {
        demand_key(cluster): Entry(encode(PriceDemand(cluster=cluster, requests=list(requests))), revision),
    }


def price(usd: float) -> PriceRecord:
    return PriceRecord(
        provider="aws",
        region="r",
        zone="z",
        kind=INSTANCE,
        sku="m5.large",
        os="linux",
        capacity=ON_DEMAND,
        unit="hour",
        currency="USD",
        usd=usd,
        list_usd=usd,
        shape=None,
        weights=None,
        tiers=[],
        source="api",
        fetched_at_ns=1,
        effective_from_ns=1,
    )


def test_clusters_are_united() -> None:
    """What two clusters ask for alike is one request, whatever the order of its labels."""
    demand = Demand(log=structlog.get_logger(), counters=Counters())
    demand.replace(
        asked("one", request("a", p="1", q="2"), request("b")) | asked("two", request("a", q="2", p="1"), request("c"))
    )
    assert [one.request.sku for one in demand.requests] == ["a", "b", "c"]
    demand.replace(asked("two", request("c"), revision=2))
    assert [one.request.sku for one in demand.requests] == ["c"]


def test_a_demand_that_cannot_be_read_leaves_the_last() -> None:
    """Bytes that are no demand, or another cluster's, are counted, and the cluster keeps its prices."""
    counters = Counters()
    demand = Demand(log=structlog.get_logger(), counters=counters)
    demand.replace(asked("one", request("a")))
    demand.replace({demand_key("one"): Entry(b"\xc1", 2)})
    assert [one.request.sku for one in demand.requests] == ["a"]
    stray = asked("other", request("b"), revision=3)[demand_key("other")]
    demand.replace({demand_key("one"): stray})
    demand.replace({demand_key("one"): stray})
    assert [one.request.sku for one in demand.requests] == ["a"]
    (reading,) = counters.counts()
    assert (reading.name, reading.labels["error_type"], reading.value) == ("kube_cost_errors_total", "bus", 2)


def test_what_was_written_counts_before_the_mirror_shows_it() -> None:
    """A price just written isn't written again, and the mirror has the last word when it is ahead."""
    held = Held(clock=HandClock(), log=structlog.get_logger())
    held.replace({"k": Entry(encode(price(1)), 5)})
    held.wrote("k", price(2), 7)
    assert held.prices() == {"k": price(2)}
    held.replace({"k": Entry(encode(price(1)), 5)})
    assert held.prices() == {"k": price(2)}
    held.replace({"k": Entry(encode(price(3)), 8)})
    assert held.prices() == {"k": price(3)}


def test_what_was_deleted_is_gone_before_the_mirror_shows_it() -> None:
    """A deleted price isn't deleted again, and one that came later is there."""
    held = Held(clock=HandClock(), log=structlog.get_logger())
    held.replace({"k": Entry(encode(price(1)), 5)})
    held.deleted("k")
    assert held.prices() == {}
    held.replace({})
    assert held.prices() == {}
    held.replace({"k": Entry(encode(price(4)), 9)})
    assert held.prices() == {"k": price(4)}


def test_a_bucket_made_anew_is_believed_in_the_end() -> None:
    """A write that the mirror never shows is forgotten, so that the price is written again."""
    clock = HandClock()
    held = Held(clock=clock, log=structlog.get_logger())
    held.wrote("k", price(2), 7)
    held.replace({})
    assert held.prices() == {"k": price(2)}
    clock.seconds = UNCONFIRMED_SECONDS + 1
    assert held.prices() == {}


def test_what_is_no_price_counts_as_absent() -> None:
    """Bytes of nobody knows what under a price's key are written over."""
    held = Held(clock=HandClock(), log=structlog.get_logger())
    held.replace({"k": Entry(b"\xc1", 5), "l": Entry(encode(price(1)), 6)})
    assert held.prices() == {"l": price(1)}


def test_the_wanted_labels_are_no_price() -> None:
    """The one record that isn't a price is read apart."""
    held = Held(clock=HandClock(), log=structlog.get_logger())
    held.replace({LABELS_KEY: Entry(encode(WantedLabels(names=["pool"])), 3)})
    assert held.labels == ("pool",)
    assert held.prices() == {}
    held.replace({})
    assert held.labels is None
