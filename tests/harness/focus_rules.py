"""The rules of FOCUS 1.3's Cost and Usage dataset, from the specification's tables, for a CSV of ours.

Columns with their feature level, data type and whether they allow nulls; allowed values; what one column demands of
another; and, for charges that are split, that rows are one charge in all but their parts, which add up to it.
https://focus.finops.org/focus-specification/v1-3/
"""

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

FocusRow = Mapping[str, str | None]

CUSTOM = re.compile(r"x_[A-Z][A-Za-z0-9]*")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
NANO = Decimal(1).scaleb(-9)


class Column(NamedTuple):
    """What the specification's table says of a column."""

    level: Literal["Mandatory", "Conditional", "Recommended"]
    nulls: bool
    type: Literal["String", "Decimal", "Date/Time", "JSON"]
    allowed: frozenset[str] | None = None


def _column(
    level: Literal["Mandatory", "Conditional", "Recommended"],
    nulls: bool,
    kind: Literal["String", "Decimal", "Date/Time", "JSON"] = "String",
    allowed: Sequence[str] | None = None,
) -> Column:
    return Column(level, nulls, kind, None if allowed is None else frozenset(allowed))


SUBCATEGORIES: Mapping[str, Sequence[str]] = {
    "Compute": (
        *("Containers", "End User Computing", "Quantum Compute", "Serverless Compute", "Virtual Machines"),
        "Other (Compute)",
    ),
    "Networking": (
        *("Application Networking", "Content Delivery", "Network Connectivity", "Network Infrastructure"),
        *("Network Routing", "Network Security", "Other (Networking)"),
    ),
    "Storage": (
        *("Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms"),
        "Other (Storage)",
    ),
}
"""Of the categories that a cluster's costs fall into."""

CATEGORIES = (
    *("AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases", "Developer Tools"),
    *("Multicloud", "Identity", "Integration", "Internet of Things", "Management and Governance", "Media"),
    *("Migration", "Mobile", "Networking", "Security", "Storage", "Web", "Other"),
)

COLUMNS: Mapping[str, Column] = {
    "AllocatedMethodDetails": _column("Recommended", True, "JSON"),
    "AllocatedMethodId": _column("Conditional", True),
    "AllocatedResourceId": _column("Conditional", True),
    "AllocatedResourceName": _column("Conditional", True),
    "AllocatedTags": _column("Conditional", True, "JSON"),
    "AvailabilityZone": _column("Recommended", True),
    "BilledCost": _column("Mandatory", False, "Decimal"),
    "BillingAccountId": _column("Mandatory", False),
    "BillingAccountName": _column("Mandatory", True),
    "BillingAccountType": _column("Conditional", False),
    "BillingCurrency": _column("Mandatory", False),
    "BillingPeriodEnd": _column("Mandatory", False, "Date/Time"),
    "BillingPeriodStart": _column("Mandatory", False, "Date/Time"),
    "CapacityReservationId": _column("Conditional", True),
    "CapacityReservationStatus": _column("Conditional", True),
    "ChargeCategory": _column("Mandatory", False, allowed=("Usage", "Purchase", "Tax", "Credit", "Adjustment")),
    "ChargeClass": _column("Mandatory", True, allowed=("Correction",)),
    "ChargeDescription": _column("Mandatory", True),
    "ChargeFrequency": _column("Recommended", False, allowed=("One-Time", "Recurring", "Usage-Based")),
    "ChargePeriodEnd": _column("Mandatory", False, "Date/Time"),
    "ChargePeriodStart": _column("Mandatory", False, "Date/Time"),
    "CommitmentDiscountCategory": _column("Conditional", True, allowed=("Spend", "Usage")),
    "CommitmentDiscountId": _column("Conditional", True),
    "CommitmentDiscountName": _column("Conditional", True),
    "CommitmentDiscountQuantity": _column("Conditional", True, "Decimal"),
    "CommitmentDiscountStatus": _column("Conditional", True, allowed=("Used", "Unused")),
    "CommitmentDiscountType": _column("Conditional", True),
    "CommitmentDiscountUnit": _column("Conditional", True),
    "ConsumedQuantity": _column("Conditional", True, "Decimal"),
    "ConsumedUnit": _column("Conditional", True),
    "ContractApplied": _column("Conditional", True, "JSON"),
    "ContractedCost": _column("Mandatory", False, "Decimal"),
    "ContractedUnitPrice": _column("Conditional", True, "Decimal"),
    "EffectiveCost": _column("Mandatory", False, "Decimal"),
    "HostProviderName": _column("Mandatory", False),
    "InvoiceId": _column("Recommended", True),
    "InvoiceIssuerName": _column("Mandatory", False),
    "ListCost": _column("Mandatory", False, "Decimal"),
    "ListUnitPrice": _column("Conditional", True, "Decimal"),
    "PricingCategory": _column("Conditional", True, allowed=("Standard", "Dynamic", "Committed", "Other")),
    "PricingCurrency": _column("Conditional", True),
    "PricingCurrencyContractedUnitPrice": _column("Conditional", True, "Decimal"),
    "PricingCurrencyEffectiveCost": _column("Conditional", True, "Decimal"),
    "PricingCurrencyListUnitPrice": _column("Conditional", True, "Decimal"),
    "PricingQuantity": _column("Mandatory", True, "Decimal"),
    "PricingUnit": _column("Mandatory", True),
    "ProviderName": _column("Mandatory", False),
    "PublisherName": _column("Mandatory", False),
    "RegionId": _column("Conditional", True),
    "RegionName": _column("Conditional", True),
    "ResourceId": _column("Conditional", True),
    "ResourceName": _column("Conditional", True),
    "ResourceType": _column("Conditional", True),
    "ServiceCategory": _column("Mandatory", False, allowed=CATEGORIES),
    "ServiceName": _column("Mandatory", False),
    "ServiceProviderName": _column("Mandatory", False),
    "ServiceSubcategory": _column("Recommended", False),
    "SkuId": _column("Conditional", True),
    "SkuMeter": _column("Conditional", True),
    "SkuPriceDetails": _column("Conditional", True, "JSON"),
    "SkuPriceId": _column("Conditional", True),
    "SubAccountId": _column("Conditional", True),
    "SubAccountName": _column("Conditional", True),
    "SubAccountType": _column("Conditional", True),
    "Tags": _column("Conditional", True, "JSON"),
}

