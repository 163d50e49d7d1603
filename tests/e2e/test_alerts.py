"""A budget that is exceeded, from the pods' counters to Slack, through every process of the mesh."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from harness.mesh import DEADLINE_SECONDS, LiveMesh, live_mesh
from harness.slack import slack_beside
from kube_cost_common.messages.costs import BudgetCost, CostSnapshot
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_demo.mesh import Pace
from kube_cost_simulator.slack import FakeSlack, SlackMessage

NAMESPACE = "production"
SHARES = (80, 100, 120)
SECONDS_TO_FIRST = 40.0
"""From the budget on to its first share, about; the last is reached half as long after it."""


class Watched:
    """A running mesh, its Slack, and a file of budgets."""

    def __init__(self, live: LiveMesh, slack: FakeSlack, budgets: Path) -> None:
        self.live = live
        self.slack = slack
        self._budgets = budgets

    def budget(self, usd: float) -> None:
        self._budgets.write_text(f"budgets:\n- {{namespace: {NAMESPACE}, monthly_usd: {usd:.9f}}}\n")

    def spent(self) -> list[SlackMessage]:
        """The messages of the namespace's month to date."""
        return [
            message
            for message in self.slack.messages
            if message.text.startswith("⚠ Cost Alert: Production Namespace\n\nSpent This Month")
        ]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    budgets = tmp_path / "budgets.yaml"
    budgets.write_text("budgets: []\n")
    monkeypatch.setenv("KUBE_COST_BUDGETS_FILE", str(budgets))
    with slack_beside() as slack:
        settings = {
            "KUBE_COST_SLACK_WEBHOOK_URL": slack.webhook_url(),
            "KUBE_COST_DASHBOARD_URL": "https://grafana.example.com/d/costs?var-namespace={namespace}",
        }
        pace = Pace(interval_seconds=5.0, read_seconds=0.5)
        with live_mesh(tmp_path, pace=pace, alerts=settings) as live:
            yield Watched(live, slack, budgets)


def crossing(snapshots: list[CostSnapshot], share: int) -> tuple[CostSnapshot, BudgetCost]:
    """The first snapshot in which so much of the budget in the file was spent, and that budget."""
    for snapshot in snapshots:
        for cost in snapshot.budgets:
            if (cost.scope_name, cost.source) == (NAMESPACE, "file") and (
                100 * cost.spent_nano >= share * cost.amount_nano
            ):
                return snapshot, cost
    raise AssertionError(f"{share} % was never reached")


async def test_a_small_budget_is_told_of_three_times(watched: Watched) -> None:
    """At 80, 100 and 120 %: with what /metrics says was spent then, and the workloads that cost most.

    The time from the crossing to the message is printed.
    """
    live, slack = watched.live, watched.slack
    live.wait(lambda: live.value("kube_cost_settled_through_timestamp_seconds"), "every node is settled once")
    hourly = live.value("kube_cost_namespace_hourly_usd", namespace=NAMESPACE) or Fraction(0)
    spent = live.value("kube_cost_namespace_month_to_date_usd", namespace=NAMESPACE) or Fraction(0)
    watched.budget(float(spent + hourly * Fraction(SECONDS_TO_FIRST) / 3600) * 100 / SHARES[0])
    now = SystemClock()
    ahead_seconds = now.now_ns() / 1e9 - now.monotonic()
    live.wait(lambda: len(watched.spent()) == len(SHARES), "all shares are told", 3 * DEADLINE_SECONDS)
    live.processes.pause(6.0)
    messages = watched.spent()
    assert len(messages) == len(SHARES)
    snapshots = await live.cost_snapshots()
    for share, message in zip(SHARES, messages, strict=True):
        snapshot, cost = crossing(snapshots, share)
        shown = re.search(r"^Spent This Month: \$[\d.]+ \(([\d.]+)%\)$", message.text, re.MULTILINE)
        assert shown is not None
        assert float(shown[1]) == pytest.approx(100 * cost.spent_nano / cost.amount_nano, rel=0.01)
        drivers = re.findall(r"^\d\. (\S+) - ", message.text, re.MULTILINE)
        assert drivers == [driver.name for driver in cost.drivers]
        assert set(drivers) <= {"api-server", "web", "checkout", "postgres"}
        rate = f"Current Monthly Run Rate: ${cost.hourly_nano * 730 / 1e9:,.2f}"
        assert rate in message.text
        assert f"https://grafana.example.com/d/costs?var-namespace={NAMESPACE}" in message.text
        print(f"{share} %: {message.at + ahead_seconds - snapshot.at_ns / 1e9:.1f} s after its snapshot")
    assert len(slack.calls) == len(slack.messages)
