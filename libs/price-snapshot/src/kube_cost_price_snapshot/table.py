"""How a cloud's table is laid out in its file: JSON, one machine type a line, so that a new table reads as a diff."""

import json

import msgspec

from kube_cost_common.messages.prices import Shape

PROVIDERS = ("aws", "azure", "gcp")


class Row(msgspec.Struct, array_like=True, frozen=True):
    """One machine type: its nominal shape, and USD per hour by region, in the order of the table's `regions`.

    None where the source has no price. `spot` is empty where the source has no spot prices at all.
    """

    shape: Shape | None
    on_demand: list[float | None]
    spot: list[float | None]


class VolumeRow(msgspec.Struct, array_like=True, frozen=True):
    """One published price of block storage: `usd` per GiB and month, or per disk and month where `disk_gib` is set.

    A month is the provider's own, of 730 hours in all three. `as_of` is when the figure was last seen published.
    """

    sku: str
    region: str
    usd: float
    as_of: str
    disk_gib: float | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """All that is shipped of one cloud. `as_of` is the date of the instance prices (ISO 8601); USD throughout."""

    provider: str
    as_of: str
    sources: list[str]
    unit: str
    regions: list[str]
    instances: dict[str, Row]
    volumes: list[VolumeRow]


def render(table: Table) -> bytes:
    """Return the file of `table`: the same bytes for the same table, whatever order its instances came in."""
    head = [
        f'"{name}":{_compact(getattr(table, name))},' for name in ("provider", "as_of", "sources", "unit", "regions")
    ]
    instances = [f'"{sku}":{_row(row)}' for sku, row in sorted(table.instances.items())]
    volumes = [_volume(row) for row in table.volumes]
    parts = ["{", *head, '"instances":{', ",\n".join(instances), "},", '"volumes":[', ",\n".join(volumes), "]", "}"]
    return ("\n".join(parts) + "\n").encode()


def parse(payload: bytes) -> Table:
    """Return the table in `payload`; raise msgspec.ValidationError where it isn't one."""
    return msgspec.json.decode(payload, type=Table)


def _row(row: Row) -> str:
    shape = None if row.shape is None else [_number(part) for part in (row.shape.vcpu, row.shape.memory_gib)]
    if shape is not None and row.shape is not None and row.shape.gpus:
        shape.append(_number(row.shape.gpus))
    prices = [[None if usd is None else _number(usd) for usd in usds] for usds in (row.on_demand, row.spot)]
    return _compact([shape, *prices])


def _volume(row: VolumeRow) -> str:
    parts = [row.sku, row.region, _number(row.usd), row.as_of]
    return _compact(parts if row.disk_gib is None else [*parts, _number(row.disk_gib)])


def _number(value: float) -> float:
    """Return `value` to a billionth (a nano-USD), a whole one as int: shorter, and the same in every build."""
    rounded = round(float(value), 9)
    return int(rounded) if rounded.is_integer() else rounded


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
