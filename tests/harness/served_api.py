"""The API over a small world and a ledger with two hours in it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from harness.api import World, small_world
from harness.two_hours import HOUR, batch
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch
from kube_cost_aggregator.outputs.answers.costs_schema import COSTS, STATUS
from kube_cost_aggregator.outputs.api import Api
from kube_cost_common.runtime.http import serving


@asynccontextmanager
async def served_api(
    folder: Path,
    *,
    world: Callable[[], World] = small_world,
    ledger: Callable[[], Batch] = batch,
    host: str = "127.0.0.1",
) -> AsyncIterator[tuple[str, SqliteStore]]:
    """Its address, with a slash at the end, and the ledger; both of its hours are over."""
    made, store = world(), open_store(folder / "ledger.sqlite")
    try:
        await store.load(now_ns=(HOUR - 7200) * 10**9, month_start=0)
        await store.commit(ledger())
        await made.shown.clock.sleep(7200)
        api = Api(store=store, sources=made.shown.sources, log=structlog.get_logger())
        made.others = [(COSTS, api.costs), (STATUS, api.status)]
        async with serving(host=host, port=0, routes=made.routes()) as port:
            yield f"http://{host}:{port}/api/v1/", store
    finally:
        store.close()
