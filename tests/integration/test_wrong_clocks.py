"""Nodes whose clocks are wrong cost what they cost: samples and kubelets' stamps are brought to the bus's clock."""

from pathlib import Path

import pytest

from harness import rows
from harness.against_truth import check
from harness.twin import SECOND_NS, Twin
from kube_cost_simulator.hard import SMALL, SPOT, WRONG_CLOCKS, hard_scenario, with_wrong_clocks

CATCH_UP_SECONDS = 300
MINUTES = 40


async def lived(folder: Path, offsets_seconds: dict[str, int]) -> Twin:
    """A twin that has lived through the hard scenario for forty minutes, over a full hour."""
    twin = Twin(scenario=with_wrong_clocks(hard_scenario(), offsets_seconds), folder=folder)
    await twin.start()
    for _ in range(MINUTES * 60 // CATCH_UP_SECONDS):
        await twin.run(CATCH_UP_SECONDS)
        await twin.catch_up()
    twin.close()
    return twin


async def test_a_node_ahead_and_one_behind_cost_what_they_cost(tmp_path: Path) -> None:
    """One is 90 s ahead and one 11 min behind: nodes to the nano-USD, namespaces, system and idle within 0.5 %."""
    assert WRONG_CLOCKS == {SPOT: 90, SMALL: -660}
    folder = tmp_path / "wrong"
    twin = await lived(folder, dict(WRONG_CLOCKS))
    offsets = {agent.node: agent.ahead_ns // SECOND_NS for agent in twin.agents.values()}
    assert {offsets[SPOT], offsets[SMALL]} == {90, -660}
    check(twin, folder)


async def test_wrong_clocks_move_no_money(tmp_path: Path) -> None:
    """Against the same life with right clocks: nodes are the same, and each pod's time is."""
    for name, offsets in (("right", {}), ("wrong", dict(WRONG_CLOCKS))):
        await lived(tmp_path / name, offsets)
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    assert {key: paid for key, (paid, *_) in rows.node_hours(wrong).items()} == {
        key: paid for key, (paid, *_) in rows.node_hours(right).items()
    }
    by_right_clocks, by_wrong_clocks = rows.pods(right), rows.pods(wrong)
    assert by_wrong_clocks.keys() == by_right_clocks.keys()
    for uid, pod in by_right_clocks.items():
        assert by_wrong_clocks[uid].seconds == pytest.approx(pod.seconds, abs=1.0), uid
