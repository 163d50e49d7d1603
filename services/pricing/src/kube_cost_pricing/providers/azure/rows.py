"""A page of the Retail Prices API, and the facts of a row.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
"""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One price: `retail_price` of `currency_code` per `unit_of_measure`, from `tier_minimum_units` units on.

    Savings plans in it are left aside: they are what one could pay.
    """

    retail_price: float
    currency_code: str
    type: str
    service_name: str = ""
    product_name: str = ""
    sku_name: str = ""
    meter_name: str = ""
    meter_id: str = ""
    arm_sku_name: str | None = None
    arm_region_name: str | None = None
    unit_of_measure: str = ""
    tier_minimum_units: float = 0.0
    reservation_term: str | None = None
    effective_start_date: str | None = None
    effective_end_date: str | None = None

    def __str__(self) -> str:
        """What `lookup` shows of it."""
        tier = f" from {self.tier_minimum_units:g}" if self.tier_minimum_units else ""
        price = f"{self.retail_price} {self.currency_code} per {self.unit_of_measure}{tier}"
        return f"{self.product_name} / {self.sku_name} / {self.meter_name}, {self.type}: {price}"


class Page(msgspec.Struct, frozen=True):
    """Up to 1000 rows, and where the next ones are."""

    Items: list[Row]
    NextPageLink: str | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """All rows of an answer, and when it came, in Unix nanoseconds."""

    rows: Sequence[Row]
    fetched_at_ns: int


def page_of(body: bytes) -> Page:
    """Return the page that `body` is; raise ValueError for anything else.

    A price of NaN is no JSON, but is read: one such row mustn't take the others with it.
    """
    try:
        return msgspec.json.decode(body, type=Page)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    except msgspec.DecodeError:
        loose: Any = json.loads(body)
    try:
        return msgspec.convert(loose, Page)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def not_in_force(row: Row, now_ns: int) -> str:
    """Return why the row is no price that is paid by use now, or an empty text.

    Rows that ended, and ones that are to begin, are in the same answer as those that count.
    """
    if row.type != "Consumption":
        return f"its type is {row.type}"
    if row.reservation_term:
        return f"it is reserved for {row.reservation_term}"
    now = dt.datetime.fromtimestamp(now_ns / 1e9, tz=dt.UTC)
    end, start = _date(row.effective_end_date), _date(row.effective_start_date)
    if end is not None and end <= now:
        return f"it ended on {row.effective_end_date}"
    if start is not None and start > now:
        return f"it begins on {row.effective_start_date}"
    return ""


def _date(text: str | None) -> dt.datetime | None:
    try:
        date = dt.datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return date.replace(tzinfo=dt.UTC) if date is not None and date.tzinfo is None else date
