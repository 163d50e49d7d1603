"""The alert service's inner parts over a bucket and a Slack in memory, which can be cut down at any step."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from harness.clock import TurnedClock
from kube_cost_alerts.intake import SnapshotIntake
from kube_cost_alerts.links import Links
from kube_cost_alerts.memory import Memory
from kube_cost_alerts.outbox import Outbox
from kube_cost_alerts.routing import Routing
from kube_cost_alerts.slack.failures import SlackFailedError
from kube_cost_alerts.slack.posting import Post, Posted
from kube_cost_alerts.wording import Message, worded
from kube_cost_common.messages.alerts import AlertCursor, AlertIntent, AlertMemory
from kube_cost_common.messages.codec import RecordDecoder, encode
from kube_cost_common.messages.costs import CostSnapshot
from kube_cost_common.runtime.bus import BusError
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_common.runtime.kv import KvEntry

CLUSTER = "prod"


class KilledError(Exception):
    """Stands for kill -9."""


class Steps:
    """Counts what a process does to the world, before and after each deed; cuts it down at one of them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.kill_at: int | None = None

    def pass_by(self, name: str) -> None:
        self.names.append(name)
        if self.kill_at == len(self.names) - 1:
            raise KilledError(name)


class MemoryBucket:
    """A key-value bucket with compare-and-set. `failing` are the deeds that the bus doesn't do, one each."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self.entries: dict[str, KvEntry] = {}
        self.failing: list[str] = []
        self._revision = 0

    async def all(self) -> Mapping[str, KvEntry]:
        self._begin("all")
        return dict(self.entries)

    async def get(self, key: str) -> KvEntry | None:
        self._begin("get")
        return self.entries.get(key)

    async def put(self, key: str, payload: bytes) -> int:
        self._begin("put")
        return self._store("put", key, payload)

    async def update(self, key: str, payload: bytes, *, revision: int) -> int:
        self._begin("update")
        held = self.entries.get(key)
        if (0 if held is None else held.revision) != revision:
            raise BusError("conflict", key)
        return self._store("update", key, payload)

    def _begin(self, name: str) -> None:
        self._steps.pass_by(f"before {name}")
        if name in self.failing:
            self.failing.remove(name)
            raise BusError("timeout", name)

    def _store(self, name: str, key: str, payload: bytes) -> int:
        self._revision += 1
        self.entries[key] = KvEntry(payload=payload, revision=self._revision, created_ns=0)
        self._steps.pass_by(f"after {name}")
        return self._revision


class MemorySlack:
    """Takes messages; with `finds` it knows those again that it took, as a bot does. `failures` come one each."""

    def __init__(self, steps: Steps, *, finds: bool = False) -> None:
        self._steps = steps
        self._finds = finds
        self.posts: list[Post] = []
        self.failures: list[SlackFailedError] = []

    @property
    def intents(self) -> list[str]:
        return [post.intent for post in self.posts]

    async def post(self, post: Post) -> Posted:
        self._steps.pass_by("before post")
        if self.failures:
            raise self.failures.pop(0)
        found = self._finds and post.may_be_there and post.intent in self.intents
        if not found:
            self.posts.append(post)
        self._steps.pass_by("after post")
        return Posted(channel_id="C1", message_ts=f"{len(self.posts)}.0", found=found)


@dataclass
class _Stored:
    payload: bytes
    stream_sequence: int
    stored_at_ns: int = 1
    stream_created_ns: int = 1
    acked: list[int] = field(default_factory=list)

    async def ack(self) -> None:
        self.acked.append(self.stream_sequence)


class MemoryStream:
    """The stream of cost snapshots."""

    def __init__(self) -> None:
        self.stored: list[_Stored] = []
        self._after = 0

    def add(self, snapshot: CostSnapshot) -> None:
        self.add_bytes(encode(snapshot))

    def add_bytes(self, payload: bytes) -> None:
        self.stored.append(_Stored(payload, len(self.stored) + 1))

    async def newest(self) -> AlertCursor:
        return AlertCursor(cluster=CLUSTER, stream_created_ns=1, sequence=len(self.stored), stored_at_ns=1)

    def restart_after(
        self, sequence: int, *, stream_created_ns: int | None = None, stored_at_ns: int | None = None
    ) -> None:
        assert (stream_created_ns, stored_at_ns) == (1, 1)
        self._after = sequence

    async def fetch(self, max_messages: int, /) -> Sequence[_Stored]:
        await asyncio.sleep(0)
        messages = self.stored[self._after : self._after + min(2, max_messages)]
        self._after += len(messages)
        return messages

    @property
    def is_read(self) -> bool:
        return self._after == len(self.stored)


class AlertWorld:
    """Bucket, stream and Slack, which outlive processes. `live` is one process's life."""

    def __init__(self, *, finds: bool = False, routing: Routing | None = None) -> None:
        self.steps = Steps()
        self.bucket = MemoryBucket(self.steps)
        self.slack = MemorySlack(self.steps, finds=finds)
        self.stream = MemoryStream()
        self.clock = TurnedClock()
        self.routing = routing or Routing()
        self.counters, self.problems = Counters(), Problems()
        self._lives = 0

    def begin(self) -> None:
        """Let a first process have started before anything happened: its cursor is at the stream's beginning."""
        cursor = AlertCursor(cluster=CLUSTER, stream_created_ns=1, sequence=0, stored_at_ns=1)
        self.bucket.entries[CLUSTER] = KvEntry(payload=encode(cursor), revision=0, created_ns=0)

    def pending(self) -> set[str]:
        """The intents that stand in the bucket."""
        decoder = RecordDecoder(AlertMemory)
        payloads = [entry.payload or b"" for key, entry in self.bucket.entries.items() if key != CLUSTER]
        return {intent.intent for payload in payloads for intent in decoder.decode(payload).intents}

    def count(self, result: str) -> float:
        """How many messages have come to that."""
        found = [one.value for one in self.counters.counts() if one.labels.get("result") == result]
        return found[0] if found else 0.0

    async def live(self, *, until: Callable[[Memory], bool] | None = None) -> bool:
        """Run one process until nothing is left to do; return whether it was cut down before."""
        self._lives += 1
        owner = f"alerts-{self._lives}"
        log = structlog.get_logger()
        memory = Memory(cluster=CLUSTER, owner=owner, bucket=self.bucket, log=log)
        loaded = asyncio.Event()
        outbox = Outbox(
            poster=self.slack,
            memory=memory,
            words=self._words,
            clock=self.clock,
            log=log,
            counters=self.counters,
            problems=self.problems,
        )
        intake = SnapshotIntake(
            cluster=CLUSTER,
            owner=owner,
            reader=self.stream,
            newest=self.stream.newest,
            memory=memory,
            outbox=outbox,
            routing=lambda: self.routing,
            on_loaded=loaded.set,
            clock=self.clock,
            log=log,
            counters=self.counters,
        )
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(outbox.run()), group.create_task(intake.run())]
                await loaded.wait()
                idle = 0
                while idle < 20:
                    await asyncio.sleep(0)
                    idle = idle + 1 if self.stream.is_read and not memory.intents() else 0
                    if until is not None and until(memory):
                        break
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as group_error:
            killed, others = group_error.split(KilledError)
            if others is not None:
                raise others from None
            return killed is not None
        return False

    def _words(self, intent: AlertIntent, now_ns: int) -> Message:
        return worded(intent, cluster=CLUSTER, links=Links(), now_ns=now_ns)
