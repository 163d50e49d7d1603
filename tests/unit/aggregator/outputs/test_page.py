import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from aiohttp.test_utils import make_mocked_request

from harness.costs import Shown, WatchedKind, day_of, node_rate, pod_rate, rates_of, total_of
from kube_cost_aggregator.outputs.markup import dollars
from kube_cost_aggregator.outputs.page import Page
from kube_cost_aggregator.state.totals import Totals

HOSTILE = "\"><script>alert(1)</script>&amp;'<img src=x onerror=1>"


class Seen(HTMLParser):
    """The elements, their attributes, and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def page_of(shown: Shown) -> tuple[Page, Seen]:
    shown.text()
    page = Page(overview=lambda: shown.rendering.overview, sources=shown.sources, fresh=shown.metrics.fresh)
    seen = Seen(page.html())
    assert not seen.open
    return page, seen


def test_it_says_what_the_cluster_costs() -> None:
    """Per hour, day and month of 730 h, today, and the month to date with its beginning."""
    shown = Shown(cluster="eu", rates=rates_of(node_rate("n", pod_rate("p", 0.05))))
    shown.totals = Totals(
        started_at_ns=shown.clock.now_ns() - 3600 * 10**9,
        namespaces={"shop": total_of(1)},
        days={"shop": {day_of(shown.clock): 12_345_000_000}},
    )
    _, seen = page_of(shown)
    for words in (
        "Kubernetes costs of eu",
        "$0.0960",
        "$2.30",
        "$70.08",
        "730 h",
        "$12.35",
        "since 2027-01-15 07:00 UTC",
    ):
        assert words in seen.text


def test_hostile_names_are_text() -> None:
    """Names from the cluster, from the bus and from errors never become elements."""
    shown = Shown(
        cluster=HOSTILE,
        rates=rates_of(
            node_rate(HOSTILE, pod_rate("p", namespace=HOSTILE), labels={"node.kubernetes.io/instance-type": HOSTILE}),
            namespaces=[HOSTILE],
        ),
        watches=[WatchedKind("pods", problem=HOSTILE)],
    )
    shown.problems.say("x", HOSTILE)
    _, seen = page_of(shown)
    names = {name for name, _ in seen.elements}
    assert not names & {"script", "img", "iframe", "object", "link"}
    assert seen.text.count(HOSTILE) >= 5


def test_nothing_is_loaded_from_anywhere() -> None:
    """No source, no link but to this process's own pages; refreshed by itself within 15 s."""
    _, seen = page_of(Shown(rates=rates_of(node_rate("n"))))
    addresses = [attributes["href"] for name, attributes in seen.elements if name == "a"]
    assert addresses == ["/metrics", "/api/v1/costs?by=namespace&window=24h", "/api/v1/status", "/readyz"]
    assert not any({"src", "style", "onclick"} & attributes.keys() for _, attributes in seen.elements)
    refresh = [attributes["content"] for _, attributes in seen.elements if attributes.get("http-equiv") == "refresh"]
    assert refresh == ["15"]


async def test_the_policy_allows_the_one_style_and_nothing_else() -> None:
    """The hash in the header is that of the style element."""
    shown = Shown()
    await shown.metrics.tick()
    page = Page(overview=lambda: shown.rendering.overview, sources=shown.sources, fresh=shown.metrics.fresh)
    answer = await page.handle(make_mocked_request("GET", "/"))
    policy = answer.headers["Content-Security-Policy"]
    style = re.search("<style>(.*)</style>", page.html(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert answer.content_type == "text/html"


def test_an_unpriced_node_is_first_and_says_why() -> None:
    """What needs a look comes before what is dear."""
    _, seen = page_of(Shown(rates=rates_of(node_rate("a-dear"), node_rate("z-unpriced", usd_per_hour=None))))
    assert seen.text.rindex("z-unpriced") < seen.text.rindex("a-dear")
    assert "1 without a price: no price has arrived yet." in seen.text


def test_before_any_data_it_says_what_is_waited_for() -> None:
    """A page from the first moment; pricing, which reports every 15 s, needs attention once it is silent for 45."""
    shown = Shown()
    _, seen = page_of(shown)
    assert "Needs attention" not in seen.text
    assert "no node is known yet" in seen.text
    shown.clock.turn(46)
    _, seen = page_of(shown)
    assert "Needs attention: pricing" in seen.text


@pytest.mark.parametrize(
    ("nano", "words"),
    [
        (0, "$0.00"),
        (1_234_567_890_000, "$1,234.57"),
        (96_000_000, "$0.0960"),
        (40_000, "<$0.0001"),
        (-2_000_000_000, "−$2.00"),
    ],
)
def test_money_is_rounded_for_the_eye(nano: int, words: str) -> None:
    """Never to a bare 0 where something was spent."""
    assert dollars(nano) == words
