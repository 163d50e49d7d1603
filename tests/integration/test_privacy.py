"""What is planted in a pod is found nowhere outside where it may be: ledger, /metrics, page, API, bus, logs."""

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs

from harness.costs import Shown
from harness.twin import Twin
from kube_cost_aggregator.outputs.api import Api
from kube_cost_aggregator.outputs.moments import Moments
from kube_cost_aggregator.outputs.page import Page
from kube_cost_aggregator.outputs.same_hours import SameHours
from kube_cost_aggregator.outputs.scope_hours import ScopeHours
from kube_cost_aggregator.outputs.snapshots import cost_snapshots
from kube_cost_aggregator.state.budgets import BudgetBook
from kube_cost_aggregator.state.rates import RateBoard
from kube_cost_common.domain.budgets import Budget, Scope
from kube_cost_common.domain.privacy import PodNames, Show
from kube_cost_common.messages.codec import encode
from kube_cost_common.runtime.http import serving
from kube_cost_simulator.everything.scenarios import everything_demo_scenario
from kube_cost_simulator.plants import NEVER_SHOWN, PLANTED_POD_NAME


async def asked(twin: Twin, shown: Shown) -> str:
    """What the API says of pods."""
    api = Api(store=twin.store, sources=shown.sources, log=structlog.get_logger())
    async with (
        serving(host="127.0.0.1", port=0, routes=[web.get("/api/v1/costs", api.costs)]) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        client.get("/api/v1/costs", params={"by": "pod", "window": "365d"}) as answer,
    ):
        return await answer.text()


async def told_of(twin: Twin, shown: Shown) -> bytes:
    """What other services are told on the bus."""
    moments = Moments(
        sources=shown.sources,
        rendering=shown.rendering,
        scope_hours=ScopeHours(store=twin.store),
        same_hours=SameHours(store=twin.store),
        fresh=shown.metrics.fresh,
        log=structlog.get_logger(),
    )
    costs = await moments.now()
    assert costs is not None
    costs = replace(costs, budgets=BudgetBook({Scope("cluster", "twin"): Budget(1, "file")}))
    return b"".join(encode(part) for part in cost_snapshots("twin", costs))


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

    with capture_logs() as logs:
        asyncio.run(live())
    board = RateBoard(inventory=twin.inventory, now_ns=twin.clock.now_ns)
    shown = Shown(rates=board.refresh(twin.shelf.book), totals=twin.ledger.totals)
    text = shown.text().encode()
    page = (
        Page(overview=lambda: shown.rendering.overview, sources=shown.sources, fresh=shown.metrics.fresh)
        .html()
        .encode()
    )
    answer = asyncio.run(asked(twin, shown)).encode()
    told = asyncio.run(told_of(twin, shown))
    twin.close()
    ledger = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"kube_cost_pod_hourly_usd{" in text
    assert answer.count(b'"pod":') > 10
    assert b"__idle__" in told
    places = {"ledger": ledger, "/metrics": text, "page": page, "API": answer, "bus": told, "logs": str(logs).encode()}
    for where, content in places.items():
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
