"""What happens to prices and names while the aggregator is away."""

from fractions import Fraction
from pathlib import Path

import pytest

from harness import rows
from harness.away import AwayTwin, node, pod
from harness.twin import SECOND_NS
from kube_cost_simulator.scenario import NamespaceFact, NodeFact, PriceChange, Scenario, WorkloadFact

BEGINS, AWAY, ENDS = 400, 600, 300
"""Seconds before the aggregator leaves, that it is away, and after its return."""


async def lived(
    folder: Path, *nodes: NodeFact, pods: tuple[WorkloadFact, ...] = (), prices: tuple[PriceChange, ...] = ()
) -> AwayTwin:
    twin = AwayTwin(
        scenario=Scenario(
            name="away", nodes=nodes, namespaces=(NamespaceFact("shop"),), workloads=pods, price_changes=prices
        ),
        folder=folder,
    )
    await twin.start()
    await twin.run(BEGINS)
    await twin.leave()
    await twin.run(AWAY)
    await twin.come_back()
    await twin.run(ENDS)
    await twin.catch_up()
    twin.close()
    rows.check_sums(folder)
    return twin


def paid(folder: Path) -> dict[str, int]:
    """What each node cost, in nano-USD by uid."""
    nano: dict[str, int] = {}
    for (uid, _), (usd, *_) in rows.node_hours(folder).items():
        nano[uid] = nano.get(uid, 0) + usd
    return nano


async def test_prices_that_change_while_it_is_away_hold_from_their_moments_on(tmp_path: Path) -> None:
    """Twice, in mid-interval: each stretch is paid at its own price, to the nano-USD an hour."""
    twin = await lived(
        tmp_path,
        node("n1"),
        pods=(pod("stays", "n1", 10, 3000),),
        prices=(PriceChange(533, "n1", Fraction("0.4")), PriceChange(777, "n1", Fraction("0.1"))),
    )
    history = twin.cluster.history.node("n1")
    through = (twin.agents["n1"].sampled_ns - history.created_ns) / SECOND_NS
    began = (history.created_ns - twin.cluster.history.started_ns) / SECOND_NS
    usd = (0.192 * (533 - began) + 0.4 * (777 - 533) + 0.1 * (through + began - 777)) / 3600
    assert paid(tmp_path)[history.uid] == pytest.approx(usd * 1e9, abs=2)


async def test_a_node_made_anew_under_its_name_while_it_is_away_is_another_node(tmp_path: Path) -> None:
    """The first is paid to its last sample, the second from its creation on, and each pod is its own node's."""
    twin = await lived(
        tmp_path,
        node("n1"),
        node("n2", leaves_after_seconds=600, cycle_seconds=800),
        pods=(pod("first", "n2", 30, 3000), pod("second", "n2", 850, 3000)),
    )
    first, second = [history for history in twin.cluster.history.nodes if history.name == "n2"]
    assert first.deleted_ns is not None
    seconds = rows.node_seconds(tmp_path)
    lived_first = (first.deleted_ns - first.created_ns) / SECOND_NS
    assert lived_first - 60 <= seconds[first.uid] <= lived_first
    assert seconds[second.uid] == pytest.approx((twin.agents["n2"].sampled_ns - second.created_ns) / SECOND_NS)
    with rows.opened(tmp_path) as db:
        found = dict(db.execute("SELECT p.name, n.uid FROM pods p JOIN nodes n USING (node_id)").fetchall())
    owners = {name.split("-")[0]: uid for name, uid in found.items()}
    assert owners["second"] == second.uid
    assert set(seconds) == {history.uid for history in twin.cluster.history.nodes}
