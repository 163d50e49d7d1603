"""A ledger in a database whose server is killed while it writes, and the same ledger in a file, which isn't."""

import asyncio
import random
from pathlib import Path

from harness.charges import HOURS, Charges
from harness.keepers import DatabaseKeeper, FileKeeper
from harness.postgres import PostgresServer
from harness.records import START
from kube_cost_aggregator.history.store import StoreError
from kube_cost_aggregator.state.ledger import Ledger

PODS = 2_000
MINUTES_BETWEEN = 2
DEADLINE_SECONDS = 60.0


class KilledLedger:
    """`await live(kills=n)`, then `await check()`."""

    def __init__(self, *, server: PostgresServer, folder: Path, seed: int) -> None:
        self._server = server
        self._folder = folder
        self._seed = seed
        self._chance = random.Random(seed)
        self._keeper = DatabaseKeeper(server.new_database())
        self._minutes = 0
        self._in_commit = 0
        self._kills = 0
        self._commit_seconds = 0.0
        """What the last one took that nothing happened to."""

    @property
    def report(self) -> str:
        return f"{self._kills} kills, {self._in_commit} of them in a commit, {self._minutes} minutes of {PODS} pods"

    async def live(self, *, kills: int) -> None:
        """Book and commit minutes until so many commits had the server killed in them; they are tried again."""
        store = await self._keeper.open()
        ledger = Ledger(store=store)
        await ledger.load(START)
        charges = Charges(ledger, pods=PODS, seed=self._seed)
        while self._in_commit < kills:
            charges.book()
            self._minutes += 1
            if self._minutes % (MINUTES_BETWEEN + 1) == 0:
                await self._commit_killed(ledger)
                charges.book()  # what comes in meanwhile goes with it
                self._minutes += 1
            began = asyncio.get_running_loop().time()
            async with asyncio.timeout(DEADLINE_SECONDS):
                while not await _commits(ledger):  # noqa: ASYNC110 - as the intake does
                    await asyncio.sleep(0.05)
            self._commit_seconds = asyncio.get_running_loop().time() - began
        store.close()

    async def check(self) -> None:
        """Assert that every table is what it is in a file."""
        keeper = FileKeeper(self._folder)
        store = await keeper.open()
        ledger = Ledger(store=store)
        await ledger.load(START)
        charges = Charges(ledger, pods=PODS, seed=self._seed)
        for _ in range(self._minutes):
            charges.book()
        await ledger.commit(START)
        store.close()
        expected, found = await keeper.tables(), await self._keeper.tables()
        assert len(expected["pod_hours"]) == HOURS * PODS
        for table, rows in expected.items():
            assert found[table] == rows, table

    async def _commit_killed(self, ledger: Ledger) -> None:
        async with asyncio.TaskGroup() as group:
            committing = group.create_task(_commits(ledger))
            await asyncio.sleep(self._chance.uniform(0.0, self._commit_seconds))
            self._in_commit += not committing.done()
            self._kills += 1
            self._server.kill()
        await asyncio.to_thread(self._server.start)


async def _commits(ledger: Ledger) -> bool:
    try:
        await ledger.commit(START)
    except StoreError:
        return False
    return True
