"""Prices from Google Cloud: the Cloud Billing Catalog."""

from structlog.typing import FilteringBoundLogger

from kube_cost_common.runtime.clock import Clock
from kube_cost_pricing.providers.cloud import Ask, CloudPrices, Seen
from kube_cost_pricing.providers.gcp.settings import GcpSettings

__all__ = ["GcpSettings", "gcp_prices"]


def gcp_prices(
    *,
    settings: GcpSettings,
    ask: Ask,
    clock: Clock,
    log: FilteringBoundLogger,
    seen: Seen = lambda _: None,
) -> CloudPrices:
    """Return Google Cloud's prices. Loads gRPC and the SDK."""
    from kube_cost_pricing.providers.gcp.catalog_api import CatalogApi  # noqa: PLC0415 - the SDK
    from kube_cost_pricing.providers.gcp.listings import Listings  # noqa: PLC0415 - likewise
    from kube_cost_pricing.providers.gcp.prices import GcpPrices  # noqa: PLC0415 - likewise

    api = CatalogApi(settings=settings)
    listings = Listings(settings=settings, api=api, ask=ask, clock=clock, log=log)
    return GcpPrices(listings=listings, seen=seen)
