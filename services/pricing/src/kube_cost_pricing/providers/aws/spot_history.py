"""Asks EC2 for the spot prices of now."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.calls.failures import ANSWER, CallFailedError
from kube_cost_pricing.providers.aws.clients import EC2, AwsClients
from kube_cost_pricing.providers.aws.settings import AwsSettings
from kube_cost_pricing.providers.cloud import SPOT_PRICE, Ask

DESCRIPTIONS = {
    "linux": ("Linux/UNIX", "Linux/UNIX (Amazon VPC)"),
    "windows": ("Windows", "Windows (Amazon VPC)"),
}
"""What EC2 calls operating systems; those of accounts with EC2-Classic have the second one too, at the same price."""


class SpotRow(NamedTuple):
    """The price of an hour of a type in a zone, in the region's currency, and since when."""

    instance_type: str
    zone: str
    amount: float
    since: datetime


class SpotHistory:
    """One question is one or more calls."""

    def __init__(self, *, settings: AwsSettings, clients: AwsClients, ask: Ask, clock: Clock) -> None:
        self._settings = settings
        self._clients = clients
        self._ask = ask
        self._clock = clock

    async def rows(self, region: str, os: str, types: Sequence[str]) -> tuple[dict[tuple[str, str], SpotRow], int]:
        """Return the last price of each type and zone of a region, and when that was asked, in Unix nanoseconds."""
        fetched_at_ns = self._clock.now_ns()
        now = datetime.fromtimestamp(fetched_at_ns / 1e9, tz=UTC)
        parameters: dict[str, Any] = {
            "InstanceTypes": list(types),
            "ProductDescriptions": list(DESCRIPTIONS[os]),
            "StartTime": now,  # the price in force then: no history
            "MaxResults": 1000,
        }
        rows: list[SpotRow] = []
        for _ in range(self._settings.max_pages):
            call = partial(self._clients.call, EC2, region, "describe_spot_price_history", parameters)
            page = await self._ask(SPOT_PRICE, call)
            if "SpotPriceHistory" not in page:
                raise CallFailedError(ANSWER, f"a page of spot prices of {region} that can't be read")
            rows += read_rows(page["SpotPriceHistory"])
            token = page.get("NextToken")
            if not token:
                return latest(rows), fetched_at_ns
            parameters = {**parameters, "NextToken": token}
        raise CallFailedError(ANSWER, f"the spot prices of {region} have more than {self._settings.max_pages} pages")


def read_rows(items: Iterable[dict[str, Any]]) -> list[SpotRow]:
    """Return the rows of a page, as botocore parses them; raise CallFailedError where one is none."""
    try:
        return [
            SpotRow(
                item["InstanceType"],
                item["AvailabilityZone"],
                float(item["SpotPrice"]),
                _moment(item["Timestamp"]),
            )
            for item in items
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise CallFailedError(ANSWER, f"a spot price can't be read: {error!r}") from error


def latest(rows: Iterable[SpotRow]) -> dict[tuple[str, str], SpotRow]:
    """Return the newest row of each type and zone."""
    found: dict[tuple[str, str], SpotRow] = {}
    for row in rows:
        key = (row.instance_type, row.zone)
        if key not in found or found[key].since < row.since:
            found[key] = row
    return found


def _moment(stamp: datetime | str) -> datetime:
    return datetime.fromisoformat(stamp) if isinstance(stamp, str) else stamp
