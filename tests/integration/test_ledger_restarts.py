"""An aggregator that ends and begins anew from its file settles what another one does that never ends."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import rows
from harness.away import AwayTwin, node, pod
from harness.twin import SECOND_NS, Twin
from kube_cost_common.messages.usage import UsageSample
from kube_cost_simulator.demo import demo_scenario
from kube_cost_simulator.scenario import (
    NamespaceFact,
    Scenario,
)

TWENTY_MINUTES = 1200
BEFORE_THE_HOUR = (1_790_000_000 // 3600 + 1) * 3600 * SECOND_NS - 610 * SECOND_NS
"""Ten minutes and a little before an hour is full, so that the twenty minutes have two."""


class RestartingTwin(Twin):
    """Begins anew after each commit, and in mid-work too. What was delivered lately is delivered again."""

    restarts = 0
    delivered: tuple[UsageSample, ...] = ()

    async def take(self, sample: UsageSample, *, stored_at_ns: int, unwatched: bool = False) -> None:
        if self.restarts % 2:  # one is settled, and ends before its commit
            self.settlement.catch_up(self.clock.now_ns(), connected=True, drained=False)
            await self.ledger.commit(self.clock.now_ns())
            self.settlement.take(sample, stored_at_ns)
            await self.begin_anew()
        await super().take(sample, stored_at_ns=stored_at_ns, unwatched=unwatched)
        self.delivered = (*self.delivered, sample)[-7:]
        await self.begin_anew()
        for old in self.delivered:
            await super().take(old, stored_at_ns=old.sent_at_ns)

    async def begin_anew(self) -> None:
        self.restarts += 1
        self.store.close()
        await self.start_aggregator()
        self.relist()


async def rows_of(twin: Twin, folder: Path, seconds: int) -> Mapping[str, Mapping[tuple[str, ...], tuple[int, ...]]]:
    await twin.start()
    await twin.run(seconds)
    twin.close()
    rows.check_sums(folder)
    return rows.all_rows(folder)


async def test_restarts_change_nothing(tmp_path: Path) -> None:
    """Restarts after any commit, lost and repeated samples leave every row as it is without, to 1 nano-USD."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    restarting = RestartingTwin(scenario=demo_scenario(), folder=broken, start_ns=BEFORE_THE_HOUR)
    expected = await rows_of(
        Twin(scenario=demo_scenario(), folder=whole, start_ns=BEFORE_THE_HOUR), whole, TWENTY_MINUTES
    )
    settled = await rows_of(restarting, broken, TWENTY_MINUTES)
    print(f"{restarting.restarts} restarts")
    assert restarting.restarts > 100
    for table, wanted in expected.items():
        assert settled[table].keys() == wanted.keys()
        for key, amounts in wanted.items():
            assert all(abs(a - b) <= 1 for a, b in zip(settled[table][key], amounts, strict=True)), (table, key)


@pytest.fixture
async def away(tmp_path: Path) -> AwayTwin:
    """An aggregator that was away from 400 s to 1000 s of a life of 1300 s, with what happened meanwhile."""
    twin = AwayTwin(
        scenario=Scenario(
            name="away",
            nodes=(
                node("n1"),
                node("n2", leaves_after_seconds=700),
                node("n3", joins_after_seconds=480, leaves_after_seconds=850),
            ),
            namespaces=(NamespaceFact("shop"),),
            workloads=(
                pod("stays", "n1", 10, 3000),
                pod("ends-meanwhile", "n1", 20, 600),
                pod("only-meanwhile", "n1", 500, 200),
                pod("with-its-node", "n2", 30, 3000),
                pod("came-to-it", "n2", 450, 3000),
                pod("nobody-saw", "n3", 490, 3000),
            ),
        ),
        folder=tmp_path,
    )
    await twin.start()
    await twin.run(400)
    await twin.leave()
    await twin.run(600)
    await twin.come_back()
    await twin.run(300)
    twin.settlement.catch_up(twin.clock.now_ns(), connected=True, drained=True)
    await twin.ledger.commit(twin.clock.now_ns())
    twin.close()
    return twin


def charged(twin: Twin, folder: Path, name: str) -> tuple[rows.PodMoney, float]:
    """What a pod was charged, and the seconds that it lived."""
    (history,) = [pod for pod in twin.cluster.history.pods if pod.name.startswith(name)]
    end_ns = history.ended_ns or twin.clock.now_ns()
    return rows.pods(folder)[history.uid], (end_ns - history.bound_ns) / SECOND_NS


