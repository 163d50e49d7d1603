"""What has to be written so that the bucket says what was decided."""

import msgspec
import pytest

from kube_cost_common.domain.attached_gpus import GPUS_LABEL
from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, PriceRecord, PriceRequest, Shape, labels_hash
from kube_cost_pricing.catalog import Decision
from kube_cost_pricing.changes import Answered, Change, Delete, Put, changes, in_force
from kube_cost_pricing.demand import asked as asked_for

HOUR_NS = 3_600_000_000_000
HALF_HOUR_NS = HOUR_NS // 2


def request(**labels: str) -> PriceRequest:
    return PriceRequest(
        provider="aws",
        region="us-east-1",
        zone="us-east-1a",
        kind=INSTANCE,
        sku="m5.large",
        os="linux",
        capacity=ON_DEMAND,
        shape=Shape(vcpu=2, memory_gib=7.5),
        labels=labels,
    )


def price(usd: float = 0.096, *, source: str = "snapshot", fetched_at_ns: int = 10, **other: object) -> PriceRecord:
    asked = request()
    fields: dict[str, object] = {
        **{name: getattr(asked, name) for name in ("provider", "region", "zone", "kind", "sku", "os", "capacity")},
        "usd": usd,
        "list_usd": usd,
        "unit": "hour",
        "currency": "USD",
        "shape": None,
        "weights": None,
        "tiers": [],
        "source": source,
        "fetched_at_ns": fetched_at_ns,
        "effective_from_ns": 20,
        **other,
    }
    return PriceRecord(**fields)  # type: ignore[arg-type]


def decided(record: PriceRecord | None, *pending: str, asked: PriceRequest | None = None) -> Answered:
    return Answered(asked=asked_for(asked or request()), decision=Decision(record=record, pending=frozenset(pending)))


KEY = asked_for(request()).key


def between(held: PriceRecord | None, decision: Answered) -> list[Change]:
    return changes([decision], {} if held is None else {KEY: held})


def test_a_first_price_is_written() -> None:
    """What isn't there is put there."""
    assert between(None, decided(price())) == [Put(key=KEY, record=price())]


def test_the_same_price_is_not_written_again() -> None:
    """A price that says the same changes nothing, whenever it is said; so a restart writes nothing."""
    assert between(price(effective_from_ns=1), decided(price(effective_from_ns=999))) == []
    assert between(price(source="custom"), decided(price(source="custom", fetched_at_ns=10 + 9 * HOUR_NS))) == []


@pytest.mark.parametrize(
    "other",
    [
        {"usd": 0.1},
        {"list_usd": 0.2},
        {"shape": Shape(vcpu=2, memory_gib=8)},
        {"source": "api"},
        {"note": "price of us-east-1"},
    ],
)
def test_whatever_differs_is_written_with_its_time(other: dict[str, object]) -> None:
    """Another price, list price, shape, source or note is a change, and counts from when it was decided."""
    new = price(effective_from_ns=555, **other)  # type: ignore[arg-type]
    assert between(price(), decided(new)) == [Put(key=KEY, record=new)]


def test_an_age_is_refreshed_now_and_then() -> None:
    """The same price fetched much later is written, and still counts from when it counted."""
    soon, late = (
        price(source="api", fetched_at_ns=10 + ns, effective_from_ns=555) for ns in (HALF_HOUR_NS - 1, HALF_HOUR_NS)
    )
    held = price(source="api")
    assert between(held, decided(soon)) == []
    assert between(held, decided(late)) == [Put(key=KEY, record=msgspec.structs.replace(late, effective_from_ns=20))]


@pytest.mark.parametrize(
    ("held", "new", "pending", "stays"),
    [
        ("api", "snapshot", ["api"], True),  # the API hasn't been asked yet
        ("api", "snapshot", [], False),  # there is no API any more
        ("custom", "snapshot", ["custom"], True),  # the file has a fault
        ("custom", "snapshot", ["api"], False),  # the rule is gone
        ("snapshot", "api", ["custom"], False),
        ("estimate", "estimate", ["api"], True),
        ("estimate", "snapshot", ["api"], False),
    ],
)
def test_a_better_price_stays_until_it_is_gone_for_good(
    held: str, new: str, pending: list[str], *, stays: bool
) -> None:
    """While its source can't speak a price isn't replaced by a worse one."""
    expected = [] if stays else [Put(key=KEY, record=price(2, source=new))]
    assert between(price(1, source=held), decided(price(2, source=new), *pending)) == expected


@pytest.mark.parametrize(
    ("source", "pending", "withdrawn"),
    [
        ("custom", [], True),
        ("custom", ["custom"], False),
        ("estimate", [], True),
        ("api", [], False),
        ("snapshot", [], False),
    ],
)
def test_no_price_any_more(source: str, pending: list[str], *, withdrawn: bool) -> None:
    """What the user or the configuration said is withdrawn with it; any other old price beats none."""
    assert between(price(source=source), decided(None, *pending)) == ([Delete(key=KEY)] if withdrawn else [])


def test_a_price_by_labels_has_its_own_key() -> None:
    """It doesn't touch the price of nodes without these labels."""
    asked = request(pool="batch")
    bound = price(0.05, source="custom", labels_hash=labels_hash({"pool": "batch"}))
    key = asked_for(asked).labels_key
    assert key is not None
    assert key != KEY
    assert changes([decided(bound, asked=asked), decided(price())], {}) == [
        Put(key=key, record=bound),
        Put(key=KEY, record=price()),
    ]
    held = {key: bound, KEY: price()}
    assert in_force(asked_for(asked), held) == bound
    assert in_force(asked_for(request()), held) == price()
    assert in_force(asked_for(request(pool="other")), held) == price()


def test_a_rule_that_is_gone_takes_its_key_along() -> None:
    """Nodes with the labels get the plain price, and the label-bound one is deleted."""
    asked = request(pool="batch")
    key = asked_for(asked).labels_key
    assert key is not None
    held = {key: price(0.05, source="custom", labels_hash="x"), KEY: price()}
    assert changes([decided(price(), asked=asked)], held) == [Delete(key=key)]
    assert changes([decided(price(), "custom", asked=asked)], held) == []


def test_two_nodes_of_a_type_have_one_price() -> None:
    """Shapes that differ by some KiB don't make the price go to and fro: the larger one counts, in any order."""
    larger = msgspec.structs.replace(request(), shape=Shape(vcpu=2, memory_gib=7.6))
    pair = [decided(price(1)), decided(price(2), asked=larger)]
    assert changes(pair, {}) == changes(pair[::-1], {}) == [Put(key=KEY, record=price(2))]


def test_attached_gpus_have_a_key_of_their_own_and_hide_no_other() -> None:
    """One without a price leaves the plain machine its own, and doesn't take it."""
    plain = msgspec.structs.replace(request(), provider="gcp", sku="n1-standard-4")
    attached = msgspec.structs.replace(plain, labels={GPUS_LABEL: "1"}, shape=Shape(vcpu=4, memory_gib=15, gpus=1))
    wanted = price(0.19, provider="gcp", sku="n1-standard-4")
    answers = [decided(None, asked=attached), decided(wanted, asked=plain)]
    assert changes(answers, {}) == [Put(key=asked_for(plain).key, record=wanted)]
    assert in_force(asked_for(attached), {asked_for(plain).key: wanted}) is None
    found = price(0.54, provider="gcp", sku="n1-standard-4", labels_hash=labels_hash(attached.labels))
    key = asked_for(attached).key
    assert changes([decided(found, asked=attached)], {}) == [Put(key=key, record=found)]
    assert in_force(asked_for(attached), {key: found}) == found
