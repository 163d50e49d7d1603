"""A fake Slack, and what posts to it, on one clock that a test turns."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from threading import Thread

from harness.clock import TurnedClock
from kube_cost_alerts.slack.bot import BotPoster
from kube_cost_alerts.slack.http import SlackHttp, slack_session
from kube_cost_alerts.slack.posting import Pace, Post, Poster
from kube_cost_alerts.slack.secret import Secret, Secrets
from kube_cost_alerts.slack.webhook import WebhookPoster
from kube_cost_alerts.wording import Message
from kube_cost_common.messages.alerts import AlertThread
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_simulator.slack import FakeSlack

CHANNEL = "C0000000001"


class Posting:
    """A fake Slack and one poster of each kind. `clock` is Slack's and theirs."""

    def __init__(self, *, slack: FakeSlack, clock: TurnedClock, webhooks: WebhookPoster, bot: BotPoster) -> None:
        self.slack = slack
        self.clock = clock
        self.webhooks = webhooks
        self.bot = bot

    def poster(self, kind: str) -> Poster:
        return self.bot if kind == "bot" else self.webhooks


def post(number: int = 0, *, channel: str = "default", thread: AlertThread | None = None, again: bool = False) -> Post:
    """A message of that number."""
    block = {"type": "section", "text": {"type": "plain_text", "text": f"block {number}"}}
    return Post(
        intent=f"intent-{number}",
        channel=channel,
        message=Message(text=f"text {number}", blocks=[block]),
        thread=thread,
        may_be_there=again,
        since_ns=1_800_000_000 * 10**9,
    )


@asynccontextmanager
async def posting(*, timeout_seconds: float = 0.3) -> AsyncIterator[Posting]:
    """Serve, and stop serving."""
    clock = TurnedClock()
    slack = FakeSlack(now=clock.monotonic)
    await slack.start()
    try:
        async with slack_session() as session:
            http = SlackHttp(session=session, timeout_seconds=timeout_seconds)
            secrets = Secrets(
                webhook=Secret(slack.webhook_url()), webhooks_folder=None, token=Secret(slack.token), token_file=None
            )
            webhooks = WebhookPoster(http=http, secrets=secrets, pace=Pace(clock=clock))
            bot = BotPoster(http=http, secrets=secrets, pace=Pace(clock=clock), api_url=f"{slack.url}/api")
            yield Posting(slack=slack, clock=clock, webhooks=webhooks, bot=bot)
    finally:
        await slack.stop()


@contextmanager
def slack_beside() -> Iterator[FakeSlack]:
    """A fake Slack in a thread of its own, for tests that block."""
    slack = FakeSlack(now=SystemClock().monotonic)
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="slack", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(slack.start(), loop).result(10)
        yield slack
        asyncio.run_coroutine_threadsafe(slack.stop(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def least_gap(slack: FakeSlack, channel: str) -> float:
    """The shortest time between two messages to a channel, in seconds."""
    times = [message.at for message in slack.in_channel(channel)]
    return min(after - before for before, after in pairwise(times))
