"""Slack's incoming webhooks: a URL for each channel."""

import msgspec

from kube_cost_alerts.slack.failures import Reason, SlackFailedError, failure
from kube_cost_alerts.slack.http import Answer, SlackHttp
from kube_cost_alerts.slack.posting import Pace, Post, Posted
from kube_cost_alerts.slack.secret import Secrets


class _Said(msgspec.Struct):
    ok: bool = False
    error: str = ""


class WebhookPoster:
    """Posts to the webhook of the message's channel. There are no threads, and what was sent can't be found again."""

    def __init__(self, *, http: SlackHttp, secrets: Secrets, pace: Pace) -> None:
        self._http = http
        self._secrets = secrets
        self._pace = pace

    async def post(self, post: Post) -> Posted:
        """Return when the webhook has taken it; raise SlackFailedError."""
        url = await self._secrets.webhook(post.channel)
        if not url:
            raise SlackFailedError(Reason.DENIED, "no_webhook_for_this_channel")
        await self._pace.turn(post.channel)
        blocks = {"blocks": post.message.blocks} if post.message.blocks else {}
        _check(await self._http.post(url, {"text": post.message.text, "mrkdwn": False, **blocks}))
        return Posted()


def _check(answer: Answer) -> None:
    text = answer.body[:200].decode(errors="replace").strip()
    if answer.status == 200 and text == "ok":
        return
    try:
        said = msgspec.json.decode(answer.body, type=_Said)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = _Said(error=text)
    if answer.status == 200 and said.ok:
        return
    if answer.status == 200 and not said.error.replace("_", "").isalnum():
        # A page of somebody between us and Slack.
        raise SlackFailedError(Reason.AWAY, "not_slacks_answer")
    raise failure(answer.status, said.error, answer.retry_after)
