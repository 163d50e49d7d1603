"""Where a message's buttons lead."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from kube_cost_alerts.slack_text import BUTTON_URL_CHARACTERS

ALL = "$__all"
"""What Grafana calls all values of a variable."""

PLACES = ("{namespace}", "{cluster}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """URL templates in which `{namespace}` and `{cluster}` stand for the budget's; empty ones make no button."""

    dashboard: str = ""
    optimize: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError where one of them is no URL."""
        for template in (self.dashboard, self.optimize):
            if template and not _is_url(template):
                raise ValueError(f"{template[:200]!r} is no http or https URL")

    def dashboard_url(self, *, scope_kind: str, scope_name: str, cluster: str) -> str:
        """Return where the costs are to be seen; empty where that is nowhere."""
        return _filled(self.dashboard, scope_kind, scope_name, cluster)

    def optimize_url(self, *, scope_kind: str, scope_name: str, cluster: str) -> str:
        """Return where it is to be seen what is reserved and not used; empty where that is nowhere."""
        return _filled(self.optimize, scope_kind, scope_name, cluster)


def _filled(template: str, scope_kind: str, scope_name: str, cluster: str) -> str:
    namespace = {"namespace": scope_name, "workload": scope_name.partition("/")[0]}.get(scope_kind, ALL)
    url = template
    for place, value in zip(PLACES, (namespace, cluster), strict=True):
        url = url.replace(place, quote(value, safe="", errors="replace"))
    return url if len(url) <= BUTTON_URL_CHARACTERS else ""


def _is_url(template: str) -> bool:
    try:
        parts = urlsplit(template)
    except ValueError:
        return False
    legal = not any(character.isspace() or character in '<>|"' for character in template)
    return legal and parts.scheme in {"http", "https"} and bool(parts.netloc)
