"""Azure's prices asked over a socket: the real client, the real SDK, a fake cloud."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import structlog
from azure.core.credentials import AccessToken
from structlog.testing import CapturingLogger

from harness.azure_facts import priced
from kube_cost_common.messages.prices import SPOT, PriceRequest
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_pricing.calls.failures import TIMEOUT, CallFailedError
from kube_cost_pricing.providers.azure import AzureSettings, azure_prices
from kube_cost_pricing.providers.cloud import CloudPrices, Tell
from kube_cost_pricing.providers.source import Answer
from kube_cost_simulator.clouds.azure import AzureCloud
from kube_cost_simulator.clouds.azure_list import AzurePriceList

T = TypeVar("T")

TOKEN = "a-token"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


D4S = "Standard_D4s_v5"
EASTUS = {D4S: 0.192, "Standard_DC4s_v3": 0.384, "Standard_B2ms": 0.0832}
SPOT_USD = {D4S: 0.041, "Standard_DC4s_v3": 0.09, "Standard_B2ms": 0.02}
SIXTY = {f"Standard_D{number}s_v9": number / 10 for number in range(1, 61)}


def price_list(on_demand: Mapping[str, float] = EASTUS) -> AzurePriceList:
    """A few machines, or others, in two regions."""
    return AzurePriceList(on_demand={"eastus": on_demand, "westeurope": on_demand}, spot={"eastus": SPOT_USD})


class PlainAsk:
    """Makes each call once, within a time, and notes what for."""

    def __init__(self, *, limit_seconds: float = 30.0) -> None:
        self.limit_seconds = limit_seconds
        self.endpoints: list[str] = []

    async def __call__(self, endpoint: str, operation: Callable[[], Awaitable[T]]) -> T:
        self.endpoints.append(endpoint)
        try:
            async with asyncio.timeout(self.limit_seconds):
                return await operation()
        except TimeoutError as error:
            raise CallFailedError(TIMEOUT, "the limit") from error


class GivenToken:
    """A credential that has its token."""

    def __init__(self, token: str = TOKEN) -> None:
        self._token = token

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self._token, 4_102_444_800)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


class Told:
    """Takes answers, each once."""

    def __init__(self) -> None:
        self._answers: dict[int, Answer] = {}

    def __call__(self, request: PriceRequest, answer: Answer) -> None:
        assert id(request) not in self._answers, f"told twice: {request}"
        self._answers[id(request)] = answer

    def __len__(self) -> int:
        return len(self._answers)

    def answer(self, request: PriceRequest) -> Answer:
        assert id(request) in self._answers, f"not told: {request}"
        return self._answers[id(request)]


_Question = Callable[[str, Sequence[PriceRequest], Tell], Awaitable[None]]


class Asked:
    """A fake cloud and the prices asked of it."""

    def __init__(self, *, cloud: AzureCloud, prices: CloudPrices, ask: PlainAsk, log: CapturingLogger) -> None:
        self.cloud = cloud
        self.prices = prices
        self.ask = ask
        self.log = log
        self.seen: list[str] = []
        self.told = Told()

    async def instances(self, region: str, *requests: PriceRequest) -> list[Answer]:
        """The answers in the order of the requests, each of which has one."""
        return await self._ask(self.prices.instances, region, requests)

    async def spot(self, region: str, *requests: PriceRequest) -> list[Answer]:
        return await self._ask(self.prices.spot, region, requests)

    async def storage(self, region: str, *requests: PriceRequest) -> list[Answer]:
        return await self._ask(self.prices.storage, region, requests)

    async def network(self, region: str, *requests: PriceRequest) -> list[Answer]:
        return await self._ask(self.prices.network, region, requests)

    async def _ask(self, question: _Question, region: str, requests: Sequence[PriceRequest]) -> list[Answer]:
        self.told = Told()
        await question(region, requests, self.told)
        return [self.told.answer(request) for request in requests]

    async def one(self, request: PriceRequest) -> Answer:
        """What a single machine costs."""
        question = self.spot if request.capacity == SPOT else self.instances
        return (await question(request.region, request))[0]


def spot_of(prices: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Made-up spot prices: a tenth to four tenths of on demand, another part for each type."""
    return {
        region: {sku: round(usd * (0.1 + (index % 31) / 100), 6) for index, (sku, usd) in enumerate(machines.items())}
        for region, machines in prices.items()
    }


@asynccontextmanager
async def asking(
    prices: AzurePriceList,
    *,
    agreement: bool = False,
    limit_seconds: float = 30.0,
    page_size: int = 100,
    token: str = TOKEN,
    own_credentials: bool = False,
    ask: PlainAsk | None = None,
    endpoint_path: str = "",
    latency_seconds: float = 0.0,
    **settings: object,
) -> AsyncIterator[Asked]:
    """Serve a price list, and ask it; with an agreement its sheet too."""
    cloud = AzureCloud(prices=prices, token=TOKEN, page_size=page_size, latency_seconds=latency_seconds)
    await cloud.start()
    ask, log, lines = ask or PlainAsk(limit_seconds=limit_seconds), CapturingLogger(), list[str]()
    provider = azure_prices(
        settings=AzureSettings(
            endpoint=cloud.url + endpoint_path,
            arm_endpoint=cloud.url + endpoint_path,
            subscription_id=SUBSCRIPTION if agreement else "",
            **settings,  # type: ignore[arg-type] # each test names its own
        ),
        ask=ask,
        clock=SystemClock(),
        log=structlog.wrap_logger(log, processors=[]),
        seen=lines.append,
        credential=None if own_credentials else GivenToken(token),
    )
    asked = Asked(cloud=cloud, prices=provider, ask=ask, log=log)
    asked.seen = lines
    try:
        yield asked
    finally:
        await provider.close()
        await cloud.stop()


async def all_prices(
    asked: Asked, region: str, skus: Sequence[str], capacity: str, batch: int = 500
) -> dict[str, Answer]:
    """What every one of `skus` costs, asked in batches as big as a large cluster's."""
    answers: dict[str, Answer] = {}
    for first in range(0, len(skus), batch):
        requests = [priced(sku, region=region, capacity=capacity) for sku in skus[first : first + batch]]
        question = asked.spot if capacity == SPOT else asked.instances
        told = await question(region, *requests)
        answers |= {request.sku: answer for request, answer in zip(requests, told, strict=True)}
    return answers
