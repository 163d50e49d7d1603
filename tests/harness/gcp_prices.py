"""Google Cloud's prices asked over a socket: the real SDK, a fake catalogue."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from harness.azure_prices import PlainAsk, Told
from kube_cost_common.messages.prices import PriceRequest
from kube_cost_common.runtime.clock import Clock, SystemClock
from kube_cost_pricing.providers.cloud import CloudPrices
from kube_cost_pricing.providers.gcp import GcpSettings, gcp_prices
from kube_cost_pricing.providers.source import Answer
from kube_cost_simulator.clouds.gcp import GcpCatalog
from kube_cost_simulator.clouds.gcp_skus import GcpSku


class AskedGoogle:
    """A fake catalogue and the prices that are asked of it. `lines` are what became of each candidate."""

    def __init__(self, catalog: GcpCatalog, prices: CloudPrices, ask: PlainAsk, lines: list[str]) -> None:
        self.catalog = catalog
        self.prices = prices
        self.ask = ask
        self.lines = lines

    async def answers(self, question: str, region: str, *requests: PriceRequest) -> list[Answer]:
        """The answers to one of the four questions, in the order of the requests."""
        told = Told()
        await getattr(self.prices, question)(region, list(requests), told)
        return [told.answer(request) for request in requests]

    async def one(self, request: PriceRequest, question: str = "instances") -> Answer:
        """The answer to a single request."""
        return (await self.answers(question, request.region, request))[0]


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
        yield AskedGoogle(catalog, prices, plain, lines)
    finally:
        await prices.close()
        await catalog.stop()
