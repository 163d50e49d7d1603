"""SKUs as the Cloud Billing Catalog lists them, with decoys beside each: what isn't to be taken for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

COMPUTE = "6F81-5844-456A"
KUBERNETES = "CCD8-9BF1-090E"

NANOS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class GcpSku:
    """One SKU: `tiers` are (from how many units on, price of a unit)."""

    sku_id: str
    description: str
    group: str
    usage: str
    regions: tuple[str, ...]
    unit: str
    tiers: tuple[tuple[float, Fraction], ...]
    family: str = "Compute"
    currency: str = "USD"
    service: str = COMPUTE

    def message(self) -> dict[str, Any]:
        """The SKU as the fields of a `google.cloud.billing.v1.Sku`."""
        return {
            "name": f"services/{self.service}/skus/{self.sku_id}",
            "sku_id": self.sku_id,
            "description": self.description,
            "category": {
                "service_display_name": "Compute Engine",
                "resource_family": self.family,
                "resource_group": self.group,
                "usage_type": self.usage,
            },
            "service_regions": list(self.regions),
            "pricing_info": [
                {
                    "pricing_expression": {
                        "usage_unit": self.unit,
                        "display_quantity": 1.0,
                        "tiered_rates": [
                            {
                                "start_usage_amount": start,
                                "unit_price": {"currency_code": self.currency, **money(usd)},
                            }
                            for start, usd in self.tiers
                        ],
                    }
                }
            ],
            "service_provider_name": "Google",
        }


def money(usd: Fraction) -> dict[str, int]:
    """An amount as units and nanos, to the nearest nano."""
    nanos = round(usd * NANOS)
    units = nanos // NANOS if nanos >= 0 else -(-nanos // NANOS)
    return {"units": units, "nanos": nanos - units * NANOS}


def with_decoys(skus: Sequence[GcpSku]) -> Iterator[GcpSku]:
    """Each SKU of a core or of memory with what else is listed of it, at other prices: half, twice, a third."""
    for sku in skus:
        yield sku
        if sku.group not in {"CPU", "RAM", "N1Standard"}:
            continue
        plain = sku.description.removeprefix("Spot Preemptible ")
        if sku.usage == "OnDemand":
            yield _decoy(sku, f"Sole Tenancy Premium for {plain}", "st", Fraction(1, 10))
            yield _decoy(sku, f"Reserved {plain}", "rs", Fraction(1))
            yield replace(
                _decoy(sku, f"Commitment v1: {plain.split(' ')[0]} Cpu in Americas for 1 Year", "cm", Fraction(1, 2)),
                usage="Commit1Yr",
            )
            yield _decoy(sku, f"{plain} - DWS Defined Duration", "dw", Fraction(1, 2))
        if " Instance " in plain and " Custom " not in plain and "Predefined" not in plain:
            custom = sku.description.replace(" Instance ", " Custom Instance ")
            yield _decoy(sku, custom, "cu", Fraction(21, 20))


def _decoy(sku: GcpSku, description: str, mark: str, part: Fraction) -> GcpSku:
    tiers = tuple((start, usd * part) for start, usd in sku.tiers)
    return replace(sku, sku_id=f"{sku.sku_id}-{mark}", description=description, tiers=tiers)