SPLIT_COLUMNS = ("AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags")
"""There must be these where charges are split."""

METRICS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity", "ConsumedQuantity")
"""Those that add up. Everything else but what says who a part is for is the same in all rows of a charge."""

PARTS = frozenset({*METRICS, "AllocatedMethodDetails", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags"})


def rows_of(text: str) -> list[FocusRow]:
    """The rows of a CSV; an empty cell is null."""
    return [{name: value or None for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]


def broken_rules(text: str) -> list[str]:
    """What is wrong with a CSV, a sentence each; empty where it is as the specification demands.

    With columns first; then, where these are right, values; then what one of these demands of others.
    """
    header = next(csv.reader(io.StringIO(text)))
    if said := list(_of_header(header)):
        return said
    rows = rows_of(text)
    for rules in (_of_values, _of_row):  # what one says of another can be asked of values that are some
        if said := [f"row {number}: {one}" for number, row in enumerate(rows, start=1) for one in rules(row)]:
            return said
    return list(_of_splits(rows))


def _of_header(header: Sequence[str]) -> Iterator[str]:
    if len(set(header)) < len(header):
        yield "a column is there twice"
    for name in header:
        if name not in COLUMNS and not CUSTOM.fullmatch(name):
            yield f"{name} is no column of FOCUS, and no custom one"
    for name, column in COLUMNS.items():
        if column.level == "Mandatory" and name not in header:
            yield f"{name} is mandatory"
    for name in SPLIT_COLUMNS:
        if name not in header:
            yield f"{name} has to be there where charges are split"


def _of_values(row: FocusRow) -> Iterator[str]:
    for name, value in row.items():
        column = COLUMNS.get(name)
        if column is not None:
            yield from _of_value(name, value, column)


def _of_row(row: FocusRow) -> Iterator[str]:
    yield from _of_periods(row)
    yield from _of_prices(row)
    yield from _of_names(row)
    yield from _of_allocation(row)


def _of_value(name: str, value: str | None, column: Column) -> Iterator[str]:
    if value is None:
        if not column.nulls:
            yield f"{name} is null"
        return
    if column.type == "Decimal" and not NUMBER.fullmatch(value):
        yield f"{name} is no number: {value}"
    if column.type == "Date/Time" and not MOMENT.fullmatch(value):
        yield f"{name} is no time in UTC: {value}"
    if column.type == "String" and (value != value.strip() or value in {"null", "NULL", "None", "N/A"}):
        yield f"{name} is a placeholder or has blanks around it: {value!r}"
    if column.allowed is not None and value not in column.allowed:
        yield f"{name} isn't allowed to be {value}"
    if column.type == "JSON":
        keys: list[list[str]] = []
        json.loads(value, object_pairs_hook=lambda pairs: _noted(pairs, keys))
        if any(len(set(seen)) < len(seen) for seen in keys):
            yield f"{name} has a key twice"
    if name in {"Tags", "AllocatedTags"} and any(isinstance(one, (dict, list)) for one in json.loads(value).values()):
        yield f"{name} isn't flat"


def _noted(pairs: list[tuple[str, object]], keys: list[list[str]]) -> dict[str, object]:
    keys.append([key for key, _ in pairs])
    return dict(pairs)


def _of_periods(row: FocusRow) -> Iterator[str]:
    start, end = _moment(row["ChargePeriodStart"]), _moment(row["ChargePeriodEnd"])
    first, last = _moment(row["BillingPeriodStart"]), _moment(row["BillingPeriodEnd"])
    if not first <= start < end <= last:
        yield "its charge period isn't within its billing period"
    if len(row["BillingCurrency"] or "") != 3:
        yield "its currency is no code of ISO 4217"


def _of_prices(row: FocusRow) -> Iterator[str]:
    usage = row["ChargeCategory"] in {"Usage", "Purchase"} and row["ChargeClass"] != "Correction"
    for name in ("SkuId", "SkuPriceId", "PricingQuantity", "PricingUnit", "PricingCategory", "ListUnitPrice"):
        if usage and name in row and row[name] is None:
            yield f"{name} is null in a charge for usage"
    if row["SkuPriceId"] is None and any(row[name] for name in ("PricingQuantity", "PricingUnit", "ListUnitPrice")):
        yield "it has a price without a SKU"
    for of in ("Pricing", "Consumed"):
        if (row[f"{of}Quantity"] is None) != (row[f"{of}Unit"] is None):
            yield f"it has one of {of}Quantity and {of}Unit"
    for cost, price in (("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")):
        if row[price] is not None and row["PricingQuantity"] is not None:
            product = Decimal(row[price] or 0) * Decimal(row["PricingQuantity"] or 0)
            if abs(product - Decimal(row[cost] or 0)) >= NANO:
                yield f"{cost} {row[cost]} isn't {price} × PricingQuantity, {product}"
            if Decimal(row[price] or 0) < 0:
                yield f"{price} is negative"


def _of_names(row: FocusRow) -> Iterator[str]:
    subcategories = SUBCATEGORIES.get(row["ServiceCategory"] or "", ())
    if row["ServiceSubcategory"] not in subcategories:
        yield f"{row['ServiceSubcategory']} is no subcategory of {row['ServiceCategory']}"
    for name in ("ResourceName", "ResourceType"):
        if row["ResourceId"] is None and row[name] is not None:
            yield f"{name} without ResourceId"
    if row["ResourceId"] is not None and row["ResourceType"] is None:
        yield "a resource without its type"
    if (row["RegionId"] is None) != (row["RegionName"] is None):
        yield "it has one of RegionId and RegionName"


def _of_allocation(row: FocusRow) -> Iterator[str]:
    details = row["AllocatedMethodDetails"]
    if row["AllocatedMethodId"] is None:
        for name in ("AllocatedResourceId", "AllocatedResourceName", "AllocatedTags", "AllocatedMethodDetails"):
            if row[name] is not None:
                yield f"{name} of a charge that isn't split"
        return
    if (row["AllocatedResourceId"] is None) != (row["AllocatedResourceName"] is None):
        yield "it has one of AllocatedResourceId and AllocatedResourceName"
    if details is None:
        yield "how it is split isn't said"
        return
    for element in json.loads(details, parse_float=Decimal)["Elements"]:
        if not isinstance(element["AllocatedRatio"], (int, Decimal)):
            yield f"AllocatedRatio is no number: {element}"
        if "UsageQuantity" in element and "UsageUnit" not in element:
            yield f"a quantity without a unit: {element}"
    tags, own = json.loads(row["Tags"] or "{}"), json.loads(row["AllocatedTags"] or "{}")
    if tags.keys() & own.keys():
        yield "AllocatedTags repeats Tags"


def _of_splits(rows: Sequence[FocusRow]) -> Iterator[str]:
    dimensions: dict[tuple[str | None, ...], set[tuple[tuple[str, str | None], ...]]] = defaultdict(set)
    ratios: dict[tuple[str | None, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["AllocatedMethodId"] is not None:
            charge = charge_of(row)
            dimensions[charge].add(tuple((name, value) for name, value in row.items() if name not in PARTS))
            elements = json.loads(row["AllocatedMethodDetails"] or "{}", parse_float=Decimal)["Elements"]
            ratios[charge] += sum((Decimal(one["AllocatedRatio"]) for one in elements), Decimal(0))
    for charge, seen in dimensions.items():
        if len(seen) > 1:
            differing = {name for values in zip(*seen, strict=True) for name, _ in values if len(set(values)) > 1}
            yield f"rows of the charge {charge} differ in {sorted(differing)}"
        if ratios[charge] != 1:
            yield f"the ratios of the charge {charge} are {ratios[charge]} together"


def charge_of(row: FocusRow) -> tuple[str | None, ...]:
    """What tells a charge from others: when, of what, and by which method it is split."""
    return row["ChargePeriodStart"], row["ResourceId"], row["SkuId"], row["AllocatedMethodId"]


def totals(rows: Sequence[FocusRow], metric: str = "BilledCost") -> dict[tuple[str | None, ...], Decimal]:
    """What the rows of each charge are together."""
    sums: dict[tuple[str | None, ...], Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[charge_of(row)] += Decimal(row[metric] or 0)
    return dict(sums)


def _moment(text: str | None) -> datetime:
    return datetime.strptime(text or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
