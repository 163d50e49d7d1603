"""Asks clouds for a person who waits: within the limits of the service, without its cache."""

from collections.abc import Iterable, Mapping, Sequence

import structlog

from kube_cost_common.messages.prices import PriceRequest, request_key
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.cache import Topic, topic_of
from kube_cost_pricing.calls.breaker import BreakerSettings
from kube_cost_pricing.calls.caller import Caller, CallSettings
from kube_cost_pricing.calls.limiter import Limiter
from kube_cost_pricing.config import PricingConfig
from kube_cost_pricing.providers.cloud import CloudPrices, Seen
from kube_cost_pricing.providers.registry import cloud_access
from kube_cost_pricing.providers.source import Answer

FOUND, NOT_FOUND, WRONG = 0, 1, 2
"""Exit codes: there is a price, there is none, and a setting or an argument that is wrong."""


async def ask(
    provider: str, requests: Iterable[PriceRequest], *, config: PricingConfig, clock: Clock, seen: Seen = lambda _: None
) -> Mapping[str, Answer]:
    """Return what a cloud answers to requests of its own, by price key; those that it says nothing of are missing.

    Raises MissingExtraError where its SDK isn't installed, CallFailedError where it can't be asked.
    """
    caller = Caller(
        provider=provider,
        limiter=Limiter(clock=clock, calls=config.price_api_calls_per_minute, full_at_start=False),
        settings=CallSettings(timeout_seconds=config.price_api_timeout_seconds),
        breaker_settings=BreakerSettings(),
        clock=clock,
        counters=Counters(),
    )
    access = cloud_access(
        provider,
        settings=config.cloud_settings(provider),
        ask=caller,
        clock=clock,
        log=structlog.get_logger(),
        seen=seen,
    )
    cloud = access.make()
    answers: dict[str, Answer] = {}
    try:
        for (topic, region), group in _grouped(requests).items():
            await _question(cloud, topic, region, group, answers)
    finally:
        await cloud.close()
    return answers


async def _question(
    cloud: CloudPrices, topic: Topic, region: str, requests: Sequence[PriceRequest], answers: dict[str, Answer]
) -> None:
    questions = {
        Topic.INSTANCES: cloud.instances,
        Topic.SPOT: cloud.spot,
        Topic.STORAGE: cloud.storage,
        Topic.NETWORK: cloud.network,
    }

    def tell(request: PriceRequest, answer: Answer) -> None:
        answers[request_key(request)] = answer

    await questions[topic](region, requests, tell)


def _grouped(requests: Iterable[PriceRequest]) -> dict[tuple[Topic, str], list[PriceRequest]]:
    groups: dict[tuple[Topic, str], list[PriceRequest]] = {}
    for request in requests:
        groups.setdefault((topic_of(request), request.region), []).append(request)
    return groups
