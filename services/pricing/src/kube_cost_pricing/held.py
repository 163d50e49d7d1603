"""What the price bucket holds, as far as is known here: its mirror, and what was written since."""

from collections.abc import Mapping
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.codec import DecodeError, RecordDecoder
from kube_cost_common.messages.prices import (
    LABELS_KEY,
    UNPRICED_KEY,
    PriceRecord,
    Unpriced,
    UnpricedRequests,
    WantedLabels,
)
from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.demand import Entry

UNCONFIRMED_SECONDS = 10.0
"""How long a write counts though the mirror doesn't show it: after that the bucket has been made anew, say."""


@dataclass(frozen=True, kw_only=True)
class _Written:
    revision: int
    record: PriceRecord | None
    at_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mirrored:
    revision: int
    payload: bytes | None
    record: PriceRecord


class Held:
    """The prices in force by key. `labels` and `unpriced` are those in the bucket, None where it has none."""

    def __init__(self, *, clock: Clock, log: FilteringBoundLogger) -> None:
        self._clock = clock
        self._log = log
        self._price = RecordDecoder(PriceRecord)
        self._wanted = RecordDecoder(WantedLabels)
        self._unpriced = RecordDecoder(UnpricedRequests)
        self._mirrored: dict[str, _Mirrored] = {}
        self._written: dict[str, _Written] = {}
        self.labels: tuple[str, ...] | None = None
        self.unpriced: tuple[Unpriced, ...] | None = None

    def replace(self, entries: Mapping[str, Entry]) -> None:
        """Take the entries of the bucket by key; what isn't a price counts as not there, and is written anew."""
        mirrored: dict[str, _Mirrored] = {}
        for key, entry in entries.items():
            known = self._mirrored.get(key)
            if key == LABELS_KEY:
                self.labels = self._labels(entry)
            elif key == UNPRICED_KEY:
                self.unpriced = self._requests(entry)
            elif known is not None and known.payload == entry.payload and known.revision == entry.revision:
                mirrored[key] = known
            elif (record := self._record(key, entry)) is not None:
                mirrored[key] = _Mirrored(revision=entry.revision, payload=entry.payload, record=record)
        if LABELS_KEY not in entries:
            self.labels = None
        if UNPRICED_KEY not in entries:
            self.unpriced = None
        self._mirrored = mirrored

    def wrote(self, key: str, record: PriceRecord, revision: int) -> None:
        """Note what was just written and got that revision."""
        self._written[key] = _Written(revision=revision, record=record, at_seconds=self._clock.monotonic())

    def deleted(self, key: str) -> None:
        """Note that a key was just deleted: what the mirror still shows of it is from before."""
        known = self._mirrored.get(key)
        revision = 0 if known is None else known.revision + 1
        self._written[key] = _Written(revision=revision, record=None, at_seconds=self._clock.monotonic())

    def prices(self) -> dict[str, PriceRecord]:
        """Return the prices in force by key."""
        prices = {key: mirrored.record for key, mirrored in self._mirrored.items()}
        now = self._clock.monotonic()
        for key, written in list(self._written.items()):
            mirrored = self._mirrored.get(key)
            gone = mirrored is None and written.record is None
            overtaken = mirrored is not None and mirrored.revision >= written.revision
            if gone or overtaken or now - written.at_seconds > UNCONFIRMED_SECONDS:
                del self._written[key]
            elif written.record is None:
                prices.pop(key, None)
            else:
                prices[key] = written.record
        return prices

    def price(self, key: str) -> PriceRecord | None:
        """Return the price in force under a key."""
        written = self._written.get(key)
        if written is not None and written.record is not None:
            return written.record
        mirrored = self._mirrored.get(key)
        return None if mirrored is None else mirrored.record

    def _record(self, key: str, entry: Entry) -> PriceRecord | None:
        try:
            return self._price.decode(entry.payload or b"")
        except DecodeError as error:
            self._log.warning("price in the bucket can't be read", key=key, error=str(error))
            return None

    def _labels(self, entry: Entry) -> tuple[str, ...] | None:
        try:
            return tuple(self._wanted.decode(entry.payload or b"").names)
        except DecodeError:
            return None

    def _requests(self, entry: Entry) -> tuple[Unpriced, ...] | None:
        try:
            return tuple(self._unpriced.decode(entry.payload or b"").requests)
        except DecodeError:
            return None
