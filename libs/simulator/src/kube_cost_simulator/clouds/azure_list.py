"""The whole price list, and the price sheet of an agreement; both can change while they are served."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kube_cost_simulator.clouds.azure_filters import Condition
from kube_cost_simulator.clouds.azure_rows import Row, host_rows, machine_rows, meter_id, products
from kube_cost_simulator.clouds.azure_services import global_rows, service_rows


class AzurePriceList:
    """Machines by region and armSkuName, in USD per hour, and all else that a region sells."""

    def __init__(
        self,
        *,
        on_demand: Mapping[str, Mapping[str, float]],
        spot: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        self._machines: dict[str, dict[str, list[Row]]] = {region: {} for region in on_demand}
        for region, prices in on_demand.items():
            for sku, usd in prices.items():
                self.sell(region, sku, usd, (spot or {}).get(region, {}).get(sku))
        self._services = {region: service_rows(region) for region in on_demand}
        self._global = global_rows()

    def sell(
        self, region: str, sku: str, on_demand: float, spot: float | None, windows_on_demand: float | None = None
    ) -> None:
        """Set a machine's prices, old or new. A name that is none of a machine is a dedicated host's."""
        is_machine = sku.startswith(("Standard_", "Basic_"))
        self._machines.setdefault(region, {})[sku] = (
            machine_rows(region, sku, on_demand, spot, windows_on_demand)
            if is_machine
            else host_rows(region, sku, on_demand)
        )

    def add(self, region: str, *rows: Row) -> None:
        """Add rows, to whatever there is."""
        for row in rows:
            self._machines.setdefault(region, {}).setdefault(row["armSkuName"], []).append(row)

    def matching(self, condition: Condition) -> list[Row]:
        """Return the rows for which `condition` holds."""
        return [row for row in self._candidates(condition) if condition.holds(row)]

    def _candidates(self, condition: Condition) -> Iterable[Row]:
        regions, skus = condition.values("armRegionName"), condition.values("armSkuName")
        for region, machines in self._machines.items():
            if regions is not None and region not in regions:
                continue
            for sku in machines if skus is None else skus:
                yield from machines.get(sku, ())
            if skus is None:
                yield from self._services.get(region, ())
        if skus is None:
            yield from self._global


@dataclass
class AzurePriceSheet:
    """What an agreement pays, in lines as the Consumption API has them."""

    lines: list[Row] = field(default_factory=list)

    def agree(self, region: str, sku: str, usd: float, *, spot: bool = False, currency: str = "USD") -> None:
        """Set a Linux machine's price per hour; the sheet has it per 100 hours."""
        name = sku.removeprefix("Standard_").replace("_", " ").strip() + (" Spot" if spot else "")
        linux = products(sku)[0]
        self.set(meter_id(region, linux, name), usd * 100, "100 Hours", name=name, currency=currency)

    def set(
        self,
        meter: str,
        amount: float,
        unit: str,
        *,
        offer: str = "MS-AZR-0017P",
        category: str = "Virtual Machines",
        currency: str = "USD",
        name: str = "",
    ) -> None:
        """Add a line for the meter with the id `meter`."""
        self.lines.append(
            {
                "billingPeriodId": "",
                "meterId": meter,
                "unitOfMeasure": unit,
                "includedQuantity": 0.0,
                "partNumber": "N7H-00015",
                "unitPrice": amount,
                "currencyCode": currency,
                "offerId": offer,
                "meterDetails": {
                    "meterName": name,
                    "meterCategory": category,
                    "unit": unit,
                    "meterLocation": "",
                    "totalIncludedQuantity": 0.0,
                    "pretaxStandardRate": 0.0,
                },
            }
        )
