"""Prices from Azure: the public price list, and over it the price sheet of an agreement."""

from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.providers.azure.settings import AzureSettings
from kube_cost_pricing.providers.cloud import Ask, CloudPrices, Seen

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

__all__ = ["AzureSettings", "azure_prices"]


def azure_prices(
    *,
    settings: AzureSettings,
    ask: Ask,
    clock: Clock,
    log: FilteringBoundLogger,
    seen: Seen = lambda _: None,
    credential: "AsyncTokenCredential | None" = None,
) -> CloudPrices:
    """Return Azure's prices. Loads the HTTP client; Azure's SDK only where a subscription is configured.

    `credential` gives tokens for the price sheet instead of the environment, Workload Identity or Managed Identity.
    """
    from kube_cost_pricing.providers.azure.prices import AzurePrices  # noqa: PLC0415 - only when Azure is on
    from kube_cost_pricing.providers.azure.retail import RetailPrices  # noqa: PLC0415 - likewise
    from kube_cost_pricing.providers.azure.sheet_keeper import SheetKeeper, SheetPages  # noqa: PLC0415 - likewise

    pages: SheetPages | None = None
    if settings.subscription_id:
        from kube_cost_pricing.providers.azure.sheet_api import PriceSheetApi  # noqa: PLC0415 - 22 MB of SDK

        pages = PriceSheetApi(settings=settings, clock=clock, credential=credential)
    return AzurePrices(
        settings=settings,
        retail=RetailPrices(settings=settings, ask=ask, clock=clock),
        sheets=SheetKeeper(settings=settings, ask=ask, clock=clock, log=log, pages=pages),
        clock=clock,
        seen=seen,
    )
