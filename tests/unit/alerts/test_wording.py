import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.alerting import USD, budget, moment
from kube_cost_alerts.evaluator import Kind, evaluate, evaluate_platform
from kube_cost_alerts.links import Links
from kube_cost_alerts.routing import Telling
from kube_cost_alerts.slack_text import (
    HEADER_CHARACTERS,
    MESSAGE_BLOCKS,
    MESSAGE_CHARACTERS,
    SECTION_CHARACTERS,
    escaped,
)
from kube_cost_alerts.wording import Message, worded
from kube_cost_common.messages.alerts import AlertIntent
from kube_cost_common.messages.costs import CostDriver, PriceTrouble

NOW = moment()
LINKS = Links(
    dashboard="https://grafana.example.com/d/kube-cost-namespace?var-namespace={namespace}&var-cluster={cluster}",
    optimize="https://grafana.example.com/d/kube-cost-efficiency?var-namespace={namespace}",
)
BRIEF = """\
⚠ Cost Alert: Production Namespace

Current Monthly Run Rate: $567.00
Budget: $500.00
Over Budget: $67.00 (13.4%)

Top Cost Drivers:
1. api-server-v2 - $123/mo (21%)
2. ml-inference - $98/mo (17%)"""


def run_rate() -> AlertIntent:
    (intent,) = evaluate(budget(month=567), None, Telling(), NOW).intents
    return intent


def say(intent: AlertIntent, links: Links = LINKS, *, cluster: str = "prod", late_seconds: int = 0) -> Message:
    return worded(intent, cluster=cluster, links=links, now_ns=intent.at_ns + late_seconds * 10**9)


def test_the_message_is_the_briefs_line_for_line() -> None:
    """With links where its last line has buttons; without configured URLs there are none."""
    assert say(run_rate(), Links()).text == BRIEF
    last = say(run_rate()).text.removeprefix(BRIEF).strip()
    assert re.sub(r"<[^|]*\|\S+ ([^>]*)>", r"\1", last) == "View Dashboard | Optimize Now"


def test_blocks_say_the_same() -> None:
    """Header, figures, drivers, whence, buttons."""
    blocks = say(run_rate()).blocks
    assert [block["type"] for block in blocks] == ["header", "section", "section", "context", "actions"]
    shown = "\n\n".join(block["text"]["text"] for block in blocks[:3])
    assert shown == BRIEF
    assert blocks[3]["elements"][0]["text"] == (
        "namespace production, cluster prod, budget from its annotation, as of 2026-11-20 12:00 UTC"
    )
    urls = [button["url"] for button in blocks[4]["elements"]]
    assert urls == [
        "https://grafana.example.com/d/kube-cost-namespace?var-namespace=production&var-cluster=prod",
        "https://grafana.example.com/d/kube-cost-efficiency?var-namespace=production",
    ]


def test_a_button_without_a_url_is_left_out() -> None:
    """And so is the block of buttons if there is none."""
    assert [block["type"] for block in say(run_rate(), Links()).blocks][-1] == "context"
    (button,) = say(run_rate(), Links(optimize="https://g/x")).blocks[-1]["elements"]
    assert button["url"] == "https://g/x"


@pytest.mark.parametrize(
    "template", ["javascript:alert(1)", "grafana/d/x", "https:///x", "https://a b", "//x", "http://[x"]
)
def test_what_is_no_url_is_refused(template: str) -> None:
    """By name, at the start."""
    with pytest.raises(ValueError, match="is no http or https URL"):
        Links(dashboard=template)


def test_the_month_to_date_says_what_was_spent() -> None:
    """And what is left, or by how much it is over."""
    (under,) = evaluate(budget(spent=412, month=490), None, Telling(), NOW).intents
    (over,) = evaluate(budget(spent=612.5, month=490), None, Telling(), NOW).intents
    assert "Spent This Month: $412.00 (82.4%)\n" in say(under).text
    assert "Left of the Budget: $88.00 (17.6%)\n" in say(under).text
    assert "Over Budget: $112.50 (22.5%)\n" in say(over).text
    assert "Current Monthly Run Rate: $490.00\n" in say(over).text


