"""Every part of the mesh is killed again and again, and no cent is lost or counted twice."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.kills import Victims, check_namespaces, check_nodes, end, watched_counters
from harness.mesh import LiveMesh, live_mesh
from kube_cost_demo.mesh import Pace

ROUNDS = int(os.environ.get("ROUNDS", "1"))
WAIT_SECONDS = 4
LONGER_THAN_EVERY_WAIT_SECONDS = 10.0
PART_OF_THE_TOTAL = 0.05
"""How far a namespace may be off. An agent that is away is charged by requests, so it isn't a measure of the model."""

pytestmark = pytest.mark.timeout(120 + 180 * ROUNDS)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveMesh]:
    with live_mesh(tmp_path, pace=Pace(interval_seconds=2.0, read_seconds=0.5)) as mesh:
        mesh.wait(lambda: mesh.value("kube_cost_settled_through_timestamp_seconds"), "every node is settled once")
        yield mesh


async def test_kills_in_mid_flow(live: LiveMesh) -> None:
    """Bus, aggregator and agents are killed, each away for some seconds: nodes exact, no counter falls."""
    victims, chance = Victims(live), random.Random(ROUNDS)
    with watched_counters(live) as counters:
        for number in range(ROUNDS):
            victims.bus(chance.uniform(0.0, 3.0))
            victims.aggregator(chance.uniform(0.0, 3.0))
            victims.agent(live.nodes[number % len(live.nodes)], chance.uniform(0.0, 3.0))
    ending = await end(live)
    print(f"\n{ROUNDS} kills of each, {counters.looks} looks at {len(counters.highest)} counters")
    assert counters.falls == []
    assert counters.looks > ROUNDS
    check_nodes(ending)
    check_namespaces(ending, PART_OF_THE_TOTAL)


async def test_away_for_longer_than_every_wait(live: LiveMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """An aggregator, an agent and a bus that are away for longer than anybody waits: nodes exact, no counter falls."""
    for wait in ("USAGE", "PRICE", "ENDED_NODE"):  # from the aggregator's return on
        monkeypatch.setenv(f"KUBE_COST_{wait}_WAIT_SECONDS", str(WAIT_SECONDS))
    victims = Victims(live)
    with watched_counters(live) as counters:
        for number in range(ROUNDS):
            victims.aggregator(LONGER_THAN_EVERY_WAIT_SECONDS)
            victims.agent(live.nodes[number % len(live.nodes)], LONGER_THAN_EVERY_WAIT_SECONDS)
            victims.bus(LONGER_THAN_EVERY_WAIT_SECONDS)
    ending = await end(live)
    print(f"\n{ROUNDS} times each, {counters.looks} looks at {len(counters.highest)} counters")
    assert counters.falls == []
    assert counters.looks > ROUNDS
    check_nodes(ending)
    check_namespaces(ending, PART_OF_THE_TOTAL)
