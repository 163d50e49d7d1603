"""Slack on 127.0.0.1: incoming webhooks and a few methods of its Web API, with its limits; it misbehaves on demand."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Any

from aiohttp import web

from kube_cost_simulator.serving import LocalServer
from kube_cost_simulator.slack_limits import refusal

CHANNEL_SECONDS = 1.0
"""Slack takes a message a second for a channel."""


@unique
class SlackFault(StrEnum):
    """What happens to a call."""

    THROTTLED = "throttled"  # 429 with Retry-After
    SERVER_ERROR = "server_error"  # 500
    NO_SERVICE = "no_service"  # 404: the webhook isn't there any more
    INVALID_BLOCKS = "invalid_blocks"  # 400, or ok: false
    TOO_LONG = "msg_blocks_too_long"  # likewise
    NOT_OK = "not_ok"  # {"ok": false} with 200
    SILENT = "silent"  # never answers
    SILENT_BUT_TAKEN = "silent_but_taken"  # takes the message, and never answers
    RESET = "reset"
    RESET_BUT_TAKEN = "reset_but_taken"
    A_PAGE = "a_page"  # 200 with a proxy's page


@dataclass
class SlackMessage:
    """A message in a channel, as people see it now. `at` is when it came, in seconds of the server's clock."""

    channel: str
    ts: str
    at: float
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    updates: int = 0


