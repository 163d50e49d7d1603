"""Items of AWS's Price List, shaped after a recorded one, with decoys beside each machine."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

ON_DEMAND_TERM = "JRTCKXETXF"
RESERVED_TERM = "4NA7Y494T4"
RATE = "6YS6EN2CT7"


@dataclass(frozen=True, kw_only=True)
class AwsProduct:
    """One product: `tiers` are (from how many units on, price of a unit as AWS writes it)."""

    sku: str
    service: str
    family: str
    attributes: Mapping[str, str]
    unit: str = "Hrs"
    tiers: Sequence[tuple[str, str]] = (("0", "0.0960000000"),)
    currency: str = "USD"
    reserved_usd: str = ""

    def text(self) -> str:
        """The item as the API has it: JSON in a string."""
        terms: dict[str, Any] = {"OnDemand": self._term(ON_DEMAND_TERM, self.tiers)}
        if self.reserved_usd:
            terms["Reserved"] = self._term(RESERVED_TERM, (("0", self.reserved_usd),))
        return json.dumps(
            {
                "product": {
                    "productFamily": self.family,
                    "attributes": {**self.attributes, "servicecode": self.service},
                    "sku": self.sku,
                },
                "serviceCode": self.service,
                "terms": terms,
                "version": "20261101000000",
                "publicationDate": "2026-11-01T00:00:00Z",
            }
        )

    def _term(self, code: str, tiers: Sequence[tuple[str, str]]) -> dict[str, Any]:
        dimensions = {
            f"{self.sku}.{code}.{RATE}{number}": {
                "unit": self.unit,
                "beginRange": begin,
                "endRange": "Inf",
                "description": "as it is",
                "appliesTo": [],
                "rateCode": f"{self.sku}.{code}.{RATE}{number}",
                "pricePerUnit": {self.currency: price},
            }
            for number, (begin, price) in enumerate(tiers)
        }
        return {
            f"{self.sku}.{code}": {
                "priceDimensions": dimensions,
                "sku": self.sku,
                "effectiveDate": "2026-11-01T00:00:00Z",
                "offerTermCode": code,
                "termAttributes": {},
            }
        }


@dataclass(frozen=True)
class Machine:
    """A machine type and its price in a region (or the group of a Local or Wavelength Zone)."""

    name: str
    usd: float
    region: str = "us-east-1"
    vcpu: int = 2
    memory_gib: float = 8.0
    gpus: int = 0
    os: str = "Linux"
    currency: str = "USD"
    extra: Mapping[str, str] = field(default_factory=dict)


def product_of(machine: Machine) -> AwsProduct:
    """The product that is the machine's price."""
    metal = ".metal" in machine.name
    attributes = {
        "regionCode": machine.region,
        "instanceType": machine.name,
        "operatingSystem": machine.os,
        "preInstalledSw": "NA",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
        "licenseModel": "No License required",
        "vcpu": str(machine.vcpu),
        "memory": f"{machine.memory_gib:,g} GiB",
        "usagetype": f"BoxUsage:{machine.name}",
        "operation": "RunInstances" if machine.os == "Linux" else "RunInstances:0002",
        "locationType": "AWS Region",
        **machine.extra,
    }
    if machine.gpus:
        attributes["gpu"] = str(machine.gpus)
    return AwsProduct(
        sku=f"{machine.region}-{machine.name}-{machine.os}",
        service="AmazonEC2",
        family="Compute Instance (bare metal)" if metal else "Compute Instance",
        attributes=attributes,
        tiers=(("0", f"{machine.usd:.10f}"),),
        currency=machine.currency,
        reserved_usd=f"{machine.usd * 0.6:.10f}",
    )


def with_decoys(machine: Machine) -> Iterator[AwsProduct]:
    """The machine's product, and what else is listed of the type."""
    product = product_of(machine)
    yield product
    for name, value, part in (
        ("capacitystatus", "AllocatedCapacityReservation", "0.0000000000"),
        ("capacitystatus", "UnusedCapacityReservation", f"{machine.usd:.10f}"),
        ("tenancy", "Dedicated", f"{machine.usd * 1.06:.10f}"),
        ("tenancy", "Host", "0.0000000000"),
        ("preInstalledSw", "SQL Web", f"{machine.usd * 1.5:.10f}"),
        ("operatingSystem", "RHEL", f"{machine.usd + 0.06:.10f}"),
        ("marketoption", "CapacityBlock", f"{machine.usd * 0.8:.10f}"),
        ("operation", "RunInstances:0g00", f"{machine.usd * 1.3:.10f}"),
    ):
        attributes = {**product.attributes, name: value}
        yield replace(product, sku=f"{product.sku}-{value}", attributes=attributes, tiers=(("0", part),))
    if machine.os == "Linux":
        windows = {**product.attributes, "operatingSystem": "Windows", "operation": "RunInstances:0002"}
        own = {**windows, "licenseModel": "Bring your own license", "operation": "RunInstances:0800"}
        yield replace(product, sku=f"{product.sku}-byol", attributes=own, tiers=(("0", f"{machine.usd:.10f}"),))
    if machine.os == "Windows":
        own = {**product.attributes, "licenseModel": "Bring your own license"}
        yield replace(product, sku=f"{product.sku}-own", attributes=own, tiers=(("0", f"{machine.usd / 2:.10f}"),))
