import asyncio
from pathlib import Path

import msgspec
import pytest

from harness.alerting import budget, moment, snapshot
from kube_cost_alerts.commands import evaluate, test
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.costs import PriceTrouble
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_simulator.slack import FakeSlack

ROUTING = "platform: ops\nroutes: [{namespace: shop, channel: shop-alerts}]\n"


def told() -> bytes:
    trouble = (PriceTrouble(code="no_price", nodes=2, detail="x1.huge isn't sold"),)
    return encode(
        snapshot(budget("shop", spent=410, month=567), budget("quiet", spent=1), at=moment(), troubles=trouble)
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_evaluate_prints_what_would_be_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    """Of a snapshot as it is on the bus, or as JSON; by the routing that the service has."""
    (tmp_path / "routing.yaml").write_text(ROUTING)
    monkeypatch.setenv("KUBE_COST_ALERT_ROUTING_FILE", str(tmp_path / "routing.yaml"))
    payload = msgspec.json.encode(msgspec.msgpack.decode(told())) if as_json else told()
    (tmp_path / "snapshot").write_bytes(payload)
    assert evaluate.main(["--snapshot", str(tmp_path / "snapshot")]) == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if line.startswith("---")] == [
        "--- to shop-alerts: month_to_date",
        "--- to shop-alerts: run_rate",
        "--- to ops: unpriced_nodes",
    ]
    assert "Over Budget: $67.00 (13.4%)" in shown


@pytest.mark.parametrize("content", [b"", b"[", b"\xc1", None])
def test_what_is_no_snapshot_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None) -> None:
    """With the exit code of a wrong argument."""
    path = tmp_path / "snapshot"
    if content is not None:
        path.write_bytes(content)
    assert evaluate.main(["--snapshot", str(path)]) == 2
    assert capsys.readouterr().err


async def test_a_sample_arrives(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And says that it is one; where Slack doesn't take it, its word is said, and the webhook isn't."""
    slack = FakeSlack(now=SystemClock().monotonic)
    await slack.start()
    try:
        monkeypatch.setenv("KUBE_COST_SLACK_WEBHOOK_URL", slack.webhook_url())
        assert await asyncio.to_thread(test.main, []) == 0
        assert "a test: nothing is wrong" in slack.messages[0].text
        assert await asyncio.to_thread(test.main, ["--channel", "team-a"]) == 1
        slack.webhooks.clear()
        assert await asyncio.to_thread(test.main, ["--channel", "default"]) == 1
    finally:
        await slack.stop()
    said = capsys.readouterr()
    assert said.out == "Slack took the message for default\n"
    assert "no_webhook_for_this_channel" in said.err
    assert "no_service" in said.err
    assert "secret" not in said.err


def test_without_slack_there_is_no_sample(capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing is said."""
    assert test.main(["--channel", "x"]) == 2
    assert "docs/alerts.md" in capsys.readouterr().err


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By both commands."""
    monkeypatch.setenv("KUBE_COST_DASHBOARD_URL", "grafana/d/x")
    assert test.main([]) == 2
    assert evaluate.main(["--snapshot", "x"]) == 2
    assert capsys.readouterr().err.count("is no http or https URL") == 2
