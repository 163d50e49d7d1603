"""What has to change in the price bucket, so that it says what was decided.

A price in force is replaced by another one at once, and then counts from that moment. It stays

- while a source that it is from, or one that is believed more than the new one, can't say anything yet (at a start, or
  with a custom prices file that has a fault): the better price isn't gone for good;
- while the API that it is from has nothing now that can be believed, and only the table or an estimate would follow;
- when no source has a price any more, unless it was the user's: then it is withdrawn, as is an estimate by the
  configuration. An old price with its age beats none.

A source that isn't there any more (an API switched off) is gone for good, and its prices are replaced.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from kube_cost_common.messages.prices import PriceRecord, PriceRequest
from kube_cost_pricing.catalog import Decision
from kube_cost_pricing.demand import Asked
from kube_cost_pricing.providers.source import API, BILL, CUSTOM, ESTIMATE, SNAPSHOT

REFRESH_SECONDS = 1800.0
"""How much newer a price of the same value must be to be written again: its age is visible, and a restart knows from it
when to ask again. But each writing takes one of the 64 values that the bucket keeps of a key, and these are needed for
what isn't settled yet: samples wait up to 6 h on the bus."""

_DATED = frozenset({API, BILL, SNAPSHOT})
"""Sources whose prices have an age that says something."""


@dataclass(frozen=True, kw_only=True)
class Put:
    """Write this price under this key."""

    key: str
    record: PriceRecord


@dataclass(frozen=True, kw_only=True)
class Delete:
    """Take away what is under this key."""

    key: str


Change = Put | Delete


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A request with what was decided."""

    asked: Asked
    decision: Decision


def in_force(asked: Asked, held: Mapping[str, PriceRecord]) -> PriceRecord | None:
    """Return the price that a reader of the bucket finds for the request."""
    found = held.get(asked.labels_key) if asked.labels_key is not None else None
    return found if found is not None else held.get(asked.key)


def changes(answered: Iterable[Answered], held: Mapping[str, PriceRecord]) -> list[Change]:
    """Return what to write and delete, each key once.

    Of two requests for one key (nodes of a type differ by some KiB) that of the larger shape counts, so that the price
    doesn't go to and fro.
    """
    by_key: dict[str, Answered] = {}
    deleted: dict[str, Delete] = {}
    for one in answered:
        bound = one.asked.labels_key
        record = one.decision.record
        if bound is not None and bound in held and (record is None or not record.labels_hash):
            if CUSTOM in one.decision.pending:
                continue  # what the user wrote for these labels still holds
            deleted[bound] = Delete(key=bound)
        key = bound if bound is not None and record is not None and record.labels_hash else one.asked.key
        other = by_key.get(key)
        if other is None or _size(other.asked.request) < _size(one.asked.request):
            by_key[key] = one
    found: list[Change] = [
        change for key, one in by_key.items() if (change := _change(key, one.decision, held.get(key))) is not None
    ]
    return [*found, *(change for key, change in deleted.items() if key not in by_key)]


def _change(key: str, decision: Decision, held: PriceRecord | None) -> Change | None:
    record = decision.record
    if held is not None and _still_holds(decision, held):
        return None
    if record is None:
        return Delete(key=key) if held is not None and held.source in (CUSTOM, ESTIMATE) else None
    if held is None or not same_price(record, held):
        return Put(key=key, record=record)
    if record.source in _DATED and record.fetched_at_ns - held.fetched_at_ns >= REFRESH_SECONDS * 1e9:
        return Put(key=key, record=msgspec.structs.replace(record, effective_from_ns=held.effective_from_ns))
    return None


def _still_holds(decision: Decision, held: PriceRecord) -> bool:
    """Whether the price in force is from a source that has nothing else now, or an estimate that it may be part of."""
    if held.source in decision.pending or held.source in decision.standing:
        return True
    return (
        bool(decision.pending)
        and held.source == ESTIMATE
        and (decision.record is None or decision.record.source == ESTIMATE)
    )


def same_price(one: PriceRecord, other: PriceRecord) -> bool:
    """Whether two records say the same price, whenever it was fetched and from whenever it counts."""
    return msgspec.structs.replace(one, fetched_at_ns=0, effective_from_ns=0) == msgspec.structs.replace(
        other, fetched_at_ns=0, effective_from_ns=0
    )


def _size(request: PriceRequest) -> tuple[float, float, float]:
    shape = request.shape
    return (0.0, 0.0, 0.0) if shape is None else (shape.vcpu, shape.memory_gib, shape.gpus)
