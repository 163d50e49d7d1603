"""The example for Alertmanager: it is loaded, and what it sends arrives in Slack."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.nats import free_port
from harness.slack import slack_beside
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_demo.processes import Processes
from kube_cost_simulator.slack import FakeSlack

EXAMPLE = Path(__file__).parents[2] / "deploy" / "prometheus" / "alertmanager.yaml"
WAIT_SECONDS = 30.0


def test_the_example_is_loaded(amtool: str) -> None:
    """By Alertmanager's own check."""
    checked = subprocess.run([amtool, "check-config", EXAMPLE], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with slack_beside() as running:
        running.webhooks["any"] = running.webhooks["default"]
        yield running


def test_it_delivers_to_slack(alertmanager_binary: str, slack: FakeSlack, tmp_path: Path) -> None:
    """A budget's alert, by the webhook in the file; only the file's place and the waits are the test's."""
    (tmp_path / "webhook").write_text(slack.webhook_url())
    config: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    config["global"]["slack_api_url_file"] = str(tmp_path / "webhook")
    config["route"]["group_wait"] = "0s"
    (tmp_path / "alertmanager.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    with Processes(logs=tmp_path / "logs") as processes:
        processes.start(
            "alertmanager",
            [
                alertmanager_binary,
                f"--config.file={tmp_path / 'alertmanager.yaml'}",
                f"--storage.path={tmp_path / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            {},
        )
        clock = SystemClock()
        end = clock.monotonic() + WAIT_SECONDS
        while not slack.messages:
            assert clock.monotonic() < end, "nothing arrived"
            _fire(port)
            processes.pause(0.3)
    assert len({call[1] for call in slack.calls}) == 1


def _fire(port: int) -> None:
    labels = {"alertname": "NamespaceCostBudgetExceeded", "namespace": "shop", "severity": "warning"}
    alerts = [{"labels": labels, "annotations": {"summary": "shop exceeds its budget", "dashboard": "https://g/d"}}]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v2/alerts",
        data=json.dumps(alerts).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        urllib.request.urlopen(request, timeout=5).close()
    except OSError:
        return  # not up yet
