import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.slack import CHANNEL, Posting, least_gap, post, posting
from kube_cost_alerts.slack.failures import Reason, SlackFailedError, failure
from kube_cost_alerts.slack.http import SlackHttp, slack_session
from kube_cost_alerts.slack.posting import Posted
from kube_cost_alerts.slack.secret import Secret, Secrets
from kube_cost_common.messages.alerts import AlertThread
from kube_cost_simulator.slack import SlackFault

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def slack() -> AsyncIterator[Posting]:
    async with posting() as running:
        yield running


def thread(posted: Posted, channel: str = CHANNEL) -> AlertThread:
    return AlertThread(channel=channel, month_start_ns=0, channel_id=posted.channel_id, message_ts=posted.message_ts)


async def test_a_webhook_takes_a_message_with_its_blocks(slack: Posting) -> None:
    """As it was worded."""
    assert await slack.webhooks.post(post(1)) == Posted()
    (message,) = slack.slack.messages
    assert (message.text, message.blocks[0]["text"]["text"]) == ("text 1", "block 1")


@pytest.mark.parametrize("kind", ["webhook", "bot"])
async def test_a_channel_gets_a_message_a_second(slack: Posting, kind: str) -> None:
    """By the times at which they came; the first waits, since a process before may just have sent one."""
    channel = CHANNEL if kind == "bot" else "default"
    for number in range(5):
        await slack.poster(kind).post(post(number, channel=channel))
    assert least_gap(slack.slack, channel) >= 1.0
    assert slack.slack.messages[0].at >= 1.0
    assert [status for _, _, _, status in slack.slack.calls] == [200] * 5


@pytest.mark.parametrize("kind", ["webhook", "bot"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (SlackFault.THROTTLED, Reason.THROTTLED),
        (SlackFault.SERVER_ERROR, Reason.AWAY),
        (SlackFault.SILENT, Reason.AWAY),
        (SlackFault.SILENT_BUT_TAKEN, Reason.AWAY),
        (SlackFault.RESET, Reason.AWAY),
        (SlackFault.RESET_BUT_TAKEN, Reason.AWAY),
        (SlackFault.A_PAGE, Reason.AWAY),
        (SlackFault.NO_SERVICE, Reason.DENIED),
        (SlackFault.NOT_OK, Reason.DENIED),
        (SlackFault.INVALID_BLOCKS, Reason.MESSAGE),
        (SlackFault.TOO_LONG, Reason.MESSAGE),
    ],
)
async def test_each_fault_says_what_is_to_be_done(slack: Posting, kind: str, fault: SlackFault, reason: Reason) -> None:
    """And nothing in the exception, its causes or its traceback names the webhook or the token."""
    slack.slack.fault = fault
    with pytest.raises(SlackFailedError) as error:
        await slack.poster(kind).post(post(channel=CHANNEL if kind == "bot" else "default"))
    assert error.value.reason is reason
    if fault is SlackFault.THROTTLED:
        assert error.value.retry_after_seconds == 2.0
    shown = "".join(traceback.format_exception(error.value)) + repr(error.value) + repr(error.value.__context__)
    assert "secret" not in shown
    assert error.value.__context__ is None


async def test_a_channel_without_a_webhook_is_said(slack: Posting) -> None:
    """Nothing goes to another one instead."""
    with pytest.raises(SlackFailedError, match="no_webhook_for_this_channel"):
        await slack.webhooks.post(post(channel="team-a"))
    assert slack.slack.calls == []


@pytest.mark.parametrize("url", ["not a url", "http://", "http://[", "ftp://x/secret"])
async def test_a_webhook_that_is_no_url_is_not_shown(url: str) -> None:
    """It may be the right secret with a slip of the pen."""
    async with slack_session() as session:
        with pytest.raises(SlackFailedError) as error:
            await SlackHttp(session=session).post(Secret(url), {})
    assert url not in str(error.value)
    assert error.value.__context__ is None