def test_an_all_clear_is_told_from_an_alert_at_a_glance() -> None:
    """It has another title, and no drivers."""
    text = say(replace(run_rate(), all_clear=True, rate_nano=round(400 * USD / 730))).text
    assert text.startswith("✅ Cost All-Clear: Production Namespace\n")
    assert "Under Budget: $100.00 (20.0%)" in text
    assert "Drivers" not in text


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (Kind.FORECAST, "Forecast for This Month: $600.00"),
        (Kind.BURN, "Last Hour: $0.78, the Budget Allows $0.68 an Hour"),
        (Kind.ANOMALY, "Last Hour: $0.78, Usual at This Hour of the Week: $0.68"),
    ],
)
def test_the_others_say_what_they_are_about(kind: Kind, line: str) -> None:
    """In their first line after the title."""
    intent = replace(run_rate(), kind=kind, forecast_nano=600 * USD, usual_nano=500 * USD // 730)
    assert say(intent).text.split("\n")[2] == line


def test_prices_and_nodes_have_a_message_of_their_own() -> None:
    """Cause by cause; no budget stands in it."""
    causes = [PriceTrouble(code="no_price", nodes=2, detail="<!here> *x1.huge* isn't sold")]
    (intent,) = evaluate_platform(causes, None, "ops", NOW).intents
    text = say(intent, Links()).text
    assert text == "⚠ Cost Alert: Nodes without a Price\n\n2 nodes: &lt;!here&gt; *x1.huge* isn't sold"
    assert "a price again" in say(replace(intent, all_clear=True, detail="")).text


@pytest.mark.parametrize(
    ("kind", "name", "title"),
    [
        ("namespace", "ml-training", "Ml-training Namespace"),
        ("cluster", "prod-eu", "prod-eu Cluster"),
        ("label", "team=payments", "team=payments"),
        ("workload", "shop/Deployment/web", "Deployment web in shop"),
    ],
)
def test_a_title_names_the_scope(kind: str, name: str, title: str) -> None:
    """As a person would."""
    text = say(replace(run_rate(), scope_kind=kind, scope_name=name)).text
    assert text.startswith(f"⚠ Cost Alert: {title}\n")


def test_a_late_message_says_so() -> None:
    """From ten minutes on."""
    assert "late" not in json.dumps([say(run_rate(), late_seconds=599).blocks, say(run_rate(), late_seconds=599).text])
    late = say(run_rate(), late_seconds=3 * 3600)
    assert "this message is late: it is sent at 2026-11-20 15:00 UTC" in late.text
    assert "this message is late" in json.dumps(late.blocks)


@pytest.mark.parametrize(
    ("nano", "shown"), [(9_994_999_999, "$9.99"), (123 * USD, "$123"), (1_234_567 * USD, "$1,234,567")]
)
def test_drivers_are_in_dollars_and_small_ones_in_cents(nano: int, shown: str) -> None:
    """Over a month of 730 h."""
    driver = CostDriver(namespace="n", kind="Pod", name="x", hourly_nano=nano // 730)
    assert f"1. x - {shown}/mo" in say(replace(run_rate(), drivers=[driver])).text


NASTY = st.one_of(
    st.sampled_from(
        [
            "<!channel>",
            "<!here|x>",
            "<@U123>",
            "<https://evil|View Dashboard>",
            "*bold* _it_ ~no~ `code`",
            "&lt;!channel&gt;",
            "a\nb\r\n> quote",
            "\u202eevil\u200b",
            "&" * 3000,
            "x" * 3000,
            ":rotating_light:" * 200,
            "@channel",
        ]
    ),
    st.text(max_size=300),
)


@settings(max_examples=40)
@given(
    name=NASTY,
    driver=NASTY,
    cluster=NASTY,
    detail=NASTY,
    kind=st.sampled_from(list(Kind)),
    clear=st.booleans(),
    scope=st.sampled_from(["namespace", "cluster", "label", "workload"]),
)
def test_whatever_names_say_a_message_is_within_slacks_limits_and_calls_nobody(
    name: str, driver: str, cluster: str, detail: str, kind: Kind, clear: bool, scope: str
) -> None:
    """3,000 characters, commands of Slack's, markup: all of it is text, and no line is added."""
    drivers = [CostDriver(namespace=name, kind="Pod", name=driver, hourly_nano=5)] * 5
    scope_name = f"{name.replace('/', '')}/x/{driver.replace('/', '')}" if scope == "workload" else name
    intent = replace(
        run_rate(),
        kind=kind,
        all_clear=clear,
        scope_kind=scope,
        scope_name=scope_name,
        drivers=drivers,
        detail=detail,
        source=name,
        usual_nano=5,
        forecast_nano=7,
    )
    message = say(intent, cluster=cluster, late_seconds=10_000)
    texts = [block["text"]["text"] for block in message.blocks if "text" in block]
    texts += [part["text"] for block in message.blocks if block["type"] == "context" for part in block["elements"]]
    assert len(message.blocks) <= MESSAGE_BLOCKS
    assert len(message.blocks[0]["text"]["text"]) <= HEADER_CHARACTERS
    assert all(0 < len(text) <= SECTION_CHARACTERS for text in texts)
    assert len(json.dumps(message.blocks, ensure_ascii=False)) <= MESSAGE_CHARACTERS
    assert len(message.text) <= MESSAGE_CHARACTERS
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", "".join(texts))
    links = re.findall(r"<([^>]*)>", message.text)
    assert all(link.startswith("https://grafana.example.com/") for link in links)
    assert json.dumps(message.blocks).count("mrkdwn") <= name.count("mrkdwn") * 10


@given(text=st.text(), room=st.integers(1, 50))
def test_escaped_text_fits_and_is_one_line(text: str, room: int) -> None:
    """And is cut between characters, never within an escape."""
    shown = escaped(text, room)
    assert len(shown) <= room
    assert not re.search(r"[<>\n\r\u2028]|&(?!amp;|lt;|gt;)", shown)
