"""Prices as the bucket has them: which are believed, and since when each holds."""

from collections.abc import Mapping
from typing import Any

import pytest
import structlog

from harness.records import LABELS, MINUTE, START, price_record
from kube_cost_aggregator.history.store import PriceChangeRow
from kube_cost_aggregator.inputs.prices import KEPT, PriceIntake
from kube_cost_aggregator.state.prices import PriceShelf
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.prices import (
    LABELS_KEY,
    UNPRICED_KEY,
    PriceRecord,
    Shape,
    Unpriced,
    UnpricedRequests,
    WantedLabels,
    Weights,
    labels_hash,
    price_key,
)
from kube_cost_common.runtime.health import Counters
from kube_cost_common.runtime.kv import KvEntry


def key_of(record: PriceRecord) -> str:
    return price_key(
        provider=record.provider,
        region=record.region,
        zone=record.zone,
        kind=record.kind,
        sku=record.sku,
        os=record.os,
        capacity=record.capacity,
        labels_hash=record.labels_hash,
    )


KEY = key_of(price_record())


class Bucket:
    """What an intake is told of, put by put."""

    def __init__(self) -> None:
        self.changes = 0
        self.counters = Counters()
        self.shelf = PriceShelf(defaults=None, changed=self._changed)
        self.noted: list[PriceChangeRow] = []
        self.intake = PriceIntake(
            shelf=self.shelf,
            currency="USD",
            log=structlog.get_logger(),
            counters=self.counters,
            note=self.noted.append,
        )
        self.entries: dict[str, KvEntry] = {}
        self.revision = 0

    def _changed(self) -> None:
        self.changes += 1

    def entry(self, payload: bytes | None, at_ns: int) -> KvEntry:
        self.revision += 1
        return KvEntry(payload=payload, revision=self.revision, created_ns=at_ns)

    def put(self, payload: bytes | PriceRecord, *, key: str = KEY, at_ns: int = START) -> None:
        self.entries[key] = self.entry(payload if isinstance(payload, bytes) else encode(payload), at_ns)
        self.intake.take(dict(self.entries))

    def delete(self, key: str = KEY) -> None:
        del self.entries[key]
        self.intake.take(dict(self.entries))

    @property
    def refused(self) -> float:
        return sum(reading.value for reading in self.counters.counts())

    def prices(self, key: str = KEY) -> list[tuple[float, float]]:
        """Minutes since START, and USD."""
        records = self.shelf.book.records.get(key, ())
        return [((since.since_ns - START) / MINUTE, since.record.usd) for since in records]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_an_empty_bucket_is_a_list_too(bucket: Bucket) -> None:
    """Readiness doesn't wait for prices that nobody has."""
    assert not bucket.intake.listed
    bucket.intake.take({})
    assert bucket.intake.listed
    assert bucket.shelf.book.records == {}


def test_a_price_holds_from_when_it_is_effective(bucket: Bucket) -> None:
    """Pricing says since when, which is before it wrote it."""
    bucket.put(price_record(effective_from_ns=START - MINUTE), at_ns=START)
    assert bucket.prices() == [(-1.0, 0.4)]


def test_each_price_that_is_taken_is_noted_with_when_it_began(bucket: Bucket) -> None:
    """For the history: once each, in full; one that is refused isn't."""
    bucket.put(price_record(0.4, effective_from_ns=START - MINUTE), at_ns=START)
    bucket.put(price_record(0.5), at_ns=START + 3 * MINUTE)
    bucket.put(price_record(-1.0), at_ns=START + 4 * MINUTE)
    assert [(change.price_key, change.since_ns, change.usd) for change in bucket.noted] == [
        (KEY, START - MINUTE, 0.4),
        (KEY, START, 0.5),
    ]
    record = price_record()
    of = (record.provider, record.region, record.zone, record.kind, record.sku, record.os, record.capacity)
    assert bucket.noted[0][2:9] == of
    assert bucket.noted[0][10:] == (record.list_usd, record.unit, record.source)


def test_a_price_does_not_hold_from_a_future_moment(bucket: Bucket) -> None:
    """Pricing's clock may be ahead of the bus's."""
    bucket.put(price_record(effective_from_ns=START + MINUTE), at_ns=START)
    assert bucket.prices() == [(0.0, 0.4)]


def test_a_later_price_that_says_it_is_older_holds_from_its_writing(bucket: Bucket) -> None:
    """What is settled at the price before stays so."""
    bucket.put(price_record(0.4), at_ns=START)
    bucket.put(price_record(0.5, effective_from_ns=START - MINUTE), at_ns=START + 3 * MINUTE)
    assert bucket.prices() == [(0.0, 0.4), (3.0, 0.5)]


def test_of_two_prices_of_one_moment_the_later_holds(bucket: Bucket) -> None:
    """A correction within the bus's clock's resolution."""
    bucket.put(price_record(0.4), at_ns=START)
    bucket.put(price_record(0.5), at_ns=START)
    assert bucket.prices() == [(0.0, 0.4), (0.0, 0.5)]


def test_the_buckets_history_is_taken_up_in_its_order(bucket: Bucket) -> None:
    """And what the list that follows repeats of it isn't there twice."""
    old = bucket.entry(encode(price_record(0.3)), START)
    new = bucket.entry(encode(price_record(0.4, effective_from_ns=START + MINUTE)), START + MINUTE)
    bucket.intake.remember({KEY: (old, new), "gone": (bucket.entry(None, START),)})
    bucket.intake.take({KEY: new})
    assert bucket.prices() == [(0.0, 0.3), (1.0, 0.4)]


