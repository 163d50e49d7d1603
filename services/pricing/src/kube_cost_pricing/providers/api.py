"""The clouds' own prices, as a source: answers from memory, and asks behind the back of who asks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

from structlog.typing import FilteringBoundLogger

from kube_cost_common.messages.prices import PriceRecord, PriceRequest, request_key
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_pricing.cache import AnswerCache, Entry, Lifetimes, Topic
from kube_cost_pricing.calls.failures import DENIED, INVALID, CallFailedError
from kube_cost_pricing.providers.cloud import CloudPrices, Tell
from kube_cost_pricing.providers.source import AMBIGUOUS, API, API_FAILING, Answer, NotYet, Unknown

WAKE_SECONDS = 5.0
"""How often is looked whether something is due, though nobody asks."""

SHORTEST_RETRY_SECONDS = 30.0
LONGEST_RETRY_SECONDS = 900.0
"""After a failure that the calls' own attempts didn't get over, a region's question waits, twice as long each time."""

LONGEST_TOLD_SECONDS = 3600.0
"""Or as long as they say, up to this: a wrong figure must not be the end of prices."""

GATHER_SECONDS = 0.2
"""From the first request to the question: what comes with it is in it."""


_Question = Callable[[str, Sequence[PriceRequest], Tell], Awaitable[None]]


class MissingExtraError(Exception):
    """The package isn't installed with what a cloud needs; says what to install."""


@dataclass(frozen=True, kw_only=True)
class CloudAccess:
    """How to make a cloud: imports its SDK, so it is done in a thread. Raises MissingExtraError."""

    make: Callable[[], CloudPrices]


class ApiSource:
    """Asks each cloud that there is a request for, once for all requests of a region and question.

    A stale answer is given while it is renewed. What has never been answered is `NotYet`, so that what is in force
    stays. `before` returns the price in force under a key, from which a new process knows when it was last asked.
    """

    def __init__(
        self,
        *,
        clouds: Mapping[str, CloudAccess],
        lifetimes: Lifetimes,
        before: Callable[[str], PriceRecord | None],
        on_change: Callable[[], None],
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
        problems: Problems,
    ) -> None:
        """Take the clouds that are on, by provider; `on_change` is called when an answer has come."""
        self._clouds = {
            provider: _Cloud(
                provider=provider,
                access=access,
                lifetimes=lifetimes,
                on_change=on_change,
                clock=clock,
                log=log,
                counters=counters,
                problems=problems,
            )
            for provider, access in clouds.items()
        }
        self._before = before
        self._clock = clock
        self._counters = counters

    @property
    def name(self) -> str:
        """`api`."""
        return API

    async def price(self, request: PriceRequest) -> Answer:
        """Return what the request's cloud last answered, or why there is nothing."""
        cloud = self._clouds.get(request.provider)
        if cloud is None:
            return Unknown(reason=f"no price API is asked for provider {request.provider or '(none)'}")
        if cloud.unusable:
            return Unknown(reason=cloud.unusable)
        key = request_key(request)
        entry = cloud.cache.find(key)
        if entry is None:
            entry = cloud.cache.add(key, request, answered_ago_seconds=self._answered_ago_seconds(key))
            if not cloud.cache.is_fresh(entry):
                cloud.wake()
        result = "miss" if entry.answer is None else "hit" if cloud.cache.is_fresh(entry) else "stale"
        self._counters.add("kube_cost_price_cache_requests_total", provider=request.provider, result=result)
        return _answer(entry)

    async def run(self) -> NoReturn:
        """Ask, for ever."""
        async with asyncio.TaskGroup() as group:
            for provider, cloud in self._clouds.items():
                group.create_task(cloud.run(), name=f"prices of {provider}")
            while True:  # also where no cloud is on
                await self._clock.sleep(WAKE_SECONDS)

    async def close(self) -> None:
        """End the clouds' connections."""
        for cloud in self._clouds.values():
            await cloud.close()

    def _answered_ago_seconds(self, key: str) -> float | None:
        record = self._before(key)
        if record is None or record.source != API:
            return None
        return max(0.0, (self._clock.now_ns() - record.fetched_at_ns) / 1e9)


