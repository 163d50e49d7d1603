"""What the alert service can be told."""

from pathlib import Path

from kube_cost_alerts.routing import DEFAULT_CHANNEL
from kube_cost_alerts.slack.secret import Secret, Secrets
from kube_cost_common.runtime.mesh import MeshConfig


class AlertsConfig(MeshConfig, frozen=True, kw_only=True):
    """Settings from the environment: `KUBE_COST_` and the field's name in capitals."""

    slack_webhook_url: str = ""
    """The incoming webhook of the channel `default`. It is a secret: who has it can write there."""

    slack_webhooks_directory: str = ""
    """A folder, a mounted Secret say, with a file for each channel: its name is the channel's in the routing, and in it
    stands the channel's webhook URL.
    """

    slack_bot_token: str = ""
    """A bot's token, instead of webhooks: then the routing's channels are Slack's own, best by their ids. A secret."""

    slack_bot_token_file: str = ""
    """A file with the token, which is read again for each message."""

    slack_channel: str = DEFAULT_CHANNEL
    """Where alerts go for which the routing file names no channel."""

    slack_api_url: str = "https://slack.com/api"
    """Where the methods of Slack's Web API are."""

    alert_routing_file: str = ""
    """A YAML file that says who is told what; it is read again when it changes. See docs/alerts.md."""

    dashboard_url: str = ""
    """Where the button View Dashboard leads; `{namespace}` and `{cluster}` in it stand for the budget's. Empty: there
    is no such button.
    """

    optimize_url: str = ""
    """Likewise the button Optimize Now."""

    def __repr__(self) -> str:
        """Show nothing: secrets are among the values."""
        return "AlertsConfig(…)"

    @property
    def secrets(self) -> Secrets:
        """The webhooks and the token."""
        return Secrets(
            webhook=Secret(self.slack_webhook_url),
            webhooks_folder=Path(self.slack_webhooks_directory) if self.slack_webhooks_directory else None,
            token=Secret(self.slack_bot_token),
            token_file=Path(self.slack_bot_token_file) if self.slack_bot_token_file else None,
        )