def test_a_list_that_says_the_same_again_changes_nothing(bucket: Bucket) -> None:
    """The mirror lists everything anew every five minutes."""
    bucket.put(price_record())
    bucket.intake.take(dict(bucket.entries))
    assert bucket.prices() == [(0.0, 0.4)]


def test_as_many_values_are_kept_as_the_bucket_keeps(bucket: Bucket) -> None:
    """The newest."""
    for number in range(KEPT + 6):
        bucket.put(
            price_record(float(number), effective_from_ns=START + number * MINUTE), at_ns=START + number * MINUTE
        )
    assert len(bucket.prices()) == KEPT
    assert bucket.prices()[-1] == (KEPT + 5, KEPT + 5)


def test_a_key_that_is_deleted_has_no_price(bucket: Bucket) -> None:
    """And may have one again."""
    bucket.put(price_record())
    bucket.delete()
    assert bucket.prices() == []
    bucket.put(price_record(0.5), at_ns=START + MINUTE)
    assert bucket.prices() == [(0.0, 0.5)]


def test_a_bucket_made_anew_is_followed(bucket: Bucket) -> None:
    """Its revisions begin again; its times don't."""
    for _ in range(5):
        bucket.put(price_record(0.4), at_ns=START)
    bucket.revision = 0
    bucket.put(price_record(0.7, effective_from_ns=START + MINUTE), at_ns=START + MINUTE)
    assert bucket.prices()[-1] == (1.0, 0.7)


REFUSED: Mapping[str, dict[str, Any]] = {
    "another key's": {"sku": "m5.2xlarge"},
    "another zone's": {"zone": "us-east-1a"},
    "label-bound": {"labels_hash": "0123456789ab"},
    "another currency": {"currency": "EUR"},
    "not a number": {"usd": float("nan")},
    "infinite": {"usd": float("inf")},
    "negative": {"usd": -0.1},
    "beyond all prices": {"usd": 1e300},
    "a shape that is no number": {"shape": Shape(float("nan"), 16.0)},
    "a negative shape": {"shape": Shape(4.0, -16.0)},
    "an endless shape": {"shape": Shape(4.0, float("inf"))},
    "weights that are no numbers": {"weights": Weights(float("nan"), 1.0, 1.0)},
    "weights too small to divide by": {"weights": Weights(5e-324, 0.0, 0.0)},
    "another unit": {"unit": "month"},
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_price_that_can_not_be_is_refused(bucket: Bucket, what: str) -> None:
    """It is counted, and the one before stays."""
    bucket.put(price_record(0.4))
    bucket.put(price_record(**REFUSED[what]), at_ns=START + MINUTE)
    assert bucket.prices() == [(0.0, 0.4)]
    assert bucket.refused == 1
    bucket.intake.take(dict(bucket.entries))
    assert bucket.refused == 1


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x91\x02", b"{}"])
def test_what_is_no_record_is_refused(bucket: Bucket, payload: bytes) -> None:
    """Likewise."""
    bucket.put(price_record(0.4))
    bucket.put(payload)
    assert bucket.prices() == [(0.0, 0.4)]
    assert bucket.refused == 1


def test_labels_that_custom_prices_name_are_no_price(bucket: Bucket) -> None:
    """They are what the demand is to tell of each node."""
    bucket.put(encode(WantedLabels(names=["pool", "team"])), key=LABELS_KEY)
    assert bucket.shelf.book.wanted_labels == {"pool", "team"}
    assert LABELS_KEY not in bucket.shelf.book.records
    bucket.put(b"\xc1", key=LABELS_KEY)
    assert bucket.shelf.book.wanted_labels == frozenset()
    assert bucket.refused == 1


def test_a_label_bound_price_stands_under_its_own_key(bucket: Bucket) -> None:
    """Beside the plain one."""
    record = price_record(0.1, labels_hash=labels_hash({"pool": LABELS["topology.kubernetes.io/zone"]}))
    bucket.put(record, key=key_of(record))
    assert bucket.prices(key_of(record)) == [(0.0, 0.1)]
    assert bucket.prices() == []


def test_what_pricing_found_no_price_for_is_told_and_no_price(bucket: Bucket) -> None:
    """The node's reason is pricing's own, and gone as soon as pricing says nothing of it any more."""
    missing = Unpriced(key=KEY, code="currency", reason="a price in CNY, for which no rate is configured")
    bucket.put(encode(UnpricedRequests(requests=[missing])), key=UNPRICED_KEY)
    assert bucket.shelf.book.unpriced == {KEY: missing}
    assert bucket.shelf.book.records == {}
    bucket.put(encode(UnpricedRequests(requests=[])), key=UNPRICED_KEY)
    assert bucket.shelf.book.unpriced == {}


def test_an_unreadable_list_of_missing_prices_is_refused_by_name(bucket: Bucket) -> None:
    """It costs the reasons, not the prices."""
    bucket.put(price_record())
    bucket.put(b"\xc1", key=UNPRICED_KEY)
    assert bucket.refused == 1
    assert list(bucket.shelf.book.records) == [KEY]
