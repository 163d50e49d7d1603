"""Google Cloud: on-demand and spot prices of 43 regions, shapes, and persistent disks."""

import hashlib
from pathlib import Path

import msgspec

from kube_cost_common.messages.prices import Shape
from kube_cost_price_snapshot.table import Row, Table, VolumeRow

_PRICES = "karpenter_gcp_initial-prices.json"
_SHAPES = "cyclenerd_gcp.yml"
_BALANCED = "cyclenerd_pd-balanced_2025-03-06.json"

_DATES = {"a7e865a32f63ca9df3071c12852a7fc970ec5ba827f5e132a3fe69913b5fcdb8": "2026-08-03"}
"""The price file doesn't say from when it is: its SHA-256, and the date of the commit that it is from."""

_NO_GPU = frozenset({"cpu", "ram", "local-ssd", "type"})

_SHARED_VCPU = {"f1-micro": 0.2, "g1-small": 0.5}
"""The part of a vCPU that is sold; the shapes file has it in a comment only (for e2-micro and the like in figures)."""

_DISKS_USD_PER_GIB_MONTH = {"pd-standard": 0.04, "pd-ssd": 0.17}
_DISKS_AS_OF = "2026-08-03"
"""Google's disk pricing page, us-central1."""


class UnknownDateError(ValueError):
    """The price file is another one than those whose date is known, and it carries none itself."""

    def __init__(self, path: Path, digest: str) -> None:
        super().__init__(f"{path} (SHA-256 {digest}) doesn't say from when it is: give --gcp-date YYYY-MM-DD")


class _Region(msgspec.Struct):
    on_demand: dict[str, float]
    spot: dict[str, float]


class _Prices(msgspec.Struct):
    prices: dict[str, _Region]


class _Machines(msgspec.Struct):
    instance: dict[str, dict[str, float | str]]


class _Described(msgspec.Struct):
    compute: _Machines


class _Disks(msgspec.Struct):
    generated: str
    balanced: dict[str, float] = msgspec.field(name="pd-balanced")


def read(folder: Path, *, as_of: str | None = None) -> Table:
    """Return the table made of the three files in `folder`; `as_of` is the ISO date of the price file.

    Raise UnknownDateError where `as_of` is None and the file isn't a known one; msgspec.ValidationError or OSError.
    """
    payload = (folder / _PRICES).read_bytes()
    source = msgspec.json.decode(payload, type=_Prices)
    machines = msgspec.yaml.decode((folder / _SHAPES).read_bytes(), type=_Described).compute.instance
    disks = msgspec.json.decode((folder / _BALANCED).read_bytes(), type=_Disks)
    regions = sorted(source.prices)
    skus = {sku for prices in source.prices.values() for sku in (*prices.on_demand, *prices.spot)}
    return Table(
        provider="gcp",
        as_of=as_of or _date(folder / _PRICES, payload),
        sources=[
            "Cloud Billing Catalog, as generated into cloudpilot-ai/karpenter-provider-gcp (Apache-2.0)",
            "machine shapes and pd-balanced: Cyclenerd/google-cloud-pricing-cost-calculator (Apache-2.0)",
            "other volumes: Google's disk pricing page",
        ],
        unit="USD per hour, Linux",
        regions=regions,
        instances={
            sku: Row(
                shape=_shape(sku, machines),
                on_demand=[source.prices[region].on_demand.get(sku) for region in regions],
                spot=[source.prices[region].spot.get(sku) for region in regions],
            )
            for sku in skus
        },
        volumes=[
            *(VolumeRow(sku, "us-central1", usd, _DISKS_AS_OF) for sku, usd in _DISKS_USD_PER_GIB_MONTH.items()),
            *(VolumeRow("pd-balanced", region, usd, disks.generated) for region, usd in sorted(disks.balanced.items())),
        ],
    )


def _date(path: Path, payload: bytes) -> str:
    digest = hashlib.sha256(payload).hexdigest()
    if digest not in _DATES:
        raise UnknownDateError(path, digest)
    return _DATES[digest]


def _shape(sku: str, machines: dict[str, dict[str, float | str]]) -> Shape | None:
    described = machines.get(sku)
    if described is None:
        return None
    gpus = sum(float(count) for name, count in described.items() if name not in _NO_GPU)
    return Shape(vcpu=_SHARED_VCPU.get(sku, float(described["cpu"])), memory_gib=float(described["ram"]), gpus=gpus)
