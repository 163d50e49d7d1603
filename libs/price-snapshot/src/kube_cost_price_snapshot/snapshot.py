"""The shipped tables, read when a provider is first asked for."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from kube_cost_common.messages.prices import ON_DEMAND, SPOT, Shape
from kube_cost_price_snapshot.nearest import candidates
from kube_cost_price_snapshot.table import PROVIDERS, Row, Table, VolumeRow, parse


@dataclass(frozen=True, kw_only=True)
class SnapshotPrice:
    """The list price of a machine type running Linux: USD per hour, in `region`, as published on `as_of`.

    `shape` is the type's nominal one, None where the table doesn't know it. `elsewhere` is true where `region` isn't
    the one that was asked for: such a price is an estimate.
    """

    usd_per_hour: float
    shape: Shape | None
    region: str
    as_of: dt.date
    elsewhere: bool = False


@dataclass(frozen=True, kw_only=True)
class SnapshotVolumePrice:
    """The list price of block storage: USD per GiB and month of 730 h, in `region`, as published on `as_of`.

    `disk_gib` is set where the provider sells whole disks (Azure): what is here is then a full disk's price divided by
    its size, and a smaller volume pays for the whole disk. `elsewhere` is as in `SnapshotPrice`.
    """

    usd_per_gib_month: float
    region: str
    as_of: dt.date
    disk_gib: float | None = None
    elsewhere: bool = False


class PriceSnapshot:
    """List prices by provider (`aws`, `azure`, `gcp`), region, machine or volume type. Asks nobody.

    A provider's table is read at the first question about it and kept; what isn't asked for takes no memory.
    """

    def __init__(self, *, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._tables: dict[str, Table] = {}
        self._places: dict[str, dict[str, int]] = {}

    def regions(self, provider: str) -> tuple[str, ...]:
        """Return the regions that the table of `provider` has instance prices for; none for an unknown provider."""
        table = self._table(provider)
        return () if table is None else tuple(table.regions)

    def instance_types(self, provider: str) -> tuple[str, ...]:
        """Return the machine types in the table of `provider`, sorted; none for an unknown provider."""
        table = self._table(provider)
        return () if table is None else tuple(table.instances)

    def shape(self, provider: str, sku: str) -> Shape | None:
        """Return the nominal shape of machine type `sku`, which is the same in every region, or None."""
        table = self._table(provider)
        row = table.instances.get(sku) if table is not None else None
        return None if row is None else row.shape

    def price(self, provider: str, region: str, sku: str, capacity: str) -> SnapshotPrice | None:
        """Return the price in that very region for `on_demand` or `spot` capacity, or None where the table has none."""
        table = self._table(provider)
        row = table.instances.get(sku) if table is not None else None
        if table is None or row is None:
            return None
        usd = self._usd(provider, row, region, capacity)
        if usd is None:
            return None
        return SnapshotPrice(usd_per_hour=usd, shape=row.shape, region=region, as_of=dt.date.fromisoformat(table.as_of))

    def nearest_price(self, provider: str, region: str, sku: str, capacity: str) -> SnapshotPrice | None:
        """Return the price in `region`, or the one of the region that stands in for it, marked `elsewhere`.

        The stand-in is chosen by `nearest.candidates`; None where the table has no price of `sku` at all.
        """
        exact = self.price(provider, region, sku, capacity)
        if exact is not None or provider not in PROVIDERS:
            return exact
        for other in candidates(provider, region, list(self.regions(provider))):
            found = self.price(provider, other, sku, capacity)
            if found is not None:
                return SnapshotPrice(
                    usd_per_hour=found.usd_per_hour,
                    shape=found.shape,
                    region=other,
                    as_of=found.as_of,
                    elsewhere=True,
                )
        return None

    def volume_price(self, provider: str, region: str, sku: str) -> SnapshotVolumePrice | None:
        """Return the price of volume type `sku` in that very region, or None where the table has none."""
        return next(
            (_volume(row, elsewhere=False) for row in self._volumes(provider, sku) if row.region == region), None
        )

    def nearest_volume_price(self, provider: str, region: str, sku: str) -> SnapshotVolumePrice | None:
        """Return the price of volume type `sku` in `region` or in its stand-in, marked `elsewhere`, or None."""
        exact = self.volume_price(provider, region, sku)
        rows = self._volumes(provider, sku)
        if exact is not None or not rows:
            return exact
        by_region = {row.region: row for row in rows}
        first = candidates(provider, region, list(by_region))[0]
        return _volume(by_region[first], elsewhere=True)

    def _volumes(self, provider: str, sku: str) -> list[VolumeRow]:
        table = self._table(provider)
        return [] if table is None else [row for row in table.volumes if row.sku == sku]

    def _usd(self, provider: str, row: Row, region: str, capacity: str) -> float | None:
        place = self._places[provider].get(region)
        prices = {ON_DEMAND: row.on_demand, SPOT: row.spot}.get(capacity)
        return prices[place] if prices and place is not None else None

    def _table(self, provider: str) -> Table | None:
        if provider not in PROVIDERS:
            return None
        table = self._tables.get(provider)
        if table is None:
            table = self._tables[provider] = parse(self._read(provider))
            self._places[provider] = {region: place for place, region in enumerate(table.regions)}
        return table


def load() -> PriceSnapshot:
    """Return the shipped price snapshot; nothing is read before the first question."""
    return PriceSnapshot(read=lambda provider: (files(__package__) / "tables" / f"{provider}.json").read_bytes())


def _volume(row: VolumeRow, *, elsewhere: bool) -> SnapshotVolumePrice:
    return SnapshotVolumePrice(
        usd_per_gib_month=row.usd if row.disk_gib is None else row.usd / row.disk_gib,
        region=row.region,
        as_of=dt.date.fromisoformat(row.as_of),
        disk_gib=row.disk_gib,
        elsewhere=elsewhere,
    )
