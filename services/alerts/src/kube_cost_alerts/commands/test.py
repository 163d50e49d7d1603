"""`kube-cost-alerts test`: a sample of an alert, sent to a channel, so that a person sees that it arrives."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from kube_cost_alerts.commands.settings import FAILED, FOUND, WRONG, Settings, SettingsError, read_settings
from kube_cost_alerts.evaluator import Kind
from kube_cost_alerts.slack.failures import SlackFailedError
from kube_cost_alerts.slack.http import slack_session
from kube_cost_alerts.slack.posters import new_poster
from kube_cost_alerts.slack.posting import Post
from kube_cost_alerts.wording import worded
from kube_cost_common.domain.money import HOURS_PER_MONTH, NANO_PER_USD
from kube_cost_common.messages.alerts import AlertIntent
from kube_cost_common.messages.costs import CostDriver
from kube_cost_common.runtime.clock import SystemClock


def main(arguments: Sequence[str]) -> int:
    """Send a sample; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="kube-cost-alerts test",
        description="Send a sample of an alert, by the service's own settings.",
        epilog="Exit code 1: Slack didn't take it; the reason is Slack's word.",
    )
    parser.add_argument("--channel", default="", help="a channel as the routing names it; left out, where most goes")
    channel = parser.parse_args(arguments).channel
    try:
        settings = read_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's output
        return WRONG
    if not settings.config.secrets.any:
        print("no webhook and no token of Slack is configured; see docs/alerts.md", file=sys.stderr)  # noqa: T201 - likewise
        return WRONG
    channel = channel or settings.routing.default.channel
    try:
        asyncio.run(_send(channel, settings))
    except SlackFailedError as error:
        print(f"Slack didn't take the message for {channel}: {error}", file=sys.stderr)  # noqa: T201 - likewise
        return FAILED
    print(f"Slack took the message for {channel}")  # noqa: T201 - likewise
    return FOUND


async def _send(channel: str, settings: Settings) -> None:
    clock = SystemClock()
    now_ns = clock.now_ns()
    intent = sample(channel, now_ns)
    cluster = settings.config.cluster_id
    async with slack_session() as session:
        poster = new_poster(
            session=session, secrets=settings.config.secrets, api_url=settings.config.slack_api_url, clock=clock
        )
        await poster.post(
            Post(
                intent=intent.intent,
                channel=channel,
                message=worded(intent, cluster=cluster, links=settings.links, now_ns=now_ns),
                thread=None,
                may_be_there=False,
                since_ns=now_ns,
            )
        )


def sample(channel: str, now_ns: int) -> AlertIntent:
    """Return an alert about a namespace that isn't there."""

    def hourly(month: int) -> int:
        return month * NANO_PER_USD // HOURS_PER_MONTH + 1

    return AlertIntent(
        intent=f"test.{now_ns}",
        kind=Kind.RUN_RATE,
        all_clear=False,
        percent=0.0,
        channel=channel,
        owner="test",
        at_ns=now_ns,
        month_start_ns=now_ns,
        scope_kind="namespace",
        scope_name="production (a test: nothing is wrong)",
        source="example",
        amount_nano=500 * NANO_PER_USD,
        spent_nano=410 * NANO_PER_USD,
        hourly_nano=hourly(567),
        rate_nano=hourly(567),
        forecast_nano=None,
        usual_nano=None,
        drivers=[
            CostDriver(namespace="production", kind="Deployment", name=name, hourly_nano=hourly(month))
            for name, month in (("api-server-v2", 123), ("ml-inference", 98))
        ],
    )
