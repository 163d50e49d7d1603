"""Rows of Azure's price list, shaped after recorded ones, each among the neighbours that it has there."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]

SERVICE_IDS: Mapping[str, tuple[str, str]] = {
    "Virtual Machines": ("DZH313Z7MMC8", "Compute"),
    "Storage": ("DZH317F1HKN0", "Storage"),
    "Bandwidth": ("DZH314HC0WV9", "Networking"),
    "Load Balancer": ("DZH314HC4R3B", "Networking"),
    "Azure Kubernetes Service": ("DZH3180HX10K", "Containers"),
    "Container Instances": ("DZH31802GF2N", "Containers"),
}
"""A service's id and family."""

_SKU = re.compile(r"(?:Standard_|Basic_)?(?P<letters>[A-Z]+)(?P<size>[\d-]+)(?P<more>.*)")


def row(
    *,
    service: str,
    product: str,
    sku: str,
    meter: str,
    region: str,
    usd: float,
    unit: str,
    arm_sku: str = "",
    kind: str = "Consumption",
    tier: float = 0.0,
    **more: object,
) -> Row:
    """Return a row; its meter id is made of what tells it from others, so that it is the same in every run."""
    service_id, family = SERVICE_IDS[service]
    product_id = "DZH318" + uuid.uuid5(uuid.NAMESPACE_DNS, product).hex[:6].upper()
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": tier,
        "retailPrice": usd,
        "unitPrice": usd,
        "armRegionName": region,
        "location": "" if region == "Global" else region,
        "effectiveStartDate": "2023-09-01T00:00:00Z",
        "meterId": meter_id(region, product, meter),
        "meterName": meter,
        "productId": product_id,
        "skuId": f"{product_id}/{uuid.uuid5(uuid.NAMESPACE_DNS, sku).hex[:4].upper()}",
        "productName": product,
        "skuName": sku,
        "serviceName": service,
        "serviceId": service_id,
        "serviceFamily": family,
        "unitOfMeasure": unit,
        "type": kind,
        "isPrimaryMeterRegion": True,
        "armSkuName": arm_sku,
        **more,
    }


def meter_id(region: str, product: str, meter: str) -> str:
    """Return the id of a product's meter in a region."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{region}/{product}/{meter}"))


def products(arm_sku: str) -> tuple[str, str, str]:
    """Return the products of a machine type: for Linux, for Windows, for Cloud Services (which cost as with Windows).

    Confidential, storage and some GPU machines have another kind of name.
    """
    match = _SKU.match(arm_sku)
    series = (f"{match['letters']}{match['more']}" if match is not None else arm_sku).replace("_", "").strip()
    if arm_sku.startswith(("Standard_DC", "Standard_L", "Standard_NC")):
        return f"{series} Series Linux", f"{series} Series Windows", f"{series} Series CloudServices"
    plain = f"Virtual Machines {series} Series"
    return plain, f"{plain} Windows", f"{series} Series Cloud Services"


def machine_rows(
    region: str, arm_sku: str, on_demand: float, spot: float | None, windows_on_demand: float | None = None
) -> list[Row]:
    """Return the rows of one armSkuName: those that count, and the dozen beside them that mustn't be taken.

    With Windows it costs `windows_usd` of the price, or `windows_on_demand`.
    """
    linux, windows, services = products(arm_sku)
    name = arm_sku.removeprefix("Standard_").replace("_", " ").strip()
    of: dict[str, Any] = {"service": "Virtual Machines", "region": region, "arm_sku": arm_sku, "unit": "1 Hour"}

    def hourly(product: str, suffix: str, usd: float, **more: Any) -> Row:
        return row(product=product, sku=f"{name}{suffix}", meter=f"{name}{suffix}", usd=usd, **of, **more)

    plans = [
        {"unitPrice": on_demand * 0.51, "retailPrice": on_demand * 0.51, "term": "3 Years"},
        {"unitPrice": on_demand * 0.73, "retailPrice": on_demand * 0.73, "term": "1 Year"},
    ]
    reserved = on_demand * 8760 * 0.6
    found = [
        hourly(services, "", windows_usd(on_demand) if windows_on_demand is None else windows_on_demand),
        hourly(services, " Low Priority", on_demand * 0.21),
        hourly(windows, "", windows_usd(on_demand) if windows_on_demand is None else windows_on_demand),
        hourly(windows, " Low Priority", on_demand * 0.7),
        hourly(linux, " Low Priority", on_demand * 0.2),
        hourly(linux, "", on_demand * 1.31, effectiveEndDate="2024-12-31T23:59:59Z"),
        hourly(linux, "", on_demand * 1.07, effectiveStartDate="2999-01-01T00:00:00Z"),
        hourly(linux, "", on_demand, savingsPlan=plans),
        hourly(linux, " Expired", on_demand * 0.9),
        hourly(windows, "", on_demand, kind="DevTestConsumption"),
        hourly(linux, "", reserved, kind="Reservation", reservationTerm="1 Year"),
        hourly(linux, "", reserved * 2, kind="Reservation", reservationTerm="3 Years"),
    ]
    if spot is not None:
        found += [hourly(windows, " Spot", windows_usd(spot)), hourly(linux, " Spot", spot)]
    return found


def windows_usd(linux: float) -> float:
    """Return what the same machine costs here with Windows."""
    return linux + 0.184


def host_rows(region: str, arm_sku: str, usd: float) -> list[Row]:
    """Return the row of a dedicated host, which isn't a machine type though it is listed as one."""
    series = re.split(r"[_ -]", arm_sku, maxsplit=1)[0]
    product = f"{series} Series Dedicated Host"
    return [
        row(
            service="Virtual Machines",
            product=product,
            sku=arm_sku,
            meter=arm_sku,
            region=region,
            usd=usd,
            unit="1 Hour",
            arm_sku=arm_sku,
        )
    ]
