"""An intake with all that it feeds, but for the cluster: its only node is hand-made."""

import asyncio
from pathlib import Path

import msgspec
import pytest
import structlog

from harness import rows
from harness.records import MINUTE, FakeKernel, node_facts, pod_facts, price_record
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch, Store, StoreError
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
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import usage_message_id, usage_subject
from kube_cost_common.messages.streams import USAGE
from kube_cost_common.messages.usage import UsageSample
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.pull import PullReader

CONSUMER = "aggregator"


class HurriedClock(SystemClock):
    """Waits a little where more was asked for. `ahead_seconds` have passed without anybody waiting."""

    ahead_seconds = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.02))


class RefusingStore(SqliteStore):
    """A ledger's file that can't be written while it is full."""

    full = False
    refused = 0

    async def commit(self, batch: Batch) -> None:
        if self.full:
            self.refused += 1
            raise StoreError("can't write the ledger: database or disk is full")
        await super().commit(batch)


class Aggregator:
    """An intake with all that it feeds, of one node whose agent began ten minutes ago."""

    def __init__(self, bus: Bus, folder: Path, began_ns: int) -> None:
        self.bus = bus
        self.folder = folder
        self.began_ns = began_ns
        self.kernel = FakeKernel(pods={"pod-uid": (2.0, 6.0)}, began_ns=began_ns, sampled_ns=began_ns)
        self.watched = True
        self.listed_ns = 0
        self.clock = HurriedClock()
        self.store: RefusingStore

    async def kept_in(self) -> Store:
        """Open what keeps the ledger."""
        opened = open_store(self.folder / "ledger.sqlite")
        self.store = RefusingStore(writer=opened._writer, reader=opened._reader, path=opened._path)
        return self.store

    async def start(self) -> UsageIntake:
        self.ledger = Ledger(store=await self.kept_in())
        self.inventory = Inventory(changed=lambda: None)
        restore(self.inventory, self.ledger, await self.ledger.load(self.began_ns))
        self.inventory.put_node(node_facts(created_ns=self.began_ns), self.began_ns)
        self.inventory.put_pod(pod_facts(bound_ns=self.began_ns))
        shelf = PriceShelf(defaults=None, changed=lambda: None)
        key = instance_key(self.inventory.nodes["node-uid"].identity, ON_DEMAND)
        shelf.replace({key: (Since(0, price_record()),)}, frozenset())
        self.counters, self.problems = Counters(), Problems()
        self.reader = PullReader(
            bus=self.bus,
            stream=USAGE.name,
            consumer=CONSUMER,
            clock=SystemClock(),
            log=structlog.get_logger(),
            ack_wait_seconds=30.0,
        )
        self.intake = UsageIntake(
            reader=self.reader,
            samples=SampleReader(cluster="default"),
            settlement=Settlement(inventory=self.inventory, ledger=self.ledger, prices=shelf, patience=Patience()),
            ledger=self.ledger,
            standing=StandingCosts(
                inventory=self.inventory, ledger=self.ledger, prices=shelf, price_patience_seconds=600.0
            ),
            interval_seconds=60.0,
            objects_known_ns=lambda: None,
            timings=Timings(),
            nodes_watched=lambda: self.watched,
            nodes_listed_ns=lambda: self.listed_ns,
            bus_connected=lambda: self.bus.connected,
            heard=lambda _node, _stored_at_ns: None,
            clock=self.clock,
            log=structlog.get_logger(),
            counters=self.counters,
            problems=self.problems,
        )
        return self.intake

    def sample(self, minutes: float) -> UsageSample:
        return self.kernel.sample(self.began_ns + round(minutes * MINUTE))

    async def publish(self, sample: UsageSample) -> None:
        """As an agent does: stamped when it is sent."""
        stamped = msgspec.structs.replace(sample, sent_at_ns=SystemClock().now_ns())
        await self.bus.publish_to_stream(
            usage_subject(sample.cluster, sample.node),
            encode(stamped),
            message_id=usage_message_id(sample.node, sample.session, sample.seq),
        )

    @property
    def settled_minutes(self) -> float:
        """What is committed, in minutes since the agent began, to a tenth."""
        through_ns = self.ledger.totals.settled_through_ns
        return -1.0 if through_ns is None else round((through_ns - self.began_ns) / MINUTE, 1)

    def count(self, name: str) -> float:
        return sum(reading.value for reading in self.counters.counts() if reading.name == name)

    async def consumer(self) -> dict[str, int]:
        info = await self.bus.api(f"CONSUMER.INFO.{USAGE.name}.{CONSUMER}")
        return {"acknowledged": info["ack_floor"]["stream_seq"], "unacknowledged": info["num_ack_pending"]}

    async def acknowledged(self, sequence: int) -> None:
        """Return when everything up to there is acknowledged, and nothing else was delivered."""
        async with asyncio.timeout(10.0):
            while await self.consumer() != {"acknowledged": sequence, "unacknowledged": 0}:  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.02)

    def check(self, minutes: float) -> None:
        """Assert that this much of the node's time is in the file, once."""
        rows.check_sums(self.folder)
        assert rows.node_seconds(self.folder)["node-uid"] == pytest.approx(minutes * 60, abs=1.0)
        assert rows.pods(self.folder)["pod-uid"].seconds == pytest.approx(minutes * 60, abs=1.0)
