"""Exports as who asks for them gets them: over HTTP, from a ledger in a file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.clock import TurnedClock
from kube_cost_aggregator.history.hours import HourRows
from kube_cost_aggregator.history.sqlite import open_store
from kube_cost_aggregator.outputs.exports.focus_columns import Payer
from kube_cost_aggregator.outputs.exports.handlers import Exports
from kube_cost_common.runtime.http import serving

PAYER = Payer(account_id="123456789012", provider="aws", region="us-east-1", cluster="twin")


def routes_of(exports: Exports) -> list[web.RouteDef]:
    """The routes of exports alone."""
    return [web.get(f"/api/v1/{described.name}", handler) for described, handler in exports.endpoints()]


@asynccontextmanager
async def exporting(rows: HourRows, *, now_ns: int, cluster: str = "twin") -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a server that has nothing but exports, at that moment."""
    exports = Exports(
        rows=rows,
        payer=lambda: PAYER,
        cluster=cluster,
        clock=TurnedClock(unix_seconds=now_ns // 10**9),
        log=structlog.get_logger(),
    )
    async with (
        serving(host="127.0.0.1", port=0, routes=routes_of(exports)) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def exported(folder: Path, name: str, *, now_ns: int, **query: str) -> str:
    """The text of one export of the ledger in a folder."""
    store = open_store(folder / "ledger.sqlite")
    try:
        async with (
            exporting(store.hours, now_ns=now_ns) as client,
            client.get(f"/api/v1/export/{name}", params=query) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.text()
    finally:
        store.close()


def openmetrics_families(text: str) -> list[Metric]:
    """The families of an OpenMetrics text, by a parser that holds it to the standard."""
    return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
