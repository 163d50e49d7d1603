"""A price sheet: what an agreement's meters cost, as the Consumption API lists it.

https://learn.microsoft.com/rest/api/consumption/price-sheet/get
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import msgspec

from kube_cost_pricing.providers.azure.units import Measure, parse

_CATEGORIES = frozenset(
    {
        "Virtual Machines",
        "Storage",
        "Bandwidth",
        "Load Balancer",
        "Virtual Network",
        "Azure Kubernetes Service",
        "Container Instances",
    }
)
"""The services whose meters are kept: a sheet lists hundreds of thousands of others."""


@dataclass(frozen=True, slots=True)
class SheetPrice:
    """A meter's price: `amount` of `currency` per `measure`; `amount` is None where its offers differ."""

    amount: float | None
    currency: str
    measure: Measure


class _Details(msgspec.Struct, frozen=True, rename="camel"):
    meter_category: str | None = None


class _Line(msgspec.Struct, frozen=True, rename="camel"):
    meter_id: str | None = None
    unit_of_measure: str | None = None
    unit_price: float | None = None
    currency_code: str | None = None
    offer_id: str | None = None
    meter_details: _Details | None = None


class _Properties(msgspec.Struct, frozen=True, rename="camel"):
    pricesheets: list[_Line] = []
    next_link: str | None = None


class _Page(msgspec.Struct, frozen=True):
    properties: _Properties


class PriceSheet:
    """The meters of a sheet, put together page by page. `offer_id` leaves out the lines of other offers."""

    def __init__(self, *, offer_id: str = "") -> None:
        self._offer_id = offer_id
        self._meters: dict[bytes, SheetPrice] = {}
        self._same: dict[SheetPrice, SheetPrice] = {}

    def __len__(self) -> int:
        """How many meters it has."""
        return len(self._meters)

    def price(self, meter_id: str) -> SheetPrice | None:
        """Return what the meter costs, or None where the sheet doesn't say."""
        key = _key(meter_id)
        return None if key is None else self._meters.get(key)

    def add(self, body: bytes) -> str:
        """Take a page; return the token of the next one, empty where there is none. ValueError for no page."""
        try:
            page = msgspec.json.decode(body, type=_Page, strict=False)
        except msgspec.DecodeError as error:
            raise ValueError(str(error)) from error
        for line in page.properties.pricesheets:
            self._take(line)
        return _skip_token(page.properties.next_link or "")

    def _take(self, line: _Line) -> None:
        category = line.meter_details.meter_category if line.meter_details is not None else None
        if category is not None and category not in _CATEGORIES:
            return
        if self._offer_id and line.offer_id and line.offer_id != self._offer_id:
            return
        key, measure = _key(line.meter_id or ""), parse(line.unit_of_measure or "")
        if key is None or measure is None or line.unit_price is None:
            return
        price = SheetPrice(line.unit_price, line.currency_code or "USD", measure)
        before = self._meters.get(key)
        if before is not None and before != price:
            price = SheetPrice(None, price.currency, measure)
        self._meters[key] = self._same.setdefault(price, price)


@dataclass(frozen=True, kw_only=True)
class SheetState:
    """The sheet to price by, if there is one; else why there is none. `wanted` is false where nobody asked for it."""

    wanted: bool = False
    sheet: PriceSheet | None = None
    why_not: str = ""


def _key(meter_id: str) -> bytes | None:
    try:
        return uuid.UUID(meter_id).bytes
    except ValueError:
        return None


def _skip_token(link: str) -> str:
    """The link itself isn't followed: the token goes where the first question went."""
    parameters: Mapping[str, str] = {name.lower(): value for name, value in parse_qsl(urlsplit(link).query)}
    return parameters.get("$skiptoken", "")
