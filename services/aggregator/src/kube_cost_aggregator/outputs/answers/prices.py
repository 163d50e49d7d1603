"""`/api/v1/prices`: every price that is known, which of them this cluster needs, and which it lacks."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import msgspec

from kube_cost_aggregator.outputs.answers.answer import Answer, Endpoint, Known
from kube_cost_aggregator.outputs.answers.fields import Listing, Seconds, Time, Usd, time_of, usd_of
from kube_cost_aggregator.outputs.answers.formats import FORMAT
from kube_cost_aggregator.outputs.answers.listing import LIMIT, Keys, arranged, meant, names, sort_by
from kube_cost_aggregator.outputs.answers.nodes import age_seconds
from kube_cost_aggregator.outputs.parameter_kinds import Choice, YesNo
from kube_cost_aggregator.outputs.parameters import Asked, Parameter
from kube_cost_aggregator.outputs.reasons import sentence
from kube_cost_aggregator.state.prices import PriceBook, Since
from kube_cost_aggregator.state.rates import WAITING
from kube_cost_common.messages.prices import UNITS, PriceRecord, PriceRequest, labels_hash, request_key


class PriceLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A price: what it is of, per what it is, and where it is from. One that is needed and missing has no amount.

    `tiers` are amounts from which on each more has another price, with these.
    """

    kind: str
    provider: str
    region: str
    zone: str
    sku: str
    os: str
    capacity_type: str
    labels_hash: Annotated[str, msgspec.Meta(description="Of the node labels that a custom price is bound to")]
    needed: Annotated[bool, msgspec.Meta(description="Whether something in the cluster has it, on spot or on demand")]
    usd: Usd | None
    list_usd: Annotated[str | None, msgspec.Meta(description="Before discounts")]
    unit: Annotated[str | None, msgspec.Meta(description="Per what: `hour`, `gib_month` of 730 h, …")]
    tiers: dict[str, Usd]
    source: str | None
    note: str
    fetched_at: Time | None
    age_seconds: Seconds | None
    effective_from: Time | None
    missing_reason: str | None
    missing_detail: str | None


class PricesAnswer(Listing, frozen=True, kw_only=True):
    """Prices; `missing` is how many of those that are meant are needed and not there."""

    missing: int
    prices: list[PriceLine]


class _Row(NamedTuple):
    """A price that is there, or a request for one that isn't, with the reason and a sentence."""

    of: PriceRecord | PriceRequest
    since: Since | None
    needed: bool
    reason: str = ""
    detail: str = ""


_KEYS: Keys[_Row] = {
    "sku": lambda row: row.of.sku,
    "kind": lambda row: row.of.kind,
    "usd": lambda row: row.since.record.usd if row.since else None,
    "fetched_at": lambda row: row.since.record.fetched_at_ns if row.since else None,
}

KIND = Parameter(
    name="kind", kind=Choice(tuple(UNITS)), repeated=True, about="What prices are of. Several are alternatives."
)
SKU = names("sku", "Types of machines, volumes, traffic and so on, as their clouds name them")
SOURCE = Parameter(
    name="source",
    kind=Choice(("api", "bill", "custom", "snapshot", "estimate")),
    repeated=True,
    about="Where prices are from. Several are alternatives.",
)
NEEDED = Parameter(
    name="needed",
    kind=YesNo(),
    about="Only those of what is in the cluster (`true`), or only the others (`false`).",
)
SORT = sort_by(_KEYS, "kind")


def _answer(asked: Asked, known: Known) -> Answer:
    kinds, skus, sources, needed = asked.all(KIND), asked.all(SKU), asked.all(SOURCE), asked.given(NEEDED)
    rows = [
        row
        for row in sorted(_rows(known), key=lambda row: (row.of.kind, row.of.sku, row.of.provider, row.of.region))
        if (not kinds or row.of.kind in kinds)
        and meant(skus, row.of.sku)
        and (not sources or (row.since is not None and row.since.record.source in sources))
        and (needed is None or row.needed == needed)
    ]
    shown, left_out = arranged(rows, _KEYS, asked.one(SORT), asked)
    missing = sum(row.since is None for row in rows)
    body = PricesAnswer(**known.head, left_out=left_out, missing=missing, prices=[])
    return Answer(body, [_line(row, known.now_ns) for row in shown])


def _rows(known: Known) -> Iterator[_Row]:
    book = known.book
    requests = known.demand.requests if known.demand is not None else []
    needed = {_key(request, book): request for request in requests}
    for key, records in book.records.items():
        if records:
            yield _Row(records[-1].record, records[-1], key in needed)
    for key, request in needed.items():
        if not book.records.get(key):
            why = book.unpriced.get(request_key(request))
            yield _Row(request, None, True, why.code if why else WAITING, why.reason if why else "")


def _key(request: PriceRequest, book: PriceBook) -> str:
    """Return the key of the price that a request is served by: one bound to its labels goes before others."""
    bound = request_key(request, labels_hash=labels_hash(request.labels))
    return bound if book.records.get(bound) else request_key(request)


def _line(row: _Row, now_ns: int) -> PriceLine:
    of, record = row.of, row.since.record if row.since else None
    return PriceLine(
        kind=of.kind,
        provider=of.provider,
        region=of.region,
        zone=of.zone,
        sku=of.sku,
        os=of.os,
        capacity_type=of.capacity,
        labels_hash=record.labels_hash if record else "",
        needed=row.needed,
        usd=usd_of(record.usd) if record else None,
        list_usd=usd_of(record.list_usd) if record else None,
        unit=record.unit if record else None,
        tiers={f"{tier.start:g}": usd_of(tier.usd) or "" for tier in record.tiers} if record else {},
        source=record.source if record else None,
        note=record.note if record else "",
        fetched_at=time_of(record.fetched_at_ns) if record else None,
        age_seconds=age_seconds(record.fetched_at_ns, now_ns) if record else None,
        effective_from=time_of(row.since.since_ns) if row.since else None,
        missing_reason=None if record else row.reason,
        missing_detail=None if record else sentence(row.reason, row.detail),
    )


PRICES = Endpoint(
    name="prices",
    summary="The prices that are known, which of them the cluster needs, and which it lacks",
    parameters=(KIND, SKU, SOURCE, NEEDED, SORT, LIMIT, FORMAT),
    body=PricesAnswer,
    answer=_answer,
)
