"""Clouds that answer or misbehave in process, behind the real limiter, breakers and cache, in virtual time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import structlog

from harness.virtual_time import LoopClock
from kube_cost_common.messages.prices import INSTANCE, ON_DEMAND, SPOT, PriceRecord, PriceRequest, Shape
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_pricing.cache import Lifetimes
from kube_cost_pricing.calls.breaker import BreakerSettings, State
from kube_cost_pricing.calls.caller import Caller, CallSettings
from kube_cost_pricing.calls.failures import (
    ANSWER,
    CONNECTION,
    DENIED,
    SERVER,
    THROTTLED,
    CallFailedError,
)
from kube_cost_pricing.calls.limiter import CALLS, Limiter
from kube_cost_pricing.providers.api import ApiSource, CloudAccess
from kube_cost_pricing.providers.cloud import INSTANCE_PRICE, SPOT_PRICE, Ask, CloudPrices, Tell
from kube_cost_pricing.providers.source import API, Answer, Quote, Unknown
from kube_cost_simulator.clouds.faults import CloudFault

T = TypeVar("T")

_FAILURES = {
    CloudFault.THROTTLED: CallFailedError(THROTTLED, "too many requests", retry_after_seconds=7.0),
    CloudFault.SERVER_ERROR: CallFailedError(SERVER, "HTTP 500"),
    CloudFault.DENIED: CallFailedError(DENIED, "add a permission"),
    CloudFault.RESET: CallFailedError(CONNECTION, "connection reset"),
    CloudFault.TRUNCATED: CallFailedError(ANSWER, "it ends in the middle"),
    CloudFault.HUGE: CallFailedError(ANSWER, "it is too large"),
}
_AMOUNTS = {CloudFault.ZERO: 0.0, CloudFault.NEGATIVE: -1.0, CloudFault.NOT_A_NUMBER: float("nan")}


PARALLEL = 4


@dataclass
class ScriptedCloud:
    """Asks one call a request, four at once, as the worst of clouds does.

    `calls` are (time, endpoint) of each that went out; `most_probes` is how many of an endpoint were under way at once
    that began while its breaker, which `state_of` tells, was half open.
    """

    ask: Ask
    clock: LoopClock
    fault: CloudFault | None = None
    usd: float = 0.1
    calls: list[tuple[float, str]] = field(default_factory=list)
    state_of: Callable[[str], State] = lambda _: State.CLOSED
    most_probes: int = 0
    _probes: dict[str, int] = field(default_factory=dict)

    provider = "azure"

    async def instances(self, _region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        await self._all(INSTANCE_PRICE, requests, tell)

    async def spot(self, _region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        await self._all(SPOT_PRICE, requests, tell)

    async def storage(self, _region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        await self._all("storage_price", requests, tell)

    async def network(self, _region: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        await self._all("network_price", requests, tell)

    async def close(self) -> None: ...

    async def _all(self, endpoint: str, requests: Sequence[PriceRequest], tell: Tell) -> None:
        slots, failures = asyncio.Semaphore(PARALLEL), list[CallFailedError]()

        async def one(request: PriceRequest) -> None:
            async with slots:
                try:
                    tell(request, await self._pages(endpoint))
                except CallFailedError as error:
                    failures.append(error)

        async with asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(one(request))
        if failures:
            raise failures[0]

    async def _pages(self, endpoint: str) -> Answer:
        for _ in range(20):
            answer = await self.ask(endpoint, lambda: self._call(endpoint))
            if self.fault is not CloudFault.ENDLESS:
                return answer
        raise CallFailedError(ANSWER, "more than 20 pages")

    async def _call(self, endpoint: str) -> Answer:
        self.calls.append((self.clock.monotonic(), endpoint))
        probe = int(self.state_of(endpoint) is State.HALF_OPEN)
        self._probes[endpoint] = self._probes.get(endpoint, 0) + probe
        self.most_probes = max(self.most_probes, self._probes[endpoint])
        try:
            await asyncio.sleep(0.05)
            fault = self.fault
            if fault in {CloudFault.SILENT, CloudFault.TRICKLE}:
                await asyncio.sleep(1e9)
            if fault in _FAILURES:
                failure = _FAILURES[fault]
                raise CallFailedError(failure.reason, failure.detail, retry_after_seconds=failure.retry_after_seconds)
            if fault is CloudFault.VANISHED:
                return Unknown(reason="it isn't sold")
            currency = "IDR" if fault is CloudFault.CURRENCY else "USD"
            amount = self.usd if fault is None else _AMOUNTS.get(fault, self.usd)
            return Quote(amount=amount, unit="hour", source=API, fetched_at_ns=self.clock.now_ns(), currency=currency)
        finally:
            self._probes[endpoint] -= probe


def _same(cloud: CloudPrices) -> CloudPrices:
    return cloud


class AskedClouds:
    """An API source of two clouds, `azure` and `gcp`, each scripted. `look` reads all prices once, as a pass does."""

    def __init__(
        self,
        *,
        lifetimes: Lifetimes,
        before: Callable[[str], PriceRecord | None] = lambda _: None,
        clouds: Mapping[str, ScriptedCloud] | None = None,
    ) -> None:
        """Take `clouds` where they have been asked by a process before this one."""
        self.clock = LoopClock()
        self.counters, self.problems = Counters(), Problems()
        self.callers = {name: self._caller(name) for name in ("azure", "gcp")}
        self.clouds = clouds or {name: ScriptedCloud(caller, self.clock) for name, caller in self.callers.items()}
        for name, cloud in self.clouds.items():
            cloud.ask, cloud.state_of = self.callers[name], partial(self.state, name)
        self.changes = 0
        self.source = ApiSource(
            clouds={name: CloudAccess(make=partial(_same, cloud)) for name, cloud in self.clouds.items()},
            lifetimes=lifetimes,
            before=before,
            on_change=self._changed,
            clock=self.clock,
            log=structlog.get_logger(),
            counters=self.counters,
            problems=self.problems,
        )

    def _changed(self) -> None:
        self.changes += 1

    def _caller(self, provider: str) -> Caller:
        return Caller(
            provider=provider,
            limiter=Limiter(clock=self.clock),
            settings=CallSettings(timeout_seconds=30.0),
            breaker_settings=BreakerSettings(),
            clock=self.clock,
            counters=self.counters,
        )

    async def look(self, requests: Sequence[PriceRequest]) -> list[Answer]:
        """What the source says to each request now."""
        return [await self.source.price(request) for request in requests]

    def state(self, provider: str, endpoint: str = INSTANCE_PRICE) -> State:
        """The state of an endpoint's breaker."""
        return self.callers[provider].breaker(endpoint).state

    @asynccontextmanager
    async def running(self) -> Any:
        """Ask behind the back of the block."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.source.run())
            yield self
            task.cancel()


def machine(number: int, provider: str = "azure", capacity: str = ON_DEMAND, zone: str = "") -> PriceRequest:
    """A request for one of many types."""
    return PriceRequest(
        provider, "eastus", zone, INSTANCE, f"Standard_D{number}s_v5", "linux", capacity, Shape(4.0, 16.0)
    )


def sixty_types(provider: str = "azure") -> list[PriceRequest]:
    """On demand, and spot in five zones: what 1,000 nodes of 60 types need."""
    on_demand = [machine(number, provider) for number in range(60)]
    spot = [machine(number, provider, SPOT, f"eastus-{zone}") for number in range(60) for zone in range(1, 6)]
    return on_demand + spot


def most_in_a_window(times: Sequence[float], seconds: float = 60.0) -> int:
    """The most calls that any window of so many seconds has, both ends included."""
    most = start = 0
    for end, moment in enumerate(times):
        while moment - times[start] > seconds:
            start += 1
        most = max(most, end - start + 1)
    return most


LIMIT = CALLS
