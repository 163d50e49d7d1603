"""The live table: what each namespace costs now, and has cost today."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import NamedTuple

HOURS_PER_MONTH = 730
_SAMPLE = re.compile(
    r'(kube_cost_namespace_(?:hourly|today)_usd)\{(?:[^}]*,)?namespace="((?:[^"\\]|\\.)*)"[^}]*\} (\S+)'
)


class NamespaceCost(NamedTuple):
    """A namespace's USD per hour now, and USD since UTC midnight."""

    namespace: str
    usd_per_hour: float
    usd_today: float


def fetch(url: str) -> str:
    """Return what /metrics says, empty while it doesn't answer."""
    try:
        with urllib.request.urlopen(url + "/metrics", timeout=5) as answer:  # noqa: S310 - the demo's own URL
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return ""


def namespace_costs(metrics: str) -> list[NamespaceCost]:
    """Return the namespaces in an exposition, dearest first, the rest of the nodes' price after them."""
    hourly: dict[str, float] = {}
    today: dict[str, float] = {}
    for name, namespace, value in _SAMPLE.findall(metrics):
        (hourly if name.endswith("hourly_usd") else today)[namespace] = float(value)
    rows = [NamespaceCost(namespace, usd, today.get(namespace, 0.0)) for namespace, usd in hourly.items()]
    return sorted(rows, key=lambda row: (row.namespace.startswith("__"), -row.usd_per_hour, row.namespace))


def dearest_pod_line(metrics: str) -> str:
    """Return the line of `kube_cost_pod_hourly_usd` with the greatest value, empty while there is none above 0."""
    lines = [line for line in metrics.splitlines() if line.startswith("kube_cost_pod_hourly_usd{")]
    dearest = max(lines, key=lambda line: float(line.rpartition(" ")[2]), default="")
    return "" if dearest.endswith(" 0") else dearest


def render(rows: Iterable[NamespaceCost]) -> list[str]:
    """Return the table's lines."""
    rows = list(rows)
    width = max([len("NAMESPACE"), *(len(row.namespace) for row in rows)])
    lines = [f"{'NAMESPACE':<{width}}  {'USD/HOUR':>10}  {'USD/MONTH':>10}  {'TODAY USD':>12}"]
    lines += [
        f"{row.namespace:<{width}}  {row.usd_per_hour:>10.5f}  {row.usd_per_hour * HOURS_PER_MONTH:>10.2f}"
        f"  {row.usd_today:>12.7f}"
        for row in rows
    ]
    hourly, today = sum(row.usd_per_hour for row in rows), sum(row.usd_today for row in rows)
    lines.append(f"{'SUMMED':<{width}}  {hourly:>10.5f}  {hourly * HOURS_PER_MONTH:>10.2f}  {today:>12.7f}")
    return lines
