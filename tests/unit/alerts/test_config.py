from pathlib import Path

from kube_cost_alerts.config import AlertsConfig
from kube_cost_common.runtime.config import load


def test_settings_show_no_secret() -> None:
    """Not by themselves, and not by what they are made into."""
    config = load(
        AlertsConfig,
        {"KUBE_COST_SLACK_WEBHOOK_URL": "https://h/hidden", "KUBE_COST_SLACK_BOT_TOKEN": "xoxb-hidden"},
    )
    assert "hidden" not in f"{config!r} {config} {config.secrets!r} {vars(config.secrets)}"


def test_slack_is_there_as_soon_as_one_way_is_set(tmp_path: Path) -> None:
    """A webhook, a folder of them, a token, or its file; a bot's is taken where both are there."""
    assert not AlertsConfig().secrets.any
    assert AlertsConfig(slack_webhook_url="https://h").secrets.any
    assert AlertsConfig(slack_webhooks_directory=str(tmp_path)).secrets.any
    assert AlertsConfig(slack_bot_token_file=str(tmp_path / "token"), slack_webhook_url="https://h").secrets.has_bot
