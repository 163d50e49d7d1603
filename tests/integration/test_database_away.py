"""The database is away for ten minutes of samples: nothing stops but the ledger, and then everything is written."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from harness.intake import Aggregator
from harness.keepers import DatabaseKeeper
from harness.nats import background, eventually, running_bus, running_nats
from harness.postgres import PostgresServer, running_postgres
from harness.records import MINUTE
from kube_cost_aggregator.history.postgres import PostgresStore
from kube_cost_aggregator.history.store import Store
from kube_cost_common.messages.streams import STREAMS
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare

AWAY_MINUTES = 10
USD_PER_HOUR = 0.4


class OnDatabase(Aggregator):
    """Keeps its ledger in a database."""

    def __init__(self, bus: Bus, folder: Path, began_ns: int, keeper: DatabaseKeeper) -> None:
        super().__init__(bus, folder, began_ns)
        self.keeper = keeper
        self.database: PostgresStore

    async def kept_in(self) -> Store:
        self.database = await self.keeper.open()
        return self.database


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
async def aggregator(server: PostgresServer, tmp_path: Path) -> AsyncIterator[OnDatabase]:
    async with running_nats(tmp_path) as nats, running_bus(nats.url) as bus:
        await declare(bus, streams=STREAMS, buckets=())
        began_ns = SystemClock().now_ns() - (AWAY_MINUTES + 1) * MINUTE
        made = OnDatabase(bus, tmp_path, began_ns, DatabaseKeeper(server.new_database()))
        yield made
        made.database.close()


async def test_samples_wait_for_a_database_and_are_written_once(aggregator: OnDatabase, server: PostgresServer) -> None:
    """What is shown stands meanwhile; afterwards each minute is there once, and paid once."""
    intake = await aggregator.start()
    await aggregator.publish(aggregator.sample(1))
    async with background(intake.run()):
        await eventually(lambda: aggregator.settled_minutes == 1.0)
        shown = aggregator.ledger.totals
        server.kill()
        for minute in range(2, AWAY_MINUTES + 2):
            await aggregator.publish(aggregator.sample(minute))
        await eventually(lambda: aggregator.count("kube_cost_history_write_failures_total") > 3)
        assert aggregator.ledger.totals is shown
        assert (await aggregator.consumer())["acknowledged"] == 1
        server.start()
        await eventually(lambda: aggregator.settled_minutes == AWAY_MINUTES + 1.0)
        assert aggregator.problems.sentences() == []
    ((nano, seconds),) = await aggregator.keeper.fetch("SELECT sum(paid_nano)::bigint, sum(seconds) FROM node_hours")
    assert seconds == pytest.approx((AWAY_MINUTES + 1) * 60, abs=1.0)
    assert nano == pytest.approx(seconds / 3600 * USD_PER_HOUR * 1e9, abs=2)
    ((given,),) = await aggregator.keeper.fetch(
        "SELECT sum(cpu_nano + memory_nano + gpu_nano + network_nano)::bigint FROM namespace_hours"
    )
    assert given == nano
