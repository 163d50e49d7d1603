"""How long a minute of 100,000 pods takes to be committed, by each keeper of the ledger."""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

from msgspec import structs

from harness.keepers import DatabaseKeeper, FileKeeper, Keeper
from harness.postgres import running_postgres
from harness.two_hours import HOUR, pod
from kube_cost_aggregator.history.store import (
    Batch,
    Money,
    NamespaceTotal,
    NodeHour,
    NodeState,
    PodHour,
    PodTotals,
    Running,
    RunningHour,
    StreamCursor,
)
from perf.measuring import Figure

PODS_A_NODE = 50
NAMESPACES = 100
MINUTES = 5
GOAL = "< 1"


def measure(*, pods: int) -> Iterator[Figure]:
    """The hour's first minute, in which all is new, and those after it, in which all is written again."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kube-cost-perf-"))
        server = stack.enter_context(running_postgres(fsync="on"))
        keepers: dict[str, Keeper] = {
            "SQLite": FileKeeper(Path(folder)),
            "PostgreSQL": DatabaseKeeper(server.new_database()),
        }
        for name, keeper in keepers.items():
            first, *others = asyncio.run(_seconds(keeper, pods))
            yield Figure(name=f"{name}: the first minute of an hour, s", value=f"{first:.2f}")
            yield Figure(
                name=f"{name}: another minute, s, least / most",
                value=f"{min(others):.2f} / {max(others):.2f}",
                goal=GOAL,
            )


async def _seconds(keeper: Keeper, pods: int) -> list[float]:
    store = await keeper.open()
    await store.load(now_ns=HOUR * 10**9, month_start=0)
    taken = []
    async for minute in _minutes(pods):
        started = time.perf_counter()
        await store.commit(minute)
        taken.append(time.perf_counter() - started)
    store.close()
    return taken


async def _minutes(pods: int) -> AsyncIterator[Batch]:
    dice = random.Random(1)
    numbers = range(1, pods + 1)
    for minute in range(1, MINUTES + 2):
        made = Batch(stream=StreamCursor(1, minute, minute))
        for node_id in range(1, pods // PODS_A_NODE + 1):
            own = numbers[(node_id - 1) * PODS_A_NODE : node_id * PODS_A_NODE]
            made.nodes[f"n{node_id}"] = NodeState(
                node_id=node_id,
                uid=f"n{node_id}",
                name=f"node-{node_id}",
                settled_through_ns=minute,
                pods={f"uid-{number}": PodTotals(dice.random(), dice.random()) for number in own},
                hours=[
                    RunningHour(
                        hour=HOUR,
                        node=Running(0.1),
                        system=Running(0.1),
                        idle=Running(0.1),
                        pods={number: Running(dice.random(), dice.random(), seconds=60.0 * minute) for number in own},
                    )
                ],
            )
            made.node_hours[HOUR, node_id] = NodeHour(dice.randrange(10**9), 0, Money(3), Money(7), 60.0 * minute, 0.0)
        for number in numbers:
            if minute == 1:
                made.pods[number] = structs.replace(
                    pod(number, f"pod-{number}", node_id=(number - 1) // PODS_A_NODE + 1),
                    namespace=f"team-{number % NAMESPACES}",
                )
            money = Money(dice.randrange(10**9), dice.randrange(10**9))
            made.pod_hours[HOUR, number] = PodHour(money, 60.0 * minute, 0.0)
        for number in range(NAMESPACES):
            made.namespace_hours[HOUR, f"team-{number}"] = Money(dice.randrange(10**9))
            made.namespace_totals[f"team-{number}"] = NamespaceTotal(Money(dice.randrange(10**12)))
        yield made
        await asyncio.sleep(0)
