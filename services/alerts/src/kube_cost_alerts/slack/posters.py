"""Which way messages go."""

import aiohttp

from kube_cost_alerts.slack.bot import BotPoster
from kube_cost_alerts.slack.http import SlackHttp
from kube_cost_alerts.slack.posting import Pace, Poster
from kube_cost_alerts.slack.secret import Secrets
from kube_cost_alerts.slack.webhook import WebhookPoster
from kube_cost_common.runtime.clock import Clock


def new_poster(*, session: aiohttp.ClientSession, secrets: Secrets, api_url: str, clock: Clock) -> Poster:
    """Return what posts as a bot where there is a token, else by webhooks."""
    http, pace = SlackHttp(session=session), Pace(clock=clock)
    if secrets.has_bot:
        return BotPoster(http=http, secrets=secrets, pace=pace, api_url=api_url)
    return WebhookPoster(http=http, secrets=secrets, pace=pace)
