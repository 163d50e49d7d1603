"""Follows the price bucket, and keeps every price's history for as long as it may have to be settled."""

from collections.abc import Callable, Mapping
from typing import NoReturn

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.history.store import PriceChangeRow
from kube_cost_aggregator.state.prices import PriceShelf, Since
from kube_cost_common.messages.codec import DecodeError, RecordDecoder
from kube_cost_common.messages.prices import (
    LABELS_KEY,
    NOT_PRICES,
    UNITS,
    UNPRICED_KEY,
    PriceRecord,
    Unpriced,
    UnpricedRequests,
    WantedLabels,
    price_key,
)
from kube_cost_common.runtime.bus import BusError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_common.runtime.kv import KvEntry
from kube_cost_common.runtime.kv_mirror import KvMirror

MAX_USD = 1e6
"""Of a machine and hour, or a GiB and month: more is no price, and would not fit the ledger's whole nano-USD."""

SMALLEST_AMOUNT, MAX_AMOUNT = 1e-9, 1e6
"""Of a machine's vCPUs, GiB and GPUs and their weights, where they aren't 0: prices are divided by them."""

KEPT = 64
"""Values of a key: as many as the bucket keeps."""

_RETRY_SECONDS = 1.0


class PriceIntake:
    """Turns the bucket's entries into the price book. Made with the mirror's `on_change` set to `take`."""

    def __init__(
        self,
        *,
        shelf: PriceShelf,
        currency: str,
        log: FilteringBoundLogger,
        counters: Counters,
        note: Callable[[PriceChangeRow], None] = lambda _: None,
    ) -> None:
        """`note` hears of each price that is taken; at each start of those that the bus has."""
        self._shelf = shelf
        self._note = note
        self._currency = currency
        self._log = log
        self._counters = counters
        self._prices = RecordDecoder(PriceRecord)
        self._labels = RecordDecoder(WantedLabels)
        self._unpriced = RecordDecoder(UnpricedRequests)
        self._records: dict[str, list[Since]] = {}
        self._latest: dict[str, KvEntry] = {}
        self.listed = False

    def remember(self, history: Mapping[str, tuple[KvEntry, ...]]) -> None:
        """Take up the values that the bucket still has, oldest first."""
        for key, entries in history.items():
            if key not in NOT_PRICES:
                for entry in entries:
                    self._append(key, entry)

    def take(self, entries: Mapping[str, KvEntry]) -> None:
        """Let `entries` be the prices that are valid now."""
        for key, entry in entries.items():
            if key not in NOT_PRICES:
                self._append(key, entry)
        for key in self._latest.keys() - entries.keys():
            del self._latest[key]
            self._records.pop(key, None)
        self.listed = True
        self._shelf.replace(
            {key: tuple(records) for key, records in self._records.items()},
            self._wanted(entries),
            self._without_price(entries),
        )

    def _append(self, key: str, entry: KvEntry) -> None:
        latest = self._latest.get(key)
        # In a bucket made anew the revisions begin again.
        if latest and entry.revision <= latest.revision and entry.created_ns <= latest.created_ns:
            return
        self._latest[key] = entry
        if entry.payload is None:
            return
        try:
            record = self._prices.decode(entry.payload)
        except DecodeError as error:
            self._refuse(key, str(error))
            return
        if fault := _fault(key, record, self._currency):
            self._refuse(key, fault)
            return
        records = self._records.setdefault(key, [])
        since_ns = min(record.effective_from_ns, entry.created_ns)
        if records and since_ns <= records[-1].since_ns:  # what is settled at the older price stays so
            since_ns = max(entry.created_ns, records[-1].since_ns)
        records.append(Since(since_ns, record))
        self._note(_change(key, since_ns, record))
        del records[:-KEPT]

    def _wanted(self, entries: Mapping[str, KvEntry]) -> frozenset[str]:
        entry = entries.get(LABELS_KEY)
        if entry is None or entry.payload is None:
            return frozenset()
        try:
            return frozenset(self._labels.decode(entry.payload).names)
        except DecodeError as error:
            self._refuse(LABELS_KEY, str(error))
            return frozenset()

    def _without_price(self, entries: Mapping[str, KvEntry]) -> dict[str, Unpriced]:
        entry = entries.get(UNPRICED_KEY)
        if entry is None or entry.payload is None:
            return {}
        try:
            return {unpriced.key: unpriced for unpriced in self._unpriced.decode(entry.payload).requests}
        except DecodeError as error:
            self._refuse(UNPRICED_KEY, str(error))
            return {}

    def _refuse(self, key: str, why: str) -> None:
        self._counters.add("kube_cost_errors_total", component="aggregator", error_type="pricing_fetch")
        self._log.warning("price record refused", key=key, error=why)


async def follow_prices(mirror: KvMirror, intake: PriceIntake, clock: Clock) -> NoReturn:
    """Read the bucket's history, then follow it for ever."""
    while True:
        try:
            intake.remember(await mirror.history())
            break
        except BusError:
            await clock.sleep(_RETRY_SECONDS)
    await mirror.run()


def _is_amount(amount: float) -> bool:
    return amount == 0 or SMALLEST_AMOUNT <= amount <= MAX_AMOUNT


def _change(key: str, since_ns: int, record: PriceRecord) -> PriceChangeRow:
    return PriceChangeRow(
        price_key=key,
        since_ns=since_ns,
        provider=record.provider,
        region=record.region,
        zone=record.zone,
        kind=record.kind,
        sku=record.sku,
        os=record.os,
        capacity_type=record.capacity,
        usd=record.usd,
        list_usd=record.list_usd,
        unit=record.unit,
        source=record.source,
    )


def _fault(key: str, record: PriceRecord, currency: str) -> str:
    own_key = price_key(
        provider=record.provider,
        region=record.region,
        zone=record.zone,
        kind=record.kind,
        sku=record.sku,
        os=record.os,
        capacity=record.capacity,
        labels_hash=record.labels_hash,
    )
    if own_key != key:
        return f"it is the price of {own_key}"
    # Negated, since every comparison with NaN is false.
    if not 0 <= record.usd <= MAX_USD:
        return f"usd is {record.usd}"
    for amounts in (record.shape, record.weights):
        if amounts is not None and not all(map(_is_amount, msgspec.structs.astuple(amounts))):
            return f"it has {amounts}"
    units = UNITS.get(record.kind)
    if units is not None and record.unit not in units:
        return f"it is per {record.unit}, and of {record.kind} prices are per {' or '.join(sorted(units))}"
    if record.currency != currency:
        return f"it is in {record.currency}, and prices here are in {currency}"
    return ""
