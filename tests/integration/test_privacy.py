"""What is planted in a pod is found nowhere outside where it may be: not in the ledger's bytes, not on /metrics."""

import asyncio
from pathlib import Path

import pytest

from harness.costs import Shown
from harness.twin import Twin
from kube_cost_aggregator.outputs.page import Page
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_common.domain.privacy import PodNames, Show
from kube_cost_simulator.everything.scenarios import everything_demo_scenario
from kube_cost_simulator.plants import NEVER_SHOWN, PLANTED_POD_NAME


@pytest.mark.parametrize("show", ["plain", "hash", "drop"])
def test_planted_strings_are_nowhere_they_may_not_be(tmp_path: Path, show: Show) -> None:
    """A name, an environment variable, an argument, an annotation and a secret, after ten minutes and a restart."""
    names = PodNames(show=show, key=b"key")
    twin = Twin(scenario=everything_demo_scenario(), folder=tmp_path, pod_names=names)

    async def live() -> None:
        await twin.start()
        await twin.run(300)
        twin.close()
        await twin.start_aggregator()
        twin.relist()
        await twin.run(300)
        await twin.catch_up()

    asyncio.run(live())
    board = RateBoard(inventory=twin.inventory)
    shown = Shown(rates=board.refresh(twin.shelf.book), totals=twin.ledger.totals)
    text = shown.text().encode()
    page = Page(overview=lambda: shown.rendering.overview, sources=shown.sources).html().encode()
    twin.close()
    ledger = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"kube_cost_pod_hourly_usd{" in text
    for where, content in (("ledger", ledger), ("/metrics", text), ("page", page)):
        for planted in NEVER_SHOWN:
            assert planted.encode() not in content, (where, planted)
        if show != "plain":
            assert PLANTED_POD_NAME.encode() not in content, where
    assert (PLANTED_POD_NAME.encode() in text) is (show == "plain")
    assert names.shown(PLANTED_POD_NAME).encode() in text
    pods = [line for line in text.decode().splitlines() if line.startswith("kube_cost_pod_hourly_usd{")]
    assert len({line.rsplit(" ", 1)[0] for line in pods}) == len(pods), "no series stands twice"
    if show == "drop":
        assert all('pod=""' in line for line in pods)
