"""A message about a budget: Slack's blocks, and the same as text for who can't see blocks. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from kube_cost_alerts.evaluator import Kind, over_nano
from kube_cost_alerts.links import Links
from kube_cost_alerts.slack_text import (
    HEADER_CHARACTERS,
    SECTION_CHARACTERS,
    escaped,
    escaped_lines,
)
from kube_cost_common.domain.money import HOURS_PER_MONTH, NANO_PER_USD
from kube_cost_common.messages.alerts import AlertIntent
from kube_cost_common.messages.costs import CostDriver

LATE_AFTER_NS = 10 * 60 * 10**9
"""A message that is sent so long after its moment says so."""

_WHOLE_DOLLARS_FROM = 10 * NANO_PER_USD


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What Slack is sent."""

    text: str
    blocks: list[dict[str, Any]]


def worded(intent: AlertIntent, *, cluster: str, links: Links, now_ns: int) -> Message:
    """Return the message that an intent is of, when it is sent at `now_ns`."""
    title = _title(intent)
    figures = list(_figures(intent))
    drivers = [] if intent.all_clear else list(_drivers(intent.drivers, intent.hourly_nano))
    where = {"scope_kind": intent.scope_kind, "scope_name": intent.scope_name, "cluster": cluster}
    buttons = [
        (label, url)
        for label, url in (
            ("📊 View Dashboard", links.dashboard_url(**where)),
            ("🔧 Optimize Now", links.optimize_url(**where)),
        )
        if url
    ]
    context = _context(intent, cluster, now_ns)
    parts = [title, "\n".join(figures), "\n".join(drivers), *([context] if _is_late(intent, now_ns) else [])]
    parts.append(" | ".join(f"<{_in_link(url)}|{label}>" for label, url in buttons))
    return Message(
        text="\n\n".join(filter(None, parts)),
        blocks=[
            {"type": "header", "text": _plain(title)},
            *({"type": "section", "text": _plain("\n".join(lines))} for lines in (figures, drivers) if lines),
            {"type": "context", "elements": [_plain(context)]},
            *([{"type": "actions", "elements": [_button(*button) for button in buttons]}] if buttons else []),
        ],
    )


def usd(nano: int) -> str:
    """Return an amount with cents: `$1,234.50`."""
    return _amount(nano, "0.01")


def _title(intent: AlertIntent) -> str:
    mark = "✅ Cost All-Clear: " if intent.all_clear else "⚠ Cost Alert: "
    match intent.kind:
        case Kind.PRICE_TROUBLE:
            return mark + "Prices"
        case Kind.UNPRICED_NODES:
            return mark + "Nodes without a Price"
    return mark + _scope(intent, HEADER_CHARACTERS - len(mark))


def _scope(intent: AlertIntent, room: int) -> str:
    name = intent.scope_name
    match intent.scope_kind:
        case "namespace":
            return f"{escaped(name[:1].upper() + name[1:], room - 10)} Namespace"
        case "cluster":
            return f"{escaped(name, room - 8)} Cluster"
        case "workload" if name.count("/") == 2:
            namespace, kind, workload = name.split("/")
            each = (room - 5) // 3
            return f"{escaped(kind, each)} {escaped(workload, each)} in {escaped(namespace, each)}"
        case _:
            return escaped(name, room)


def _figures(intent: AlertIntent) -> Iterator[str]:
    if intent.kind in {Kind.PRICE_TROUBLE, Kind.UNPRICED_NODES}:
        yield escaped_lines(intent.detail, SECTION_CHARACTERS) or "Every node has a price again."
        return
    rate = intent.rate_nano or 0
    match intent.kind:
        case Kind.MONTH_TO_DATE:
            yield f"Spent This Month: {usd(intent.spent_nano)} ({_percent(intent.spent_nano, intent.amount_nano)})"
        case Kind.FORECAST:
            yield f"Forecast for This Month: {usd(intent.forecast_nano or 0)}"
        case Kind.BURN:
            yield f"Last Hour: {usd(rate)}, the Budget Allows {usd(intent.usual_nano or 0)} an Hour"
        case Kind.ANOMALY:
            yield f"Last Hour: {usd(rate)}, Usual at This Hour of the Week: {usd(intent.usual_nano or 0)}"
    yield f"Current Monthly Run Rate: {usd(rate * HOURS_PER_MONTH)}"
    yield f"Budget: {usd(intent.amount_nano)}"
    over = over_nano(intent)
    word = "Over Budget" if over >= 0 else "Under Budget"
    if intent.kind == Kind.MONTH_TO_DATE and over < 0:
        word = "Left of the Budget"
    yield f"{word}: {usd(abs(over))} ({_percent(abs(over), intent.amount_nano)})"


def _drivers(drivers: Sequence[CostDriver], hourly_nano: int) -> Iterator[str]:
    """Yield the drivers with their whole percents of the run rate, rounded down: so they never add up to over 100."""
    if drivers:
        yield "Top Cost Drivers:"
    for number, driver in enumerate(drivers, start=1):
        month = driver.hourly_nano * HOURS_PER_MONTH
        shown = _amount(month, "1" if abs(month) >= _WHOLE_DOLLARS_FROM else "0.01")
        share = f" ({100 * driver.hourly_nano // hourly_nano}%)" if hourly_nano > 0 else ""
        yield f"{number}. {escaped(driver.name)} - {shown}/mo{share}"


def _context(intent: AlertIntent, cluster: str, now_ns: int) -> str:
    name = f"{intent.scope_kind} {escaped(intent.scope_name)}"
    parts = [name] if intent.scope_kind == "cluster" else [name, f"cluster {escaped(cluster)}"]
    if intent.source:
        parts.append(f"budget from its {escaped(intent.source)}")
    parts.append(f"as of {_utc(intent.at_ns)}")
    if _is_late(intent, now_ns):
        parts.append(f"this message is late: it is sent at {_utc(now_ns)}")
    return ", ".join(parts)


def _is_late(intent: AlertIntent, now_ns: int) -> bool:
    return now_ns - intent.at_ns >= LATE_AFTER_NS


def _percent(part: int, whole: int) -> str:
    return f"{(Decimal(100) * part / whole).quantize(Decimal('0.1'), ROUND_HALF_UP):f}%" if whole else "0.0%"


def _amount(nano: int, step: str) -> str:
    rounded = (Decimal(abs(nano)) / NANO_PER_USD).quantize(Decimal(step), ROUND_HALF_UP)
    return f"{'-' if nano < 0 and rounded else ''}${rounded:,f}"


def _utc(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _plain(text: str) -> dict[str, Any]:
    # Not mrkdwn: a name with an asterisk in it is a name.
    return {"type": "plain_text", "text": text, "emoji": False}


def _button(label: str, url: str) -> dict[str, Any]:
    return {"type": "button", "text": _plain(label), "url": url, "action_id": label.split()[1].lower()}


def _in_link(url: str) -> str:
    return url.replace("&", "&amp;").replace("|", "%7C")
