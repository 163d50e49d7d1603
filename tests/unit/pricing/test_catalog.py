"""Which price answers a request, and with what note."""

import msgspec
import pytest

from harness.price_decisions import (
    AWS_TABLE_NS,
    DEFAULTS,
    NOW_NS,
    SNAPSHOT,
    Answers,
    decide,
    node,
    quote,
    record,
    volume,
)
from kube_cost_common.domain.attached_gpus import ACCELERATOR_LABEL, GPUS_LABEL
from kube_cost_common.messages.prices import (
    INSTANCE,
    ON_DEMAND,
    SPOT,
    PriceRecord,
    PriceRequest,
    Shape,
    Weights,
    labels_hash,
)
from kube_cost_pricing.catalog import DefaultRates
from kube_cost_pricing.providers.source import NotYet, PriceSource


async def test_the_snapshot_answers_with_its_date_and_shape() -> None:
    """Without anything else the list price is taken, as of the table's date, from now on."""
    assert await record(node()) == PriceRecord(
        provider="aws",
        region="us-east-1",
        zone="us-east-1a",
        kind=INSTANCE,
        sku="m5.large",
        os="linux",
        capacity=ON_DEMAND,
        usd=0.096,
        list_usd=0.096,
        unit="hour",
        currency="USD",
        shape=Shape(vcpu=2, memory_gib=8),
        weights=None,
        tiers=[],
        source="snapshot",
        fetched_at_ns=AWS_TABLE_NS,
        effective_from_ns=NOW_NS,
    )


async def test_sources_are_believed_in_their_order() -> None:
    """Custom beats bill beats API beats snapshot."""
    sources: list[PriceSource] = [
        Answers("custom", on_demand=quote(1, "custom")),
        Answers("bill", on_demand=quote(2, "bill")),
        Answers("api", on_demand=quote(0.098)),
        SNAPSHOT,
    ]
    found = []
    while sources:
        price = await record(node(), *sources)
        found.append((price.source, price.usd, price.list_usd))
        sources.pop(0)
    # What the provider asks stays beside what the user or the bill says.
    assert found == [("custom", 1, 0.098), ("bill", 2, 0.098), ("api", 0.098, 0.098), ("snapshot", 0.096, 0.096)]


async def test_a_custom_spot_price() -> None:
    """The demo's case: a spot price in the file, the rest from the table."""
    custom = "nodes: [{instance_type: c5.2xlarge, zone: us-east-1a, capacity: spot, usd_per_hour: 0.1387}]"
    spot = await record(node("c5.2xlarge", capacity=SPOT), custom=custom)
    assert (spot.usd, spot.source, spot.note) == (0.1387, "custom", "")
    assert spot.shape == Shape(vcpu=8, memory_gib=16)
    on_demand = await record(node("c5.2xlarge"), custom=custom)
    assert (on_demand.usd, on_demand.source) == (0.34, "snapshot")


async def test_spot_without_a_price_is_estimated_by_on_demand() -> None:
    """No spot price known: the on-demand price, said to be an estimate."""
    price = await record(node(capacity=SPOT))
    assert (price.usd, price.source, price.note, price.capacity) == (0.096, "estimate", "no spot price known", SPOT)


async def test_a_known_spot_price_beats_a_custom_on_demand_price() -> None:
    """An exact answer of a lower source is better than an estimate from a higher one."""
    custom = "nodes: [{instance_type: n2-standard-4, usd_per_hour: 9}]"
    request = node("n2-standard-4", capacity=SPOT, provider="gcp", region="us-central1")
    price = await record(request, custom=custom)
    assert (price.usd, price.source) == (0.09212, "snapshot")


async def test_another_regions_price_is_an_estimate() -> None:
    """The stand-in region is named."""
    price = await record(node(region="eu-west-1", zone="eu-west-1a"))
    assert (price.usd, price.source, price.note) == (0.096, "estimate", "price of us-east-1")


async def test_spot_in_another_region_says_both() -> None:
    """Neither spot nor the region is known: both are in the note."""
    price = await record(node(capacity=SPOT, region="eu-west-1"))
    assert (price.source, price.note) == ("estimate", "no spot price known; price of us-east-1")


async def test_an_exact_on_demand_price_beats_another_regions_spot_price() -> None:
    """For spot, this region's on-demand price comes before another region's spot price."""
    request = node("n2-standard-4", capacity=SPOT, provider="gcp", region="moon-east1")
    elsewhere = await record(request)
    assert elsewhere.note == "price of us-central1"
    here = await record(request, Answers("api", on_demand=quote(0.2)), SNAPSHOT)
    assert (here.usd, here.note) == (0.2, "no spot price known")


async def test_linux_stands_in_for_windows() -> None:
    """The table has Linux prices only, and says so."""
    price = await record(node(os="windows"))
    assert (price.source, price.note) == ("estimate", "price of Linux")


