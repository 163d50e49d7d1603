"""What fields of answers are, for the JSON schema as for who writes them."""

from typing import Annotated, Literal

import msgspec

from kube_cost_aggregator.outputs.windows import rfc3339
from kube_cost_common.domain.money import HOURS_PER_MONTH, NS_PER_SECOND, format_usd, to_nano

_MONEY = r"^-?[0-9]+(\.[0-9]{1,9})?$"

Usd = Annotated[str, msgspec.Meta(pattern=_MONEY, description="USD as an exact decimal number", examples=["12.5"])]
UsdPerHour = Annotated[str, msgspec.Meta(pattern=_MONEY, description="USD per hour, at this moment's rate")]
UsdPerMonth = Annotated[
    str, msgspec.Meta(pattern=_MONEY, description=f"USD per month of {HOURS_PER_MONTH} h at this moment's rate")
]
Time = Annotated[str, msgspec.Meta(description="A time of RFC 3339, in UTC", extra_json_schema={"format": "date-time"})]
Percent = Annotated[float, msgspec.Meta(description="Percent")]
Seconds = Annotated[float, msgspec.Meta(description="Seconds")]


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer begins with. `cluster` is null where the cluster has no name."""

    generated_at: Time
    cluster: str | None
    currency: Literal["USD"] = "USD"
    hours_per_month: Annotated[int, msgspec.Meta(description="What per month is of per hour")] = HOURS_PER_MONTH


class Listing(Head, frozen=True, kw_only=True):
    """What answers with lines begin with; the lines are the last field."""

    left_out: Annotated[int, msgspec.Meta(ge=0, description="How many more lines there are than `limit` allows")] = 0


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """An amount of each compute resource."""

    vcpu: float
    memory_gib: float
    gpus: float


class Ratios(msgspec.Struct, frozen=True, gc=False):
    """A ratio for each compute resource, null where there is nothing to divide by."""

    vcpu: float | None
    memory_gib: float | None
    gpus: float | None


def usd(nano: int) -> str:
    """Return nano-USD as USD."""
    return format_usd(nano)


def usd_of(rate: float | None) -> str | None:
    """Return a rate or a price in USD in whole nano-USD, None where there is none."""
    return None if rate is None else format_usd(to_nano(rate))


def time_of(ns: int | None) -> str | None:
    """Return Unix nanoseconds as a time; None and 0, which is before anything, are none."""
    return rfc3339(ns / NS_PER_SECOND) if ns else None


def percent(part: int, whole: int) -> float:
    """Return what percentage `part` is of a `whole` above 0, to two decimals."""
    return round(100 * part / whole, 2)