class _Cloud:
    """One cloud with its memory: made when it is first asked, since its SDK takes time and memory."""

    def __init__(
        self,
        *,
        provider: str,
        access: CloudAccess,
        lifetimes: Lifetimes,
        on_change: Callable[[], None],
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
        problems: Problems,
    ) -> None:
        self.cache = AnswerCache(lifetimes=lifetimes, clock=clock)
        self.unusable = ""
        self._provider = provider
        self._access = access
        self._on_change = on_change
        self._clock = clock
        self._log = log.bind(provider=provider)
        self._counters = counters
        self._problems = problems
        self._wake = asyncio.Event()
        self._making = asyncio.Lock()
        self._cloud: CloudPrices | None = None
        self._failures: dict[tuple[Topic, str], int] = {}

    def wake(self) -> None:
        """Let what is due be asked."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Ask what is due, for ever. Of two questions of a cloud neither waits for the other."""
        async with asyncio.TaskGroup() as group:
            asking: set[tuple[Topic, str]] = set()
            while True:
                await self._something_due()
                self._wake.clear()
                await self._clock.sleep(GATHER_SECONDS)
                for question, requests in self.cache.due().items():
                    if question not in asking and not self.unusable:
                        asking.add(question)
                        task = group.create_task(self._ask(question, requests), name=f"{self._provider} {question[0]}")
                        task.add_done_callback(partial(_discard, asking, question))

    async def close(self) -> None:
        """End the connections."""
        if self._cloud is not None:
            await self._cloud.close()

    async def _something_due(self) -> None:
        seconds = self.cache.next_due_in_seconds()
        if seconds == 0.0 and not self._wake.is_set():
            seconds = 1.0  # being asked already, or unusable
        async with asyncio.TaskGroup() as group:
            waker = group.create_task(self._wake.wait())
            timer = group.create_task(self._clock.sleep(min(seconds or WAKE_SECONDS, WAKE_SECONDS)))
            await asyncio.wait([waker, timer], return_when=asyncio.FIRST_COMPLETED)
            waker.cancel()
            timer.cancel()

    async def _ask(self, question: tuple[Topic, str], requests: Mapping[str, PriceRequest]) -> None:
        topic, region = question
        untold = dict(requests)

        def tell(request: PriceRequest, answer: Answer) -> None:
            key = request_key(request)
            if isinstance(answer, NotYet):
                return
            untold.pop(key, None)
            self.cache.answered(key, answer)
            if isinstance(answer, Unknown) and answer.code == AMBIGUOUS:
                self._counters.add("kube_cost_prices_refused_total", provider=self._provider, reason=AMBIGUOUS)

        try:
            cloud = await self._made()
            await _question(cloud, topic)(region, list(requests.values()), tell)
        except MissingExtraError as error:
            self.unusable = str(error)
            self._say(question, str(error))
        except CallFailedError as error:
            self._failed(question, untold, f"{self._provider} can't be asked: {error.detail}", error)
        except Exception as error:  # noqa: BLE001 - one cloud's fault must not be another's
            self._log.error("prices couldn't be understood", topic=topic.value, region=region, exc_info=error)
            self._failed(question, untold, f"{self._provider}'s answer can't be understood: {error!r}", None)
        else:
            self._failed_not(question)
            for key in untold:  # a cloud that forgot one is asked again
                self.cache.failed(key, "", again_in_seconds=SHORTEST_RETRY_SECONDS)
        self._on_change()

    async def _made(self) -> CloudPrices:
        async with self._making:
            if self._cloud is None:
                self._cloud = await asyncio.to_thread(self._access.make)
            return self._cloud

    def _failed(
        self,
        question: tuple[Topic, str],
        untold: Mapping[str, PriceRequest],
        sentence: str,
        error: CallFailedError | None,
    ) -> None:
        self._counters.add("kube_cost_errors_total", component="pricing", error_type="pricing_fetch")
        if error is not None and error.reason in {DENIED, INVALID}:
            wait = LONGEST_RETRY_SECONDS  # it is a person who has to do something
        else:
            failures = self._failures[question] = self._failures.get(question, 0) + 1
            wait = min(SHORTEST_RETRY_SECONDS * 2 ** min(failures - 1, 10), LONGEST_RETRY_SECONDS)
            if error is not None and error.retry_after_seconds is not None:
                wait = max(SHORTEST_RETRY_SECONDS, min(error.retry_after_seconds, LONGEST_TOLD_SECONDS))
        for key in untold:
            self.cache.failed(key, sentence, again_in_seconds=wait)
        self._say(question, sentence)

    def _failed_not(self, question: tuple[Topic, str]) -> None:
        if self._failures.pop(question, 0):  # what kept others from being answered may be over too
            for other in self._failures:
                self.cache.ask_soon(other)
        if self._problems.over(self._cause(question)):
            self._log.info("prices are answered again", topic=question[0].value, region=question[1])

    def _say(self, question: tuple[Topic, str], sentence: str) -> None:
        if self._problems.say(self._cause(question), sentence):
            self._log.warning("prices can't be asked", topic=question[0].value, region=question[1], error=sentence)

    def _cause(self, question: tuple[Topic, str]) -> str:
        topic, region = question
        return f"api {self._provider} {topic.value} {region}"


def _discard(asking: set[tuple[Topic, str]], question: tuple[Topic, str], _: object) -> None:
    asking.discard(question)


def _question(cloud: CloudPrices, topic: Topic) -> _Question:
    questions: Mapping[Topic, _Question] = {
        Topic.INSTANCES: cloud.instances,
        Topic.SPOT: cloud.spot,
        Topic.STORAGE: cloud.storage,
        Topic.NETWORK: cloud.network,
    }
    return questions[topic]


def _answer(entry: Entry) -> Answer:
    if isinstance(entry.answer, Unknown):  # no longer sold, or several candidates now: no table knows better
        return replace(entry.answer, last_stands=True)
    if entry.answer is not None:
        return entry.answer
    if entry.failure:
        return NotYet(reason=entry.failure, code=API_FAILING)
    return NotYet(reason="its provider hasn't answered yet")