class FakeSlack:
    """Takes messages by `webhooks` (a secret path by channel) and by `token`, which channels' ids or names go with.

    `faults` are for the next calls, one each, `fault` for all after them. `calls` are method, channel, time and status
    of each; `retry_after` is what it says to who is throttled, in seconds.
    """

    def __init__(self, *, now: Callable[[], float], channel_seconds: float = CHANNEL_SECONDS, port: int = 0) -> None:
        self._now = now
        self._channel_seconds = channel_seconds
        self.webhooks: dict[str, str] = {"default": "T000/B000/the-webhooks-secret"}
        self.token = "xoxb-the-bots-secret"  # noqa: S105 - not a real one
        self.channels: dict[str, str] = {"C0000000001": "costs"}
        self.messages: list[SlackMessage] = []
        self.calls: list[tuple[str, str, float, int]] = []
        self.faults: deque[SlackFault] = deque()
        self.fault: SlackFault | None = None
        self.retry_after = 2
        self.error = "channel_not_found"
        self._taken_at: dict[str, float] = {}
        application = web.Application(client_max_size=1 << 20)
        application.router.add_post("/services/{path:.+}", self._webhook)
        application.router.add_post("/api/{method}", self._method)
        self._server = LocalServer(application=application, port=port)
        self.url = ""

    async def start(self) -> None:
        """Begin to serve at `url`."""
        self.url = await self._server.start()

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()

    def webhook_url(self, channel: str = "default") -> str:
        """The URL that is the secret of a channel."""
        return f"{self.url}/services/{self.webhooks[channel]}"

    def in_channel(self, channel: str) -> list[SlackMessage]:
        """The messages of a channel, in their order."""
        return [message for message in self.messages if message.channel == channel]

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        channel = next((name for name, secret in self.webhooks.items() if secret == path), "")
        body = await _json(request)
        if not channel:
            return self._note("webhook", path, web.Response(status=404, text="no_service"))
        if body is None:
            return self._note("webhook", channel, web.Response(status=400, text="invalid_payload"))
        fault = self._next_fault()
        if fault in {SlackFault.SILENT_BUT_TAKEN, SlackFault.RESET_BUT_TAKEN}:
            self._take(channel, body)
        if (wrong := await self._misbehaved(request, fault)) is not None:
            return self._note("webhook", channel, wrong)
        if error := refusal(body):
            return self._note("webhook", channel, web.Response(status=400, text=error))
        if self._is_throttled(channel):
            return self._note("webhook", channel, self._throttled())
        self._take(channel, body)
        return self._note("webhook", channel, web.Response(text="ok"))

    async def _method(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        # Its reading methods take forms alone.
        body = dict(await request.post()) if method.startswith("conversations.") else await _json(request) or {}
        channel = self._channel_id(str(body.get("channel", "")))
        fault = self._next_fault()
        if method == "chat.postMessage" and fault in {SlackFault.SILENT_BUT_TAKEN, SlackFault.RESET_BUT_TAKEN}:
            self._take(channel, body)
        if (wrong := await self._misbehaved(request, fault)) is not None:
            return self._note(method, channel, wrong)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._note(method, channel, _said(error="invalid_auth"))
        if (method.startswith("conversations.") and body.get("channel") not in self.channels) or not channel:
            return self._note(method, channel, _said(error="channel_not_found"))
        answer = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._list,
            "conversations.replies": self._list,
        }.get(method, lambda _channel, _body: _said(error="unknown_method"))
        return self._note(method, channel, answer(channel, body))

    def _post(self, channel: str, body: Mapping[str, Any]) -> web.Response:
        if error := refusal(body):
            return _said(error=error)
        if self._is_throttled(channel):
            return self._throttled()
        if (thread := body.get("thread_ts")) and all(message.ts != thread for message in self.messages):
            return _said(error="thread_not_found")
        return _said(channel=channel, ts=self._take(channel, body).ts)

    def _update(self, channel: str, body: Mapping[str, Any]) -> web.Response:
        if error := refusal(body):
            return _said(error=error)
        for message in self.messages:
            if (message.channel, message.ts) == (channel, body.get("ts")):
                message.text, message.blocks = body["text"], body.get("blocks", [])
                message.updates += 1
                return _said(channel=channel, ts=message.ts)
        return _said(error="message_not_found")

    def _list(self, channel: str, body: Mapping[str, Any]) -> web.Response:
        thread = body.get("ts", "")
        listed = [
            {"ts": message.ts, "text": message.text, "metadata": message.metadata}
            for message in self.in_channel(channel)
            if (thread in {message.thread_ts, message.ts} if thread else not message.thread_ts)
        ]
        start, size = int(body.get("cursor") or 0), int(body.get("limit", 100))
        following = str(start + size) if start + size < len(listed) else ""
        page = listed[start : start + size]
        return _said(messages=page, response_metadata={"next_cursor": following})

    def _take(self, channel: str, body: Mapping[str, Any]) -> SlackMessage:
        now = self._now()
        self._taken_at[channel] = now
        message = SlackMessage(
            channel=channel,
            ts=f"{1_800_000_000 + len(self.messages)}.000100",
            at=now,
            text=body.get("text", ""),
            blocks=body.get("blocks", []),
            thread_ts=body.get("thread_ts", ""),
            metadata=body.get("metadata", {}),
        )
        self.messages.append(message)
        return message

    def _channel_id(self, channel: str) -> str:
        by_name = {name: identity for identity, name in self.channels.items()}
        return channel if channel in self.channels else by_name.get(channel.removeprefix("#"), "")

    def _is_throttled(self, channel: str) -> bool:
        return self._now() - self._taken_at.get(channel, -1e9) < self._channel_seconds

    def _throttled(self) -> web.Response:
        body = json.dumps({"ok": False, "error": "ratelimited"})
        return web.Response(
            status=429, text=body, content_type="application/json", headers={"Retry-After": str(self.retry_after)}
        )

    def _next_fault(self) -> SlackFault | None:
        return self.faults.popleft() if self.faults else self.fault

    async def _misbehaved(self, request: web.Request, fault: SlackFault | None) -> web.Response | None:
        """Return what is answered instead; None where nothing is wrong."""
        if fault in {SlackFault.SILENT, SlackFault.SILENT_BUT_TAKEN}:
            await asyncio.Event().wait()
        if fault in {SlackFault.RESET, SlackFault.RESET_BUT_TAKEN} and request.transport is not None:
            request.transport.abort()
            return web.Response(status=500)
        word = str(fault)
        by_status = request.path.startswith("/services/")
        refused = web.Response(status=400, text=word) if by_status else _said(error=word)
        instead = {
            SlackFault.THROTTLED: self._throttled(),
            SlackFault.SERVER_ERROR: web.Response(status=500, text="Internal Server Error"),
            SlackFault.NO_SERVICE: web.Response(status=404, text=word),
            SlackFault.INVALID_BLOCKS: refused,
            SlackFault.TOO_LONG: refused,
            SlackFault.NOT_OK: _said(error=self.error),
            SlackFault.A_PAGE: web.Response(text="<html>Please sign in</html>", content_type="text/html"),
        }
        return None if fault is None else instead.get(fault)

    def _note(self, method: str, channel: str, answer: web.Response) -> web.Response:
        self.calls.append((method, channel, self._now(), answer.status))
        return answer


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.text())
    except ValueError:
        return None


def _said(*, error: str = "", **fields: Any) -> web.Response:
    said = {"ok": False, "error": error} if error else {"ok": True, **fields}
    return web.Response(text=json.dumps(said), content_type="application/json")
