"""The layout of a routing file.

```yaml
channel: costs                 # where no route says otherwise; `default` if left out
platform: platform-costs       # who is told of prices that can't be had and nodes without one; nobody if left out
thresholds: [80, 100, 120]     # percent of a budget
run_rate: true                 # over budget at the last hour's rate
forecast: false                # over budget at the month's end
burn: 2                        # the hour and the six hours at twice the rate that the budget allows; 0 is off
anomaly_usd_per_hour: 5        # an hour far above the usual one, by 5 USD at least; 0 is off
routes:                        # the first that matches; what it leaves out is as above
  - namespace: team-a-*        # one of namespace, label, workload, cluster; * and ? stand for anything
    channel: team-a
  - label: team=payments
    channel: payments
    thresholds: [50, 90, 100]
  - cluster: prod-eu
    channel: finance
    forecast: true
```
"""

import math
from dataclasses import replace

import yaml

from kube_cost_alerts.routing import DEFAULT_CHANNEL, Route, Routing, Telling
from kube_cost_common.runtime.yaml_reader import Fault, Reader

MAX_PERCENT = 100_000.0
MAX_CHANNEL = 80
"""Characters of a channel's name in Slack."""

_SCOPES = ("namespace", "label", "workload", "cluster")
_TELLING = ("channel", "thresholds", "run_rate", "forecast", "burn", "anomaly_usd_per_hour")


class RoutingError(ValueError):
    """A routing file with faults: all of them, in the order of their lines."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = sorted(faults)
        super().__init__("; ".join(map(str, self.faults)))


def read_routing(text: str, *, file: str, channel: str = DEFAULT_CHANNEL) -> Routing:
    """Return the routing in `text`; `channel` is where things go if it names none.

    Raises RoutingError with every fault; `file` is the name in it.
    """
    reader = Reader(file=file)
    root = reader.document(text)
    routing = Routing() if root is None else _Document(reader).routing(root, Telling(channel=channel))
    if reader.faults:
        raise RoutingError(reader.faults)
    return routing


class _Document:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def routing(self, root: yaml.Node, default: Telling) -> Routing:
        fields = self._reader.mapping(root, "", (*_TELLING, "platform", "routes"))
        telling = self._telling(fields, "", default)
        platform = self._channel(fields["platform"], "platform") if "platform" in fields else ""
        routes = self._reader.sequence(fields["routes"], "routes") if "routes" in fields else []
        return Routing(
            default=telling,
            routes=[
                route
                for number, node in enumerate(routes)
                if (route := self._route(node, f"routes[{number}]", telling)) is not None
            ],
            platform=platform,
        )

    def _route(self, node: yaml.Node, field: str, default: Telling) -> Route | None:
        fields = self._reader.mapping(node, field, (*_SCOPES, *_TELLING))
        scopes = [name for name in _SCOPES if name in fields]
        telling = self._telling(fields, field, default)
        if len(scopes) != 1:
            self._reader.fault(node, field, f"expected one of {', '.join(_SCOPES)}, found {len(scopes)} of them")
            return None
        (scope,) = scopes
        pattern = self._reader.text(fields[scope], f"{field}.{scope}", "a name, in which * stands for anything")
        return None if pattern is None else Route(scope_kind=scope, pattern=pattern, telling=telling)

    def _telling(self, fields: dict[str, yaml.Node], field: str, default: Telling) -> Telling:
        told = default
        for name in _TELLING:
            if name not in fields:
                continue
            node, where = fields[name], f"{field}.{name}" if field else name
            if name == "channel":
                told = replace(told, channel=self._channel(node, where))
            elif name == "thresholds":
                told = replace(told, thresholds=self._thresholds(node, where))
            elif name == "run_rate":
                told = replace(told, run_rate=bool(self._reader.switch(node, where)))
            elif name == "forecast":
                told = replace(told, forecast=bool(self._reader.switch(node, where)))
            elif name == "burn":
                told = replace(told, burn=self._reader.amount(node, where, "times the allowed rate") or 0.0)
            else:
                told = replace(told, anomaly_usd_per_hour=self._reader.amount(node, where, "USD per hour") or 0.0)
        return told

    def _thresholds(self, node: yaml.Node, field: str) -> tuple[float, ...]:
        percents = [
            (one, self._reader.amount(one, field, "percent") or math.nan) for one in self._reader.sequence(node, field)
        ]
        for one, percent in percents:
            if not 0 < percent <= MAX_PERCENT:
                self._reader.fault(one, field, f"expected percents above 0, and {MAX_PERCENT:g} at most")
        return tuple(sorted({percent for _, percent in percents}))

    def _channel(self, node: yaml.Node, field: str) -> str:
        name = (self._reader.text(node, field, "the name of a channel") or "").strip()
        if len(name) > MAX_CHANNEL:
            self._reader.fault(node, field, f"a channel's name has {MAX_CHANNEL} characters at most")
        # It may be the name of a webhook's file.
        if "/" in name or "\0" in name or name.startswith("."):
            self._reader.fault(node, field, "a channel's name has no slash in it, and begins with no dot")
        return name