@pytest.mark.parametrize("capacity", [ON_DEMAND, SPOT])
async def test_an_unknown_machine_is_priced_by_its_shape(capacity: str) -> None:
    """Configured rates per vCPU, GiB and GPU, said to be a default; no nominal shape is made up."""
    price = await record(node("z9.huge", capacity=capacity, shape=Shape(vcpu=4, memory_gib=16, gpus=1)))
    assert price.usd == pytest.approx(4 * 0.031611 + 16 * 0.004237 + 0.95)
    assert (price.source, price.note) == ("estimate", "no price known: configured default per vCPU, GiB and GPU")
    assert price.shape is None


@pytest.mark.parametrize(
    ("shape", "defaults"),
    [
        (None, DEFAULTS),
        (
            Shape(vcpu=4, memory_gib=16),
            DefaultRates(usd_per_vcpu_hour=0, usd_per_gib_hour=0, usd_per_gpu_hour=0),
        ),
    ],
)
async def test_no_price_and_why(shape: Shape | None, defaults: DefaultRates) -> None:
    """Without a shape, or with the default switched off, there is no price, and every source's reason is kept."""
    decision = await decide(node("z9.huge", shape=shape), defaults=defaults)
    assert decision.record is None
    assert decision.reason == "no custom price is for it; the price snapshot has no on_demand price of z9.huge"


async def test_a_price_by_labels_carries_their_hash() -> None:
    """A rule by node labels answers under the hash of all labels of the request; other rules don't."""
    custom = "nodes: [{node_labels: {pool: batch}, usd_per_hour: 0.05}, {instance_type: m5.large, usd_per_hour: 0.07}]"
    labels = {"team": "x", "pool": "batch"}
    bound = await record(node(labels=labels), custom=custom)
    assert (bound.usd, bound.labels_hash) == (0.05, labels_hash(labels))
    free = await record(node(labels={"team": "x"}), custom=custom)
    assert (free.usd, free.labels_hash) == (0.07, "")


async def test_custom_rates_are_times_the_nominal_shape() -> None:
    """By resource: an m5.large is 8 GiB though its kernel reports 7.57; the rates are the weights of the split."""
    custom = "nodes: [{usd_per_vcpu_hour: 0.02, usd_per_gib_hour: 0.003, usd_per_gpu_hour: 0.5}]"
    known = await record(node(shape=Shape(vcpu=2, memory_gib=7.57)), custom=custom)
    assert known.usd == pytest.approx(2 * 0.02 + 8 * 0.003)
    assert known.weights == Weights(vcpu=0.02, memory_gib=0.003, gpu=0.5)
    own = await record(
        node("", provider="custom", region="", zone="", shape=Shape(vcpu=64, memory_gib=256, gpus=2)), custom=custom
    )
    assert own.usd == pytest.approx(64 * 0.02 + 256 * 0.003 + 1.0)
    assert (own.source, own.shape) == ("custom", None)


async def test_a_free_node_is_free() -> None:
    """A custom price of 0 is a price: neither refused nor replaced by a default, and no weights of nothing."""
    custom = "nodes: [{usd_per_vcpu_hour: 0, usd_per_gib_hour: 0}]"
    price = await record(node("", provider="custom", shape=Shape(vcpu=4, memory_gib=8)), custom=custom)
    assert (price.usd, price.source, price.weights) == (0.0, "custom", None)


async def test_custom_rates_need_a_shape() -> None:
    """Without any shape a price by resource can't be put together, and the reason says so."""
    decision = await decide(node("", provider="custom"), custom="nodes: [{usd_per_vcpu_hour: 1, usd_per_gib_hour: 1}]")
    assert decision.record is None
    assert "by resource, and the node's shape isn't known" in decision.reason


@pytest.mark.parametrize(
    ("request_", "usd", "source", "note"),
    [
        (volume("gp3"), 0.08, "snapshot", ""),
        (volume("gp3", region="eu-west-1"), 0.08, "estimate", "price of us-east-1"),
        (volume("pd-balanced", provider="gcp", region="europe-west6"), 0.13, "snapshot", ""),
        (volume("P4", provider="azure", region="eastus"), 0.165, "estimate", "per GiB of a full P4 disk"),
        (
            volume("Premium_LRS", provider="azure", region="westeurope"),
            0.165,
            "estimate",
            "price of eastus; per GiB of a full P4 disk",
        ),
    ],
)
async def test_volumes(request_: PriceRequest, usd: float, source: str, note: str) -> None:
    """Volumes cost by GiB and month; what Azure sells by the disk is an estimate."""
    price = await record(request_)
    assert price.usd == pytest.approx(usd)
    assert (price.source, price.note, price.unit) == (source, note, "gib_month")
    assert price.shape is None