async def test_a_thread_is_the_months_and_its_first_message_goes_along(slack: Posting) -> None:
    """A later message is a reply, and the first one says the same as the last."""
    first = await slack.bot.post(post(1, channel="costs"))
    assert first.channel_id == CHANNEL
    second = await slack.bot.post(post(2, channel="costs", thread=thread(first)))
    root, reply = slack.slack.messages
    assert (reply.thread_ts, reply.ts) == (root.ts, second.message_ts)
    assert (root.text, root.updates, reply.text) == ("text 2", 1, "text 2")


async def test_a_thread_that_people_deleted_begins_anew(slack: Posting) -> None:
    """In the channel."""
    first = await slack.bot.post(post(1, channel=CHANNEL))
    slack.slack.messages.clear()
    again = await slack.bot.post(post(2, channel=CHANNEL, thread=thread(first)))
    assert again.thread_is_gone
    assert [message.thread_ts for message in slack.slack.messages] == [""]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_what_was_taken_is_found_by_its_metadata(slack: Posting, in_thread: bool) -> None:
    """A second post of what may be there posts nothing."""
    root = thread(await slack.bot.post(post(0, channel=CHANNEL))) if in_thread else None
    for number in range(1, 4):
        await slack.bot.post(post(number, channel=CHANNEL, thread=root))
    before = len(slack.slack.messages)
    found = await slack.bot.post(post(2, channel=CHANNEL, thread=root, again=True))
    assert found.found
    assert len(slack.slack.messages) == before
    assert not (await slack.bot.post(post(9, channel=CHANNEL, thread=root, again=True))).found
    assert len(slack.slack.messages) == before + 1


async def test_a_bot_that_may_not_look_sends_again(slack: Posting) -> None:
    """By a channel's name alone nothing is found; a message twice is better than none."""
    await slack.bot.post(post(1, channel="costs"))
    await slack.bot.post(post(1, channel="costs", again=True))
    assert len(slack.slack.messages) == 2


async def test_a_wrong_token_is_denied(slack: Posting) -> None:
    """And in no exception."""
    slack.slack.token = "another"
    with pytest.raises(SlackFailedError, match="denied: invalid_auth"):
        await slack.bot.post(post(channel=CHANNEL))


async def test_webhooks_are_files_by_channel_that_may_be_rotated(tmp_path: Path) -> None:
    """The channel `default` may have one too; else it is the setting's."""
    secrets = Secrets(webhook=Secret("https://d"), webhooks_folder=tmp_path, token=Secret(""), token_file=None)
    (tmp_path / "team-a").write_text("https://a\n")
    assert [(await secrets.webhook(name)).reveal() for name in ("team-a", "default", "team-b")] == [
        "https://a",
        "https://d",
        "",
    ]
    (tmp_path / "team-a").write_text("https://a2")
    assert (await secrets.webhook("team-a")).reveal() == "https://a2"
    assert secrets.any
    assert not secrets.has_bot


def test_a_secret_shows_nothing() -> None:
    """Neither itself nor within something else."""
    assert "hidden" not in f"{Secret('hidden')} {Secret('hidden')!r} {[Secret('hidden')]}"


@pytest.mark.parametrize(
    ("status", "code", "reason", "shown"),
    [
        (429, "", Reason.THROTTLED, "ratelimited"),
        (200, "ratelimited", Reason.THROTTLED, "ratelimited"),
        (503, "<html>", Reason.AWAY, "http_503"),
        (200, "internal_error", Reason.AWAY, "internal_error"),
        (403, "action_prohibited", Reason.DENIED, "action_prohibited"),
        (410, "channel_is_archived", Reason.DENIED, "channel_is_archived"),
        (302, "", Reason.DENIED, "http_302"),
        (400, "https://hooks.slack.com/services/T/B/secret", Reason.DENIED, "http_400"),
        (400, "no_text", Reason.MESSAGE, "no_text"),
    ],
)
def test_answers_by_status_and_word(status: int, code: str, reason: Reason, shown: str) -> None:
    """What isn't a word of Slack's isn't repeated."""
    error = failure(status, code, "x")
    assert (error.reason, error.code) == (reason, shown)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0", 1.0), ("", 1.0), ("soon", 1.0), ("999999", 3600.0)])
def test_retry_after_is_bounded(header: str, seconds: float) -> None:
    """A second at least, an hour at most."""
    assert failure(429, "", header).retry_after_seconds == seconds
