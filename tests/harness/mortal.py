"""An aggregator's intake as a process that kills itself at a point of its way: `python -m harness.mortal <life>`.

The intake, the settlement, the ledger and its file are the aggregator's own; its three nodes are hand-made. It ends
with 0 when all of the stream is acknowledged.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from harness.nats import background, running_bus
from harness.records import SECOND, node_facts, pod_facts, price_record
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch
from kube_cost_aggregator.inputs.samples import SampleReader
from kube_cost_aggregator.inputs.usage import UsageIntake
from kube_cost_aggregator.state.inventory import Inventory
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.prices import PriceShelf, Since, instance_key
from kube_cost_aggregator.state.restart import restore
from kube_cost_aggregator.state.settlement import Patience, Settlement
from kube_cost_aggregator.state.standing import StandingCosts
from kube_cost_aggregator.state.timings import Timings
from kube_cost_common.domain.nodes import ON_DEMAND
from kube_cost_common.messages.streams import USAGE
from kube_cost_common.runtime.bus import Bus, BusError
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.pull import Message, PullReader

NODES = ("n1", "n2", "n3")
PODS_BY_NODE = {"n1": ("web", "api"), "n2": ("queue", "report"), "n3": ("idle",)}
BATCH = 2
"""Samples to a commit, so that there are many commits."""

Point = Literal["before the commit", "in the commit", "after the commit", "after the acknowledgement", "never"]


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is to do: die at the `count`-th of a point, or go on until sequence `through` is acknowledged."""

    nats_url: str
    folder: str
    consumer: str
    began_ns: int
    through: int
    point: Point = "never"
    count: int = 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class MortalStore(SqliteStore):
    """The ledger's file. Commits are counted that hold samples."""

    life: Life
    commits = 0

    async def commit(self, batch: Batch) -> None:
        self.commits += batch.stream is not None
        at = self.life.point if batch.stream is not None and self.commits == self.life.count else "never"
        if at == "before the commit":
            die()
        if at == "in the commit":  # all is written, and its transaction is open
            self._writer.set_trace_callback(lambda statement: die() if statement.startswith("COMMIT") else None)
        await super().commit(batch)
        if at == "after the commit":
            die()


class MortalReader(PullReader):
    """The stream's reader. It hands out little at a time."""

    life: Life
    bus: Bus
    acknowledged = 0

    async def fetch(self, max_messages: int, *, timeout_seconds: float = 2.0) -> list[Message]:
        return await super().fetch(min(max_messages, BATCH), timeout_seconds=timeout_seconds)

    async def acknowledge(self, sequence: int, reply: str, word: bytes) -> None:
        await super().acknowledge(sequence, reply, word)
        self.acknowledged += 1
        if self.life.point == "after the acknowledgement" and self.acknowledged == self.life.count:
            await self.bus.api(f"STREAM.INFO.{USAGE.name}")  # its answer comes after the server has read the word
            die()


async def live(life: Life) -> None:
    """Settle, and die or end."""
    opened = open_store(Path(life.folder) / "ledger.sqlite")
    store = MortalStore(writer=opened._writer, reader=opened._reader, path=opened._path)
    store.life = life
    ledger = Ledger(store=store)
    inventory = Inventory(changed=lambda: None)
    restore(inventory, ledger, await ledger.load(life.began_ns))
    for node in NODES:
        inventory.put_node(node_facts(f"uid-{node}", node, created_ns=life.began_ns), life.began_ns)
        for pod in PODS_BY_NODE[node]:
            inventory.put_pod(pod_facts(pod, node_name=node, bound_ns=life.began_ns + 7 * SECOND))
    shelf = PriceShelf(defaults=None, changed=lambda: None)
    key = instance_key(inventory.nodes["uid-n1"].identity, ON_DEMAND)
    shelf.replace({key: (Since(0, price_record()),)}, frozenset())
    async with running_bus(life.nats_url) as bus:
        reader = MortalReader(
            bus=bus,
            stream=USAGE.name,
            consumer=life.consumer,
            clock=SystemClock(),
            log=structlog.get_logger(),
            ack_wait_seconds=30.0,
        )
        reader.life, reader.bus = life, bus
        intake = UsageIntake(
            reader=reader,
            samples=SampleReader(cluster="default"),
            settlement=Settlement(inventory=inventory, ledger=ledger, prices=shelf, patience=Patience()),
            ledger=ledger,
            standing=StandingCosts(inventory=inventory, ledger=ledger, prices=shelf, price_patience_seconds=600.0),
            interval_seconds=60.0,
            objects_known_ns=lambda: None,
            timings=Timings(),
            nodes_watched=lambda: True,
            nodes_listed_ns=lambda: 0,
            bus_connected=lambda: bus.connected,
            heard=lambda _node, _stored_at_ns: None,
            clock=SystemClock(),
            log=structlog.get_logger(),
            counters=Counters(),
            problems=Problems(),
        )
        async with background(intake.run()):
            while (await acknowledged_through(bus, life.consumer)) != life.through:  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.05)
    store.close()


async def acknowledged_through(bus: Bus, consumer: str) -> int:
    """The sequence of the stream through which everything is acknowledged; 0 while there is no consumer."""
    try:
        info = await bus.api(f"CONSUMER.INFO.{USAGE.name}.{consumer}")
    except BusError as error:
        if error.reason != "not_found":
            raise
        return 0
    return int(info["ack_floor"]["stream_seq"])


if __name__ == "__main__":
    asyncio.run(live(msgspec.json.decode(sys.argv[1], type=Life)))
