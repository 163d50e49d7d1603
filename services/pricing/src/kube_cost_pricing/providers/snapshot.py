"""The shipped table of list prices as a source."""

import datetime as dt

import msgspec

from kube_cost_common.domain.attached_gpus import attached_gpus
from kube_cost_common.messages.prices import INSTANCE, VOLUME, PriceRequest, Shape
from kube_cost_price_snapshot import PriceSnapshot
from kube_cost_pricing.providers.source import SNAPSHOT, Answer, Quote, Unknown

_AZURE_DISKS = {"Premium_LRS": "P4", "StandardSSD_LRS": "E30", "Standard_LRS": "S4"}
"""Azure sells disks in tiers and a volume names only its kind: the tier whose price per GiB stands for the kind."""


class SnapshotSource:
    """List prices of the three clouds, as they were on the table's date; knows nothing newer, asks nobody."""

    def __init__(self, *, snapshot: PriceSnapshot) -> None:
        self._snapshot = snapshot

    @property
    def name(self) -> str:
        """`snapshot`."""
        return SNAPSHOT

    async def price(self, request: PriceRequest) -> Answer:
        """Return the table's price; that of a stand-in region, or of Linux for Windows, isn't exact and says so."""
        if request.kind == INSTANCE:
            return self._instance(request)
        if request.kind == VOLUME:
            return self._volume(request)
        return Unknown(reason=f"the price snapshot has no prices of kind {request.kind}")

    def shape(self, request: PriceRequest) -> Shape | None:
        """Return the nominal shape of the requested machine type with what is attached to it, or None."""
        shape = self._snapshot.shape(request.provider, request.sku) if request.kind == INSTANCE else None
        attached = attached_gpus(request.provider, request.sku, request.labels)
        if shape is None or attached is None:
            return shape
        return msgspec.structs.replace(shape, gpus=attached[1])

    def _instance(self, request: PriceRequest) -> Answer:
        if attached_gpus(request.provider, request.sku, request.labels) is not None:
            return Unknown(reason="the price snapshot doesn't know what GPUs cost that are attached to a machine")
        found = self._snapshot.nearest_price(request.provider, request.region, request.sku, request.capacity)
        if found is None:
            return self._unknown(request)
        notes = [f"price of {found.region}"] if found.elsewhere else []
        if request.os == "windows":
            notes.append("price of Linux")
        return Quote(
            amount=found.usd_per_hour,
            unit="hour",
            source=SNAPSHOT,
            fetched_at_ns=_midnight_ns(found.as_of),
            exact=not notes,
            note="; ".join(notes),
            shape=found.shape,
        )

    def _volume(self, request: PriceRequest) -> Answer:
        sku = _AZURE_DISKS.get(request.sku, request.sku) if request.provider == "azure" else request.sku
        found = self._snapshot.nearest_volume_price(request.provider, request.region, sku)
        if found is None:
            return self._unknown(request)
        notes = [f"price of {found.region}"] if found.elsewhere else []
        if found.disk_gib is not None:
            notes.append(f"per GiB of a full {sku} disk")
        return Quote(
            amount=found.usd_per_gib_month,
            unit="gib_month",
            source=SNAPSHOT,
            fetched_at_ns=_midnight_ns(found.as_of),
            exact=not notes,
            note="; ".join(notes),
        )

    def _unknown(self, request: PriceRequest) -> Unknown:
        if not self._snapshot.regions(request.provider):
            return Unknown(reason=f"the price snapshot knows no provider {request.provider}")
        capacity = f" {request.capacity}" if request.capacity else ""
        return Unknown(reason=f"the price snapshot has no{capacity} price of {request.sku or 'a nameless type'}")


def _midnight_ns(date: dt.date) -> int:
    return int(dt.datetime(date.year, date.month, date.day, tzinfo=dt.UTC).timestamp()) * 1_000_000_000