async def test_custom_volumes() -> None:
    """The user's own price per GiB and month wins, and the list price stays beside it."""
    price = await record(volume("gp3"), custom="volumes: [{volume_type: gp3, usd_per_gib_month: 0.06}]")
    assert (price.usd, price.list_usd, price.source, price.fetched_at_ns) == (0.06, 0.08, "custom", 77)


async def test_an_unknown_volume_has_no_default() -> None:
    """The rates of machines say nothing of volumes."""
    decision = await decide(volume("local-path", provider="custom"))
    assert decision.record is None
    assert decision.reason == "no custom price is for it; the price snapshot knows no provider custom"


async def test_an_unknown_kind_is_nobodys() -> None:
    """A kind of price that comes later is answered with a reason, not with a fault."""
    decision = await decide(
        PriceRequest(provider="aws", region="us-east-1", zone="", kind="network", sku="zone", os="", capacity="")
    )
    assert decision.record is None
    assert "no prices of kind network" in decision.reason


async def test_who_has_not_answered_yet_is_named() -> None:
    """Sources above the chosen one that couldn't answer are pending; those below don't matter."""
    waiting = NotYet(reason="first call under way")
    above = await decide(node(), Answers("api", on_demand=waiting), SNAPSHOT)
    assert above.pending == {"api"}
    below = await decide(node(), Answers("custom", on_demand=quote(1, "custom")), Answers("api", on_demand=waiting))
    assert below.pending == frozenset()
    nothing = await decide(node("z9"), Answers("api", on_demand=waiting), SNAPSHOT)
    assert nothing.record is None
    assert nothing.pending == {"api"}


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1.0, 0.0, 9.6, 0.001])
async def test_a_price_that_cannot_be_is_passed_over(amount: float) -> None:
    """An impossible price of the API leaves the answer to the next source."""
    price = await record(node(), Answers("api", on_demand=quote(amount)), SNAPSHOT)
    assert (price.source, price.usd) == ("snapshot", 0.096)


async def test_a_price_in_another_currency_is_converted() -> None:
    """With a rate it becomes USD; without one it is passed over."""
    euros = await record(node(), Answers("api", on_demand=quote(0.1, currency="EUR")), SNAPSHOT)
    assert euros.usd == pytest.approx(0.11)
    assert euros.currency == "USD"
    yuan = await record(node(), Answers("api", on_demand=quote(0.1, currency="CNY")), SNAPSHOT)
    assert yuan.source == "snapshot"


async def test_attached_gpus_are_in_the_price_or_it_is_an_estimate_of_all() -> None:
    """The table knows an N1 without them: its price is never taken; the user's rates count them too."""
    request = msgspec.structs.replace(
        node("n1-standard-4", provider="gcp", region="us-central1"),
        labels={ACCELERATOR_LABEL: "nvidia-tesla-t4", GPUS_LABEL: "2"},
    )
    plain = await record(msgspec.structs.replace(request, labels={}))
    assert (plain.source, plain.labels_hash) == ("snapshot", "")
    rates = DefaultRates(usd_per_vcpu_hour=0.03, usd_per_gib_hour=0.004, usd_per_gpu_hour=0.5)
    decision = await decide(request, SNAPSHOT, defaults=rates)
    assert decision.record is not None
    assert decision.record.usd == pytest.approx(4 * 0.03 + 15 * 0.004 + 2 * 0.5)
    assert decision.record.source == "estimate"
    assert decision.record.shape == Shape(vcpu=4, memory_gib=15, gpus=2)
    assert decision.record.labels_hash == labels_hash(request.labels)
    custom = "nodes: [{usd_per_vcpu_hour: 0.02, usd_per_gib_hour: 0.003, usd_per_gpu_hour: 0.4}]"
    own = await record(request, custom=custom)
    assert own.usd == pytest.approx(4 * 0.02 + 15 * 0.003 + 2 * 0.4)
    assert own.labels_hash == labels_hash(request.labels)


@pytest.mark.parametrize("capacity", [ON_DEMAND, SPOT])
async def test_china_without_an_exchange_rate_has_no_price(capacity: str) -> None:
    """Neither another region's, which is another market, nor one made of the configured rates: the reason is told."""
    request = node(region="cn-north-1", zone="cn-north-1a", capacity=capacity)
    yuan = Answers("api", on_demand=quote(0.792, currency="CNY"), spot=quote(0.31, currency="CNY"))
    decision = await decide(request, yuan, SNAPSHOT)
    assert (decision.record, decision.code) == (None, "currency")
    assert "CNY, for which no rate is configured" in decision.reason


async def test_china_that_nobody_lists_is_estimated_by_the_configured_rates() -> None:
    """Never at the price of a region outside."""
    price = await record(msgspec.structs.replace(node(region="cn-north-1"), shape=Shape(2, 8)))
    assert price.usd == pytest.approx(2 * 0.031611 + 8 * 0.004237)
    assert price.source == "estimate"