async def test_nothing_is_lost_while_the_aggregator_is_away(away: AwayTwin, tmp_path: Path) -> None:
    """All sums hold, each pod has one row an hour, and the node that stayed is paid without a gap."""
    rows.check_sums(tmp_path)
    with rows.opened(tmp_path) as db:
        assert db.execute("SELECT count(*), count(DISTINCT uid) FROM pods").fetchone() == (6, 6)
    stayed = away.cluster.history.node("n1")
    assert rows.node_seconds(tmp_path)[stayed.uid] == pytest.approx(
        away.agents["n1"].sampled_ns / 1e9 - stayed.created_ns / 1e9
    )


async def test_a_pod_that_ended_meanwhile_ends_when_its_samples_say(away: AwayTwin, tmp_path: Path) -> None:
    """It is charged until it was last read, as a measurement."""
    money, lived = charged(away, tmp_path, "ends-meanwhile")
    assert lived - 6 <= money.seconds <= lived
    assert money.cpu == pytest.approx(
        lived * 0.7 / 3600 * 0.192e9 * 0.031611 / (4 * 0.031611 + 16 * 0.004237), rel=0.02
    )


async def test_a_pod_that_came_and_went_meanwhile_is_known_by_its_samples(away: AwayTwin, tmp_path: Path) -> None:
    """It is charged by its usage, and marked estimated."""
    money, lived = charged(away, tmp_path, "only-meanwhile")
    assert lived - 11 <= money.seconds <= lived
    assert money.estimated_seconds == money.seconds
    assert money.cpu > 0


async def test_a_node_that_went_meanwhile_is_settled_by_its_samples(away: AwayTwin, tmp_path: Path) -> None:
    """It is paid until its last sample's end, its pod is charged as long, and the ledger is done with it."""
    left = away.cluster.history.node("n2")
    assert left.deleted_ns is not None
    lived = (left.deleted_ns - left.created_ns) / SECOND_NS
    assert lived - 60 <= rows.node_seconds(tmp_path)[left.uid] <= lived
    money, _ = charged(away, tmp_path, "with-its-node")
    assert money.seconds > lived - 60 - 31
    money, lived = charged(away, tmp_path, "came-to-it")
    assert lived - 60 - 11 <= money.seconds <= lived
    assert left.uid not in away.ledger.nodes
    with rows.opened(tmp_path) as db:
        assert db.execute("SELECT count(*) FROM node_states").fetchone() == (1,)
        assert [name[:5] for (name,) in db.execute("SELECT name FROM pods WHERE end_ns IS NULL")] == ["stays"]


async def test_a_node_that_came_and_went_meanwhile_is_known_by_its_samples(away: AwayTwin, tmp_path: Path) -> None:
    """It is paid like others of its size from its agent's first sample to its last, its pod by usage, all estimated."""
    history = away.cluster.history.node("n3")
    (agent,) = [agent for agent in away.gone_agents if agent.node == "n3"]
    assert history.uid not in rows.node_seconds(tmp_path)
    uid = "unlisted/n3/boot"
    seconds = (agent.boundaries[-1] - history.created_ns) / SECOND_NS
    assert rows.node_seconds(tmp_path)[uid] == pytest.approx(seconds, abs=5)
    with rows.opened(tmp_path) as db:
        (found,) = db.execute(
            """SELECT name, instance_type, sum(paid_nano), sum(seconds), sum(estimated_seconds)
               FROM node_hours JOIN nodes USING (node_id) WHERE uid = ? GROUP BY node_id""",
            (uid,),
        ).fetchall()
    name, instance_type, paid, lived, estimated = found
    assert (name, instance_type, estimated) == ("n3", "m5.xlarge", lived)
    assert paid == pytest.approx(0.192e9 * lived / 3600, abs=1)
    money, _ = charged(away, tmp_path, "nobody-saw")
    assert lived - 60 <= money.seconds <= lived
    assert money.estimated_seconds == money.seconds
    assert money.cpu == pytest.approx(
        money.seconds * 0.7 / 3600 * 0.192e9 * 0.031611 / (4 * 0.031611 + 16 * 0.004237), rel=0.05
    )
