"""A fake cloud, the prices that are asked of it, and what became of each candidate."""

from typing import Generic, TypeVar

from harness.azure_prices import PlainAsk, Told
from kube_cost_common.messages.prices import PriceRequest
from kube_cost_pricing.providers.cloud import CloudPrices
from kube_cost_pricing.providers.source import Answer

Cloud = TypeVar("Cloud")


class AskedPrices(Generic[Cloud]):
    """Asks the four questions. `lines` are what became of each candidate."""

    def __init__(self, *, cloud: Cloud, prices: CloudPrices, ask: PlainAsk, lines: list[str]) -> None:
        self.cloud = cloud
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
