"""Asks one cloud: within the limit, not while an endpoint is down, not for ever, and again after what passes."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import stamina

from kube_cost_common.messages.status import Reading
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters
from kube_cost_pricing.calls.breaker import Breaker, BreakerSettings, State
from kube_cost_pricing.calls.failures import PASSING, THROTTLED, TIMEOUT, CallFailedError
from kube_cost_pricing.calls.limiter import Limiter

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class CallSettings:
    """How long a call may take, and how it is tried again.

    That is after `first_wait_seconds`, twice as long each time up to `longest_wait_seconds`, or after as long as they
    say; and up to `jitter_seconds` more at random.
    """

    timeout_seconds: float = 30.0
    attempts: int = 3
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 30.0
    jitter_seconds: float = 1.0
    longest_told_wait_seconds: float = 120.0
    """Who tells to wait longer than this isn't waited for; prices are asked again later."""
    longest_believed_wait_seconds: float = 3600.0
    """Who tells to wait longer than this is asked after it: a wrong figure must not be the end of prices."""


class Caller:
    """The `Ask` of a provider. Counts each call that goes out, and each that fails.

    Where an endpoint says how long to wait, all who ask it do: also those who haven't been told themselves.
    """

    def __init__(
        self,
        *,
        provider: str,
        limiter: Limiter,
        settings: CallSettings,
        breaker_settings: BreakerSettings,
        clock: Clock,
        counters: Counters,
    ) -> None:
        self._provider = provider
        self._limiter = limiter
        self._settings = settings
        self._breaker_settings = breaker_settings
        self._clock = clock
        self._counters = counters
        self._breakers: dict[str, Breaker] = {}
        self._told_to_wait_until: dict[str, float] = {}
        self.last_success_ns: int | None = None
        self.failing = False

    async def __call__(self, endpoint: str, operation: Callable[[], Awaitable[T]]) -> T:
        """Return what `operation` returns; see `providers.cloud.Ask`."""
        settings = self._settings
        retries = stamina.retry_context(
            on=partial(self._wait_for, endpoint),
            attempts=settings.attempts,
            timeout=None,
            wait_initial=settings.first_wait_seconds,
            wait_max=settings.longest_wait_seconds,
            wait_jitter=settings.jitter_seconds,
        )
        async for attempt in retries:
            with attempt:
                return await self._once(endpoint, operation)
        raise AssertionError("the last attempt returns or raises")

    def breaker(self, endpoint: str) -> Breaker:
        """Return the breaker of an endpoint."""
        known = self._breakers.get(endpoint)
        if known is None:
            known = self._breakers[endpoint] = Breaker(settings=self._breaker_settings, clock=self._clock)
        return known

    def gauges(self) -> list[Reading]:
        """Return how the provider and its endpoints are, as far as they have been asked."""
        provider = {"provider": self._provider}
        readings = [
            Reading(
                name="kube_cost_circuit_breaker_state",
                labels={**provider, "endpoint": endpoint, "state": state.value},
                value=float(breaker.state is state),
            )
            for endpoint, breaker in sorted(self._breakers.items())
            for state in State
        ]
        if self._breakers:
            readings.append(Reading(name="kube_cost_provider_up", labels=provider, value=float(not self.failing)))
        if self.last_success_ns is not None:
            readings.append(
                Reading(
                    name="kube_cost_price_last_success_timestamp_seconds",
                    labels=provider,
                    value=self.last_success_ns / 1e9,
                )
            )
        return readings

    async def _once(self, endpoint: str, operation: Callable[[], Awaitable[T]]) -> T:
        breaker = self.breaker(endpoint)
        breaker.refuse()
        await self._wait_as_told(endpoint)
        await self._limiter.take()
        went = False
        try:
            probe = breaker.admit()
            went = True
            self._counters.add("kube_cost_pricing_api_calls_total", provider=self._provider, endpoint=endpoint)
            with self._judged(endpoint, breaker, probe=probe):
                return await self._bounded(operation)
        finally:
            self._limiter.give_back(went=went)

    async def _bounded(self, operation: Callable[[], Awaitable[T]]) -> T:
        seconds = self._settings.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await operation()
        except TimeoutError as error:
            raise CallFailedError(TIMEOUT, f"no answer in {seconds:g} s") from error

    async def _wait_as_told(self, endpoint: str) -> None:
        while (seconds := self._told_to_wait_seconds(endpoint)) > 0:
            if seconds > self._settings.longest_told_wait_seconds:
                detail = f"isn't asked now, it said to wait for another {seconds:.0f} s"
                raise CallFailedError(THROTTLED, detail, retry_after_seconds=seconds)
            await self._clock.sleep(seconds + self._jitter_seconds())

    def _told_to_wait_seconds(self, endpoint: str) -> float:
        return self._told_to_wait_until.get(endpoint, float("-inf")) - self._clock.monotonic()

    def _jitter_seconds(self) -> float:
        return random.uniform(0.0, self._settings.jitter_seconds)  # noqa: S311 - no secret

    @contextmanager
    def _judged(self, endpoint: str, breaker: Breaker, *, probe: bool) -> Iterator[None]:
        try:
            yield
        except CallFailedError as error:
            self.failing = True
            self._counters.add(
                "kube_cost_pricing_api_failures_total",
                provider=self._provider,
                endpoint=endpoint,
                reason=error.reason,
            )
            if error.retry_after_seconds is not None:
                told = min(error.retry_after_seconds, self._settings.longest_believed_wait_seconds)
                self._told_to_wait_until[endpoint] = self._clock.monotonic() + told
            breaker.failed(error, probe=probe)
            raise
        except BaseException:
            breaker.cancelled(probe=probe)
            raise
        else:
            self.failing = False
            self.last_success_ns = self._clock.now_ns()
            breaker.succeeded()

    def _wait_for(self, endpoint: str, error: Exception) -> bool | float:
        """Say whether to try again after a failure, or in how many seconds."""
        if not isinstance(error, CallFailedError) or error.reason not in PASSING:
            return False
        if self.breaker(endpoint).state is not State.CLOSED:
            return False  # what comes next is its probe
        told = error.retry_after_seconds
        if told is None:
            return True
        return told + self._jitter_seconds() if told <= self._settings.longest_told_wait_seconds else False
