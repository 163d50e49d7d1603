"""The settings of the service, for its commands."""

import os
from dataclasses import dataclass
from pathlib import Path

from kube_cost_alerts.config import AlertsConfig
from kube_cost_alerts.links import Links
from kube_cost_alerts.routing import Routing, Telling
from kube_cost_alerts.routing_document import read_routing
from kube_cost_common.runtime.config import ConfigError, load

FOUND, FAILED, WRONG = 0, 1, 2
"""Exit codes: done; Slack didn't take it; an argument or a setting is wrong."""


class SettingsError(Exception):
    """A sentence for a person."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment says, and the files that it names."""

    config: AlertsConfig
    links: Links
    routing: Routing


def read_settings() -> Settings:
    """Return the settings as the service would read them; raise SettingsError."""
    try:
        config = load(AlertsConfig, os.environ)
        links = Links(dashboard=config.dashboard_url, optimize=config.optimize_url)
        path = config.alert_routing_file
        routing = (
            read_routing(Path(path).read_text(), file=path, channel=config.slack_channel)
            if path
            else Routing(default=Telling(channel=config.slack_channel))
        )
    except (ConfigError, ValueError, OSError) as error:
        raise SettingsError(str(error)) from error
    return Settings(config=config, links=links, routing=routing)
