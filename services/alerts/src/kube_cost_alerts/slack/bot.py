"""Slack's Web API with a bot's token: one thread for each budget and month, its first message kept up to date."""

from typing import Any

import msgspec

from kube_cost_alerts.slack.failures import GONE, Reason, SlackFailedError, failure
from kube_cost_alerts.slack.http import SlackHttp
from kube_cost_alerts.slack.posting import Pace, Post, Posted
from kube_cost_alerts.slack.secret import Secret, Secrets

EVENT_TYPE = "cost_alert"
"""Of the metadata by which a message is found again."""

PAGE = 100
MAX_PAGES = 10


class _Metadata(msgspec.Struct):
    event_type: str = ""
    event_payload: dict[str, Any] = {}


class _Listed(msgspec.Struct):
    ts: str = ""
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _Following(msgspec.Struct):
    next_cursor: str = ""


class _Said(msgspec.Struct):
    ok: bool = False
    error: str = ""
    channel: str = ""
    ts: str = ""
    messages: list[_Listed] = []
    response_metadata: _Following = msgspec.field(default_factory=_Following)


class BotPoster:
    """Posts as a bot, which needs the scopes chat:write, and to find what it sent, channels:history or groups:history.

    A message that may have been sent before is looked for first. That needs the channel's id: in the routing, or from
    an earlier message of the thread.
    """

    def __init__(self, *, http: SlackHttp, secrets: Secrets, pace: Pace, api_url: str) -> None:
        self._http = http
        self._secrets = secrets
        self._pace = pace
        self._api_url = api_url.rstrip("/")

    async def post(self, post: Post) -> Posted:
        """Return when the message is there and its thread's first one is up to date; raise SlackFailedError."""
        posted = await self._find(post) if post.may_be_there else None
        if posted is None:
            posted = await self._send(post)
        thread = post.thread
        if thread is None or posted.thread_is_gone or thread.message_ts == posted.message_ts:
            return posted
        try:
            await self._call(
                "chat.update",
                post.channel,
                {"channel": thread.channel_id, "ts": thread.message_ts, **_content(post)},
            )
        except SlackFailedError as error:
            if error.code not in GONE:
                raise
        return posted

    async def _send(self, post: Post) -> Posted:
        thread = post.thread
        body: dict[str, Any] = {
            "channel": post.channel if thread is None else thread.channel_id,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"intent": post.intent}},
            "unfurl_links": False,
            **_content(post),
        }
        if thread is not None:
            try:
                said = await self._call("chat.postMessage", post.channel, {**body, "thread_ts": thread.message_ts})
                return Posted(channel_id=said.channel, message_ts=said.ts)
            except SlackFailedError as error:
                if error.code not in GONE:
                    raise
        said = await self._call("chat.postMessage", post.channel, body)
        return Posted(channel_id=said.channel, message_ts=said.ts, thread_is_gone=thread is not None)

    async def _find(self, post: Post) -> Posted | None:
        thread = post.thread
        where: dict[str, Any] = {
            "channel": post.channel if thread is None else thread.channel_id,
            "oldest": f"{post.since_ns / 1e9 - 60:.6f}",  # by Slack's clock
            "include_all_metadata": "true",
            "limit": PAGE,
        }
        method = "conversations.history"
        if thread is not None:
            method, where = "conversations.replies", {**where, "ts": thread.message_ts}
        for _ in range(MAX_PAGES):
            try:
                said = await self._call(method, post.channel, where)
            except SlackFailedError as error:
                if error.reason is not Reason.DENIED:
                    raise
                return None  # it may not look, or knows the channel by its name alone
            for listed in said.messages:
                metadata = listed.metadata
                if metadata.event_type == EVENT_TYPE and metadata.event_payload.get("intent") == post.intent:
                    return Posted(channel_id=where["channel"], message_ts=listed.ts, found=True)
            if not said.response_metadata.next_cursor:
                return None
            where = {**where, "cursor": said.response_metadata.next_cursor}
        return None

    async def _call(self, method: str, channel: str, body: dict[str, Any]) -> _Said:
        token = await self._secrets.token()
        if not token:
            raise SlackFailedError(Reason.DENIED, "no_token")
        await self._pace.turn(channel)
        answer = await self._http.post(
            Secret(f"{self._api_url}/{method}"), body, token=token, form=method.startswith("conversations.")
        )
        try:
            said = msgspec.json.decode(answer.body, type=_Said)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            said = None
        if said is None:
            raise failure(answer.status if answer.status != 200 else 502, "", answer.retry_after)
        if not said.ok or answer.status != 200:
            raise failure(answer.status, said.error, answer.retry_after)
        return said


def _content(post: Post) -> dict[str, Any]:
    # An update without blocks is to take away those that were there.
    return {"text": post.message.text, "mrkdwn": False, "blocks": post.message.blocks}
