"""Requests, rows and books for tests of Azure's prices."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, PriceRequest
from kube_cost_pricing.providers.azure.book import PriceBook
from kube_cost_pricing.providers.azure.rows import Listing, Row
from kube_cost_pricing.providers.azure.sheet import PriceSheet, SheetState
from kube_cost_pricing.providers.source import Answer, Quote
from kube_cost_simulator.clouds.azure_list import AzurePriceSheet

NOW_NS = 1_790_000_000_000_000_000
"""2026-09-21."""


def priced(
    sku: str,
    *,
    region: str = "eastus",
    kind: str = INSTANCE,
    capacity: str = ON_DEMAND,
    os: str = "linux",
    zone: str = "",
) -> PriceRequest:
    """A request as the aggregator makes it."""
    return PriceRequest(provider="azure", region=region, zone=zone, kind=kind, sku=sku, os=os, capacity=capacity)


def quoted(answer: Answer) -> Quote:
    """The answer, which has to be a price."""
    assert isinstance(answer, Quote), answer
    return answer


def listed(rows: Sequence[Mapping[str, Any]]) -> Listing:
    """Rows as the API has them, as facts."""
    return Listing(rows=msgspec.convert(rows, list[Row]), fetched_at_ns=NOW_NS)


def sheet_page(sheet: AzurePriceSheet, next_link: str | None = None) -> bytes:
    """A sheet as one page."""
    return json.dumps({"properties": {"pricesheets": sheet.lines, "nextLink": next_link}}).encode()


def book(sheet: AzurePriceSheet | None = None, *, seen: list[str] | None = None) -> PriceBook:
    """A book of list prices, or of a sheet's."""
    state = SheetState()
    if sheet is not None:
        kept = PriceSheet()
        kept.add(sheet_page(sheet))
        state = SheetState(wanted=True, sheet=kept)
    return PriceBook(state=state, now_ns=NOW_NS, seen=(seen if seen is not None else []).append)
