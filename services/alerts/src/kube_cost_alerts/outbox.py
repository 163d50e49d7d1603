"""Sends what is to be sent, channel by channel, until Slack has taken it; and notes that it has."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_alerts.memory import Memory
from kube_cost_alerts.slack.failures import Reason, SlackFailedError
from kube_cost_alerts.slack.posting import Post, Posted, Poster
from kube_cost_alerts.wording import Message
from kube_cost_common.messages.alerts import AlertIntent, AlertMemory, AlertThread
from kube_cost_common.runtime.bus import BusError
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters, Problems

LONGEST_GAP_SECONDS = 600.0
"""Gaps double from a second to this: 14 tries in the first hour, one every ten minutes after it."""

GIVE_UP_SECONDS = 7 * 86_400.0
"""After so long a message that Slack doesn't let us send is given up: the month's figures are others by now."""

_BUS_SECONDS = 1.0

Words = Callable[[AlertIntent, int], Message]


@dataclass(frozen=True, slots=True)
class _Due:
    budget: str
    intent: AlertIntent
    may_be_there: bool


class Outbox:
    """Has a queue for each channel: what waits in one keeps nothing in another waiting."""

    def __init__(
        self,
        *,
        poster: Poster,
        memory: Memory,
        words: Words,
        clock: Clock,
        log: FilteringBoundLogger,
        counters: Counters,
        problems: Problems,
    ) -> None:
        self._poster = poster
        self._memory = memory
        self._words = words
        self._clock = clock
        self._log = log
        self._counters = counters
        self._problems = problems
        self._due: dict[str, deque[_Due]] = {}
        self._put: set[str] = set()
        self._waiting = asyncio.Event()
        self._idle: dict[str, asyncio.Event] = {}

    def put(self, budget: str, intent: AlertIntent, *, may_be_there: bool = False) -> None:
        """Send a message after those that are due in its channel; once, however often it is put."""
        if intent.intent in self._put:
            return
        self._put.add(intent.intent)
        self._due.setdefault(intent.channel, deque()).append(_Due(budget, intent, may_be_there))
        if (idle := self._idle.get(intent.channel)) is not None:
            idle.set()
        self._waiting.set()

    async def run(self) -> NoReturn:
        """Send for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                for channel in [name for name in self._due if name not in self._idle]:
                    self._idle[channel] = asyncio.Event()
                    group.create_task(self._work(channel), name=f"channel {channel}")
                self._waiting.clear()
                await self._waiting.wait()
        raise AssertionError("unreachable")

    async def _work(self, channel: str) -> NoReturn:
        queue, idle = self._due[channel], self._idle[channel]
        while True:
            while queue:
                due = queue[0]
                posted = await self._deliver(due)
                await self._note(due, posted)
                queue.popleft()
                self._put.discard(due.intent.intent)
            idle.clear()
            await idle.wait()

    async def _deliver(self, due: _Due) -> Posted | None:
        """Return what Slack calls the message once it is there; None where it is given up."""
        first = self._clock.monotonic()
        gap = 1.0
        as_text = False
        while True:
            post = self._post(due)
            if as_text:
                post = replace(post, message=replace(post.message, blocks=[]))
            try:
                posted = await self._poster.post(post)
            except SlackFailedError as error:
                if error.reason is Reason.THROTTLED:
                    self._count("throttled")
                    await self._clock.sleep(error.retry_after_seconds)
                    continue
                if error.reason is Reason.MESSAGE and not as_text:
                    self._count("refused")
                    self._log.error("Slack refuses a message's blocks; its text is sent", error=error.code)
                    as_text = True
                    continue
                if error.reason is Reason.MESSAGE or (
                    error.reason is Reason.DENIED and self._clock.monotonic() - first > GIVE_UP_SECONDS
                ):
                    self._count("refused")
                    self._log.error("message is given up", channel=due.intent.channel, error=error.code)
                    return None
                self._failed(due, error)
                due = replace(due, may_be_there=due.may_be_there or error.reason is Reason.AWAY)
                await self._clock.sleep(gap)
                gap = min(LONGEST_GAP_SECONDS, 2 * gap)
            else:
                self._succeeded(due, posted)
                return posted

    def _post(self, due: _Due) -> Post:
        intent = due.intent
        memory = self._memory.get(due.budget)
        return Post(
            intent=intent.intent,
            channel=intent.channel,
            message=self._words(intent, self._clock.now_ns()),
            thread=None if memory is None else _thread(memory, intent),
            may_be_there=due.may_be_there,
            since_ns=intent.at_ns,
        )

    async def _note(self, due: _Due, posted: Posted | None) -> None:
        while True:
            try:
                await self._memory.change(due.budget, lambda memory: _answered(memory, due.intent, posted))
                return
            except BusError:
                self._counters.add("kube_cost_errors_total", component="alerts", error_type="bus")
                await self._clock.sleep(_BUS_SECONDS)

    def _failed(self, due: _Due, error: SlackFailedError) -> None:
        channel = due.intent.channel
        self._count("refused" if error.reason is Reason.DENIED else "failed")
        self._counters.add("kube_cost_errors_total", component="alerts", error_type="slack")
        if self._problems.say(f"slack {channel}", f"Slack doesn't take messages for {channel}: {error.code}"):
            self._log.warning("Slack doesn't take a message", channel=channel, reason=error.reason, error=error.code)

    def _succeeded(self, due: _Due, posted: Posted) -> None:
        self._count("found" if posted.found else "sent")
        if self._problems.over(f"slack {due.intent.channel}"):
            self._log.info("Slack takes messages again", channel=due.intent.channel)
        self._log.info(
            "alert sent",
            budget=due.budget,
            kind=due.intent.kind,
            channel=due.intent.channel,
            all_clear=due.intent.all_clear,
            seconds=round((self._clock.now_ns() - due.intent.at_ns) / 1e9, 1),
        )

    def _count(self, result: str) -> None:
        self._counters.add("kube_cost_slack_messages_total", result=result)


def _thread(memory: AlertMemory, intent: AlertIntent) -> AlertThread | None:
    for thread in memory.threads:
        if (thread.channel, thread.month_start_ns) == (intent.channel, intent.month_start_ns):
            return thread
    return None


def _answered(memory: AlertMemory | None, intent: AlertIntent, posted: Posted | None) -> AlertMemory:
    assert memory is not None, "it has the intent"
    intents = [one for one in memory.intents if one.intent != intent.intent]
    threads = memory.threads
    before = _thread(memory, intent)
    if posted is not None and posted.message_ts and (before is None or posted.thread_is_gone):
        begun = AlertThread(
            channel=intent.channel,
            month_start_ns=intent.month_start_ns,
            channel_id=posted.channel_id,
            message_ts=posted.message_ts,
        )
        threads = [*(one for one in threads if one != before), begun]
    return msgspec.structs.replace(memory, intents=intents, threads=threads)
