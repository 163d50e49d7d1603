"""Who is told what about which budget."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

DEFAULT_CHANNEL = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What is told of a budget, and where."""

    channel: str = DEFAULT_CHANNEL
    """A name: of a webhook, or of a channel where there is a bot's token."""

    thresholds: tuple[float, ...] = (80.0, 100.0, 120.0)
    """Shares of the budget, in percent, at which the month to date is told, ascending; none is never."""

    run_rate: bool = True
    """Whether it is told that the last hour's rate, over a month, is more than the budget."""

    forecast: bool = False
    """Whether it is told that the month will have cost more than the budget."""

    burn: float = 0.0
    """How many times the rate that the budget allows the last hour's and the last six hours' may be; 0: not told."""

    anomaly_usd_per_hour: float = 0.0
    """From how many USD per hour on an hour that is far above the usual one is told; 0: it isn't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Budgets of one kind of scope whose name matches, and how they are told."""

    scope_kind: str
    pattern: str
    telling: Telling

    def matches(self, scope_kind: str, scope_name: str) -> bool:
        """Whether the route is for that budget. A workload is in its namespace, where no route names it itself."""
        if scope_kind == "workload" and self.scope_kind == "namespace":
            return fnmatchcase(scope_name.partition("/")[0], self.pattern)
        return scope_kind == self.scope_kind and fnmatchcase(scope_name, self.pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """All routes, in the order in which they are tried, and what holds where none matches.

    `platform` is the channel that is told of prices and nodes; nobody is where it is empty.
    """

    default: Telling = field(default_factory=Telling)
    routes: Sequence[Route] = ()
    platform: str = ""

    def telling(self, scope_kind: str, scope_name: str) -> Telling:
        """Return how a budget is told."""
        for route in self.routes:
            if route.matches(scope_kind, scope_name):
                return route.telling
        return self.default
