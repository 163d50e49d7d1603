"""Google Cloud's prices asked over a socket: the real SDK, a fake catalogue."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from harness.asked_prices import AskedPrices
from harness.azure_prices import PlainAsk
from kube_cost_common.runtime.clock import Clock, SystemClock
from kube_cost_pricing.providers.gcp import GcpSettings, gcp_prices
from kube_cost_simulator.clouds.gcp import GcpCatalog
from kube_cost_simulator.clouds.gcp_skus import GcpSku

AskedGoogle = AskedPrices[GcpCatalog]


@asynccontextmanager
async def asking_google(
    skus: Sequence[GcpSku],
    *,
    page_size: int = 5000,
    api_key: str = "",
    clock: Clock | None = None,
    ask: PlainAsk | None = None,
    **settings: Any,
) -> AsyncIterator[AskedGoogle]:
    """Serve SKUs, and ask for prices."""
    catalog = GcpCatalog(skus=skus, page_size=page_size, api_key=api_key)
    await catalog.start()
    plain, lines = ask or PlainAsk(), list[str]()
    prices = gcp_prices(
        settings=GcpSettings(endpoint=catalog.url, **settings),
        ask=plain,
        clock=clock or SystemClock(),
        log=structlog.get_logger(),
        seen=lines.append,
    )
    try:
        yield AskedGoogle(cloud=catalog, prices=prices, ask=plain, lines=lines)
    finally:
        await prices.close()
        await catalog.stop()
