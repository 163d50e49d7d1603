"""`GET /`: how the mesh is and what the cluster costs, on one page for a person."""

import base64
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from kube_cost_aggregator.outputs.amounts import node_amounts
from kube_cost_aggregator.outputs.markup import Cell, Markup, dollars, element, share, table
from kube_cost_aggregator.outputs.overview import NamespaceMoney, Overview
from kube_cost_aggregator.outputs.page_style import STYLE
from kube_cost_aggregator.outputs.parts import Part, listed, parts_of
from kube_cost_aggregator.outputs.reasons import sentence
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.outputs.windows import rfc3339
from kube_cost_aggregator.state.rates import NodeRate
from kube_cost_aggregator.state.totals import CLUSTER, IDLE, SYSTEM, UNCLAIMED, month_start
from kube_cost_common.domain.money import HOURS_PER_DAY, HOURS_PER_MONTH, NS_PER_SECOND

REFRESH_SECONDS = 15
MAX_NAMESPACES = 20
MAX_NODES = 100

_PSEUDO = {
    IDLE: "idle: what no pod has",
    SYSTEM: "system: what nodes keep for themselves",
    UNCLAIMED: "volumes without a claim",
    CLUSTER: "control plane, and traffic of nodes",
}

_NAMESPACE_COLUMNS = (
    ("Namespace", "name"),
    ("Per hour", "money"),
    ("Per day", "money"),
    ("Today", "money"),
    ("Month to date", "money"),
    ("Share of the hour", "bar"),
)
_NODE_COLUMNS = (
    ("Node", "name"),
    ("Type", ""),
    ("Zone", ""),
    ("Capacity", ""),
    ("Per hour", "money"),
    ("Idle", "bar"),
    ("Price from", ""),
)


class Page:
    """Writes the page from the last rendering's sums."""

    def __init__(
        self, *, overview: Callable[[], Overview], sources: Sources, fresh: Callable[[], Awaitable[None]]
    ) -> None:
        """`fresh` returns when `overview` is of now."""
        self._overview = overview
        self._fresh = fresh
        self._sources = sources

    async def handle(self, _: web.Request) -> web.Response:
        """Answer `GET /`."""
        await self._fresh()
        digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        headers = {
            "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        body = self.html().encode("utf-8", "replace")
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=headers)

    def html(self) -> str:
        """Return the page of this moment."""
        overview, sources = self._overview(), self._sources
        parts = parts_of(sources)
        title = f"Kubernetes costs of {sources.cluster}" if sources.cluster else "Kubernetes costs"
        content = (
            _banner(parts),
            self._cards(overview),
            _parts(parts),
            _namespaces(overview),
            _nodes(overview),
        )
        head = (
            f'<meta charset="utf-8"><meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"{element('title', title).html}<style>{STYLE}</style>"
        )
        now = rfc3339(sources.clock.now_ns() / NS_PER_SECOND)
        header = element("header", element("h1", title), element("p", f"{now}, anew every {REFRESH_SECONDS} s"))
        body = element("body", header, element("main", *content), _footer(sources.version))
        return f'<!doctype html><html lang="en"><head>{head}</head>{body.html}</html>'

    def _cards(self, overview: Overview) -> Markup:
        totals, now_ns = self._sources.totals(), self._sources.clock.now_ns()
        today = sum(row.today for row in overview.namespaces)
        month = sum(row.month_to_date for row in overview.namespaces)
        start = max(totals.started_at_ns / NS_PER_SECOND, month_start(now_ns))
        since = f"since {rfc3339(start)[:16].replace('T', ' ')} UTC" if totals.started_at_ns else "not known yet"
        cards = (
            ("An hour now", dollars(overview.paid), f"{len(overview.nodes)} nodes"),
            ("A day at this rate", dollars(overview.paid * HOURS_PER_DAY), f"{HOURS_PER_DAY} h"),
            ("A month at this rate", dollars(overview.paid * HOURS_PER_MONTH), f"{HOURS_PER_MONTH} h"),
            ("Today", dollars(today), "since midnight UTC, as far as settled"),
            ("Month to date", dollars(month), since),
        )
        boxes = [
            element(
                "section",
                element("span", name, css="soft"),
                element("strong", money),
                element("span", note, css="soft"),
            )
            for name, money, note in cards
        ]
        return element("div", *boxes, css="cards")


