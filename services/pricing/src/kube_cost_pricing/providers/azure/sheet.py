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
    """The meters of a sheet, put together page by page. `offer_id` leaves out the lines of other offers.

    A sheet may have hundreds of thousands of meters, but only a few currencies and units: those are kept once, and of
    a meter its id's 16 bytes and a number.
    """

    def __init__(self, *, offer_id: str = "") -> None:
        self._offer_id = offer_id
        self._amounts: dict[tuple[str, str], dict[bytes, float]] = {}
        self._differing: set[bytes] = set()

    def __len__(self) -> int:
        """How many meters it has."""
        return sum(map(len, self._amounts.values()))

    def price(self, meter_id: str) -> SheetPrice | None:
        """Return what the meter costs, or None where the sheet doesn't say."""
        key = _key(meter_id)
        found = self._find(key) if key is not None else None
        if key is None or found is None:
            return None
        (currency, unit), amount = found
        measure = parse(unit)
        assert measure is not None, "lines with another unit aren't kept"
        return SheetPrice(None if key in self._differing else amount, currency, measure)

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
        key, unit = _key(line.meter_id or ""), line.unit_of_measure or ""
        if key is None or line.unit_price is None:
            return
        kind = (line.currency_code or "USD", unit)
        if kind not in self._amounts:
            if parse(unit) is None:
                return
            self._amounts[kind] = {}
        before = self._find(key)
        if before is None:
            self._amounts[kind][key] = line.unit_price
        elif before != (kind, line.unit_price):
            self._differing.add(key)

    def _find(self, key: bytes) -> tuple[tuple[str, str], float] | None:
        for kind, amounts in self._amounts.items():
            amount = amounts.get(key)
            if amount is not None:
                return kind, amount
        return None


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
