"""A day of 10,000 pods in both keepers of the ledger: what is asked of either is the same, to the nano."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.keepers import AnyStore, DatabaseKeeper, FileKeeper
from harness.postgres import running_postgres
from harness.standing_pods import NAMESPACES, hourly_batches
from harness.two_hours import NS_PER_SECOND
from kube_cost_aggregator.history.queries import CostFilter, CostQuery, Costs
from kube_cost_aggregator.history.store import Batch, Retention

PODS = 10_000
NOON = 1_800_057_600 + 12 * 3600
HOURS = range(NOON, NOON + 24 * 3600 * int(os.environ.get("ROUNDS", "1")), 3600)


async def answers(store: AnyStore) -> list[Costs]:
    """The whole day by everything, some of it in steps, and of some of it."""
    whole = CostQuery(by="cluster", start=HOURS.start, end=HOURS.stop, label="team")
    return [
        await store.query(query)
        for query in (
            whole,
            replace(whole, by="namespace"),
            replace(whole, by="pod", limit=100),
            replace(whole, by="workload"),
            replace(whole, by="node"),
            replace(whole, by="node_pool"),
            replace(whole, by="resource"),
            replace(whole, by="label"),
            replace(whole, by="namespace", step=3600),
            replace(whole, by="pod", filter=CostFilter(namespaces=("namespace-1*",), pods=("*7",))),
        )
    ]


@pytest.mark.timeout(1200)
async def test_a_day_of_many_pods_is_the_same_in_both(tmp_path: Path) -> None:
    """And its sums are what was written, whether its days are added up or not."""
    with running_postgres() as server:
        stores: list[AnyStore] = [
            await FileKeeper(tmp_path).open(),
            await DatabaseKeeper(server.new_database()).open(),
        ]
        try:
            written = 0
            for store in stores:
                await store.load(now_ns=HOURS.start * NS_PER_SECOND, month_start=0)
            for batch in hourly_batches(HOURS, pods=PODS):
                written += paid(batch)
                for store in stores:
                    await store.commit(batch)
            for tidied in (False, True):
                for store in stores:
                    while tidied and await store.tidy(
                        now=HOURS.stop, settled_through=HOURS.stop, retention=Retention()
                    ):
                        pass
                of_file, of_database = [await answers(store) for store in stores]
                assert of_file == of_database
                assert of_file[0].total.total == written
                assert of_file[1].groups == NAMESPACES
        finally:
            for store in stores:
                store.close()


def paid(batch: Batch) -> int:
    """What the namespaces of a batch cost, in nano-USD."""
    return sum(money.total for money in batch.namespace_hours.values())