def _banner(parts: Sequence[Part]) -> Markup:
    wrong = [part.name for part in parts if part.state == "problem"]
    waiting = [part.name for part in parts if part.state == "waiting"]
    if wrong:
        return element("p", f"Needs attention: {listed(wrong)}", css="banner state problem")
    if waiting:
        return element("p", f"Waiting for: {listed(waiting)}", css="banner state waiting")
    return element("p", "All parts are well", css="banner state ok")


def _parts(parts: Sequence[Part]) -> Markup:
    words = {"ok": "well", "waiting": "waiting", "problem": "not well"}
    rows = [
        (
            Markup(
                element("div", part.name, css=f"state {part.state}").html
                + element("div", words[part.state], css="soft under").html
            ),
            element("div", *(element("span", sentence) for sentence in part.sentences), css="facts"),
        )
        for part in parts
    ]
    return element("section", element("h2", "Parts"), table((("Part", ""), ("What is known", "name")), rows))


def _namespaces(overview: Overview) -> Markup:
    pseudo = [row for row in overview.namespaces if row.namespace in _PSEUDO]
    real = sorted(
        (row for row in overview.namespaces if row.namespace not in _PSEUDO),
        key=lambda row: (-row.hourly, -row.month_to_date, row.namespace),
    )
    rows = [_namespace_row(row.namespace, row, overview.paid) for row in real[:MAX_NAMESPACES]]
    rows += [_namespace_row(_PSEUDO[row.namespace], row, overview.paid) for row in pseudo]
    note = f"The {MAX_NAMESPACES} dearest of {len(real)}. " if len(real) > MAX_NAMESPACES else ""
    return element(
        "section",
        element("h2", "Namespaces"),
        table(_NAMESPACE_COLUMNS, rows),
        element(
            "p", f"{note}Per hour and per day are rates of now; today and the month are settled money.", css="soft"
        ),
    )


def _namespace_row(name: str, row: NamespaceMoney, paid: int) -> tuple[Cell, ...]:
    money = (row.hourly, row.daily, row.today, row.month_to_date)
    return (name, *map(dollars, money), share(row.hourly, paid))


def _nodes(overview: Overview) -> Markup:
    unpriced = Counter(rate.unpriced_reason for rate in overview.nodes.values() if rate.price is None)
    ordered = sorted(
        overview.nodes.values(),
        key=lambda rate: (rate.price is not None, -(rate.price.usd_per_hour if rate.price else 0.0), rate.facts.name),
    )
    notes = [f"{count} without a price: {sentence(reason)}." for reason, count in sorted(unpriced.items())]
    if unpriced:
        notes.append("Their pods have no cost rather than a made-up one.")
    if len(ordered) > MAX_NODES:
        notes.append(f"{MAX_NODES} of {len(ordered)} are shown, those without a price first, then the dearest.")
    return element(
        "section",
        element("h2", "Nodes"),
        table(_NODE_COLUMNS, [_node_row(rate) for rate in ordered[:MAX_NODES]]),
        element("p", " ".join(notes), css="soft"),
    )


def _node_row(rate: NodeRate) -> tuple[Cell, ...]:
    identity = rate.identity
    known = (rate.facts.name, identity.instance_type or "unknown", identity.zone or "unknown")
    capacity = "spot" if identity.capacity_type == "spot" else "on demand"
    if rate.price is None:
        reason = sentence(rate.unpriced_reason, rate.unpriced_detail)
        return (*known, capacity, "", "", element("span", reason, css="state problem"))
    amounts = node_amounts(rate)
    source = f"{rate.price.source} (estimated)" if rate.price.estimated else rate.price.source
    return (*known, capacity, dollars(amounts.paid), share(amounts.idle, amounts.paid), source)


def _footer(version: str) -> Markup:
    links = (
        ("/metrics", "metrics"),
        ("/api/v1/costs?by=namespace&amp;window=24h", "costs of 24 hours as JSON"),
        ("/api/v1/status", "status as JSON"),
        ("/readyz", "readiness"),
    )
    anchors = [Markup(f'<a href="{address}">{name}</a>') for address, name in links]
    return element("footer", *anchors, element("span", f"kube-cost-exporter {version}"))
