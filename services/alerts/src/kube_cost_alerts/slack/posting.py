"""What is posted, what comes back, and how fast: the same for webhooks and for a bot."""

from dataclasses import dataclass
from typing import Protocol

from kube_cost_alerts.wording import Message
from kube_cost_common.messages.alerts import AlertThread
from kube_cost_common.runtime.clock import Clock

CHANNEL_SECONDS = 1.05
"""Between two calls for a channel. Slack allows one message a second; the rest is for the network's unsteadiness."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message, where it goes, and what is known of it.

    `thread` is the channel's first message about the budget in its month, None while there is none.
    `may_be_there` says that it may have been taken before, without our having heard of it, since `since_ns`.
    """

    intent: str
    channel: str
    message: Message
    thread: AlertThread | None
    may_be_there: bool
    since_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """By what Slack calls it, empty where it doesn't say; `found` where it was there already."""

    channel_id: str = ""
    message_ts: str = ""
    thread_is_gone: bool = False
    found: bool = False


class Poster(Protocol):
    """Sends one message."""

    async def post(self, post: Post) -> Posted:
        """Return when Slack has taken it; raise SlackFailedError where it hasn't, or may not have."""
        ...


class Pace:
    """Lets calls for a channel go one after the other, and not faster than Slack allows."""

    def __init__(self, *, clock: Clock, seconds: float = CHANNEL_SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._began = clock.monotonic()
        self._next: dict[str, float] = {}

    async def turn(self, channel: str) -> None:
        """Return when it is this call's turn. A new process waits first: the one before may just have sent."""
        now = self._clock.monotonic()
        at = max(now, self._next.get(channel, self._began + self._seconds))
        self._next[channel] = at + self._seconds
        if at > now:
            await self._clock.sleep(at - now)
