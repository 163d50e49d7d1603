"""The columns of FOCUS 1.3's Cost and Usage dataset that are exported, and what is the same in all rows of a charge.

https://focus.finops.org/focus-specification/v1-3/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from kube_cost_aggregator.outputs.csv_text import Cell, csv_pieces
from kube_cost_aggregator.outputs.exports.shares import ONE, decimal
from kube_cost_aggregator.outputs.windows import HOUR, rfc3339
from kube_cost_common.domain.money import format_usd

COLUMNS = (
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "InvoiceId",
    "InvoiceIssuerName",
    "HostProviderName",
    "ServiceProviderName",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceSubcategory",
    "ServiceName",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "PricingCategory",
    "PricingUnit",
    "ConsumedUnit",
    "ListUnitPrice",
    "ContractedUnitPrice",
    "Tags",
    "AllocatedMethodId",
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "PricingQuantity",
    "ConsumedQuantity",
    "AllocatedMethodDetails",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
)
"""Those of a charge, and from BilledCost on those of each row of it."""

TAG_PREFIX = "kube_cost/"
"""Before our own tags. No label can begin so: a label's prefix is a DNS name, which has no underscore."""

UNIT_PRICE_DIGITS = 15
_PRICE_SCALE = 10**18
"""From nano-USD for 10⁻¹² hours to the last of these digits of USD an hour: 15 + 12 − 9."""

_PROVIDERS: Mapping[str, str] = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Microsoft", "custom": "On-premises"}

_SERVICES: Mapping[str, Mapping[str, str]] = {
    "aws": {
        "node": "Amazon Elastic Compute Cloud",
        "volume": "Amazon Elastic Block Store",
        "load_balancer": "Elastic Load Balancing",
        "control_plane": "Amazon Elastic Kubernetes Service",
        "traffic": "AWS Data Transfer",
    },
    "gcp": {
        "node": "Compute Engine",
        "volume": "Persistent Disk",
        "load_balancer": "Cloud Load Balancing",
        "control_plane": "Google Kubernetes Engine",
        "traffic": "Google Cloud Networking",
    },
    "azure": {
        "node": "Virtual Machines",
        "volume": "Managed Disks",
        "load_balancer": "Load Balancer",
        "control_plane": "Azure Kubernetes Service",
        "traffic": "Bandwidth",
    },
}
_OWN_SERVICES: Mapping[str, str] = {
    "node": "Kubernetes nodes",
    "volume": "Persistent volumes",
    "load_balancer": "Load balancers",
    "control_plane": "Kubernetes control plane",
    "traffic": "Network",
}


class _Kind(NamedTuple):
    category: str
    subcategory: str
    resource: str
    meter: str


_KINDS: Mapping[str, _Kind] = {
    "node": _Kind("Compute", "Virtual Machines", "Kubernetes node", "Node hours"),
    "traffic": _Kind("Networking", "Network Connectivity", "Kubernetes node", "Traffic of a node"),
    "volume": _Kind("Storage", "Block Storage", "Persistent volume", "Volume hours"),
    "load_balancer": _Kind("Networking", "Application Networking", "Load balancer", "Load balancer hours"),
    "control_plane": _Kind("Compute", "Containers", "Kubernetes control plane", "Control plane hours"),
}


@dataclass(frozen=True, kw_only=True)
class Payer:
    """Who pays whom for what: what the ledger doesn't know. `provider` and `region` as prices have them."""

    account_id: str
    provider: str = "custom"
    provider_name: str = ""
    region: str = ""
    invoice_issuer: str = ""
    cluster: str = ""


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What something cost in an hour, in nano-USD. `method` is how it is split, empty where it isn't.

    `listed` is what it would have cost on demand.
    """

    kind: str
    hour: int
    resource_id: str
    resource_name: str
    sku: str
    sku_price: str
    description: str
    paid: int
    listed: int
    quantity: int
    """Hours, in units of 10⁻¹²."""
    dynamic: bool = False
    method: str = ""
    tags: Mapping[str, str]


def hours_of(seconds: float) -> int:
    """Return seconds as hours in units of 10⁻¹²."""
    return round(seconds * ONE) // HOUR


def charge_cells(charge: Charge, payer: Payer) -> tuple[Cell, ...]:
    """Return what all rows of a charge have in common, in the order of the columns up to BilledCost."""
    kind = _KINDS[charge.kind]
    provider = payer.provider_name or _PROVIDERS.get(payer.provider, payer.provider)
    month, next_month = _month_of(charge.hour)
    price = _unit_price(charge.listed, charge.quantity)
    return (
        payer.account_id,
        None,
        "USD",
        month,
        next_month,
        rfc3339(charge.hour),
        rfc3339(charge.hour + HOUR),
        "Usage",
        None,
        charge.description,
        "Usage-Based",
        None,
        payer.invoice_issuer or provider,
        provider,
        provider,
        provider,
        provider,
        payer.region or None,
        payer.region or None,
        charge.resource_id,
        charge.resource_name,
        kind.resource,
        kind.category,
        kind.subcategory,
        _SERVICES.get(payer.provider, _OWN_SERVICES)[charge.kind],
        charge.sku,
        kind.meter,
        charge.sku_price,
        "Dynamic" if charge.dynamic else "Standard",
        "Hours",
        "Hours",
        price,
        price,
        tags_text(({"cluster": payer.cluster} if payer.cluster else {}) | dict(charge.tags)),
        charge.method or None,
    )


def cells_text(cells: Sequence[Cell]) -> str:
    """Return cells as CSV, without a line's end."""
    # The writer takes its first line for a header, and makes no difference.
    return b"".join(csv_pieces([*cells], ())).decode().removesuffix("\r\n")  # type: ignore[list-item]


def amount_cells(*, paid: int, listed: int, quantity: int) -> tuple[Cell, ...]:
    """Return the money and the quantities of a row, in the order of the columns from BilledCost on."""
    cost, list_cost, hours = format_usd(paid), format_usd(listed), decimal(quantity)
    return cost, cost, list_cost, list_cost, hours, hours


def tags_text(own: Mapping[str, str], labels: str = "") -> str | None:
    """Return tags as JSON, ours under their prefix, labels (`name=value`, line by line) as they are."""
    tags = {TAG_PREFIX + name: value for name, value in own.items() if value}
    for line in labels.splitlines():
        name, _, value = line.partition("=")
        tags[name] = value
    return msgspec.json.encode(tags).decode() if tags else None


def _unit_price(listed: int, quantity: int) -> str:
    """Return USD an hour: times the quantity it is the list cost, rounded to a nano-USD."""
    if not quantity:
        return "0"
    return decimal((listed * _PRICE_SCALE + quantity // 2) // quantity, UNIT_PRICE_DIGITS)


def _month_of(hour: int) -> tuple[str, str]:
    first = datetime.fromtimestamp(hour, tz=UTC).replace(day=1, hour=0)
    last = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return rfc3339(first.timestamp()), rfc3339(last.timestamp())
