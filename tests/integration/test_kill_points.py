"""An aggregator that is killed at a point of its way, and another that goes on, settle what one that lives does."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import rows
from harness.mortal import BATCH, NODES, PODS_BY_NODE, Life, Point, acknowledged_through
from harness.nats import NatsServer, running_bus, running_nats
from harness.records import MINUTE, FakeKernel
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import usage_message_id, usage_subject
from kube_cost_common.messages.streams import STREAMS
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare

ROUNDS = 8
SAMPLES = ROUNDS * len(NODES)
COMMITS = SAMPLES // BATCH
DEADLINE_SECONDS = 60.0

Rows = dict[str, dict[Any, tuple[int, ...]]]


def kernels(began_ns: int) -> list[FakeKernel]:
    made = []
    for number, node in enumerate(NODES):
        pods = {pod: (0.3 + number + place, 1.5 * (place + 1)) for place, pod in enumerate(PODS_BY_NODE[node])}
        kernel = FakeKernel(node=node, session=str(number) * 16, began_ns=began_ns, sampled_ns=began_ns, pods=pods)
        made.append(kernel)
    return made


class Stream:
    """80 minutes of samples of three nodes on a real bus: one pod ends, one no watch told of, one agent restarts."""

    def __init__(self, server: NatsServer, began_ns: int) -> None:
        self.server = server
        self.began_ns = began_ns
        self.expected: Rows = {}

    async def fill(self) -> None:
        made = kernels(self.began_ns)
        async with running_bus(self.server.url) as bus:
            await declare(bus, streams=STREAMS, buckets=())
            for number in range(1, ROUNDS + 1):
                end_ns = self.began_ns + number * 10 * MINUTE
                for kernel in made:
                    if (kernel.node, number) == ("n2", 4):
                        kernel.run_to(end_ns - 3 * MINUTE)
                        kernel.pods["unseen"] = (0.7, 2.0)
                    if (kernel.node, number) == ("n3", 5):
                        kernel.restart_agent(end_ns - 4 * MINUTE, "9" * 16)
                    sample = kernel.sample(end_ns, ended={"unseen": end_ns - MINUTE} if number == 6 else None)
                    if number == 6:
                        kernel.forget("unseen")
                    stamped = msgspec.structs.replace(sample, sent_at_ns=SystemClock().now_ns())
                    await bus.publish_to_stream(
                        usage_subject(sample.cluster, sample.node),
                        encode(stamped),
                        message_id=usage_message_id(sample.node, sample.session, sample.seq),
                    )

    async def live(self, folder: Path, **death: Any) -> int:
        """Run a process on the ledger in a folder to its end, and return its exit code."""
        life = Life(
            nats_url=self.server.url,
            folder=str(folder),
            consumer=folder.name,
            began_ns=self.began_ns,
            through=SAMPLES,
            **death,
        )
        tests = Path(__file__).parent.parent
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "harness.mortal",
            msgspec.json.encode(life).decode(),
            env={**os.environ, "PYTHONPATH": str(tests)},
        )
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def acknowledged(self, folder: Path) -> int:
        async with running_bus(self.server.url) as bus:
            return await acknowledged_through(bus, folder.name)


@pytest.fixture
async def stream(tmp_path: Path) -> AsyncIterator[Stream]:
    """The samples, and what a process makes of them that isn't killed."""
    async with running_nats(tmp_path) as server:
        made = Stream(server, SystemClock().now_ns() - ROUNDS * 10 * MINUTE)
        await made.fill()
        assert await made.live(tmp_path / "whole") == 0
        made.expected = all_rows(tmp_path / "whole")
        yield made


def all_rows(folder: Path) -> Rows:
    """All rows of money and of time; a second row of one pod or node fails."""
    rows.check_sums(folder)
    with rows.opened(folder) as db:
        assert db.execute("SELECT uid FROM pods GROUP BY uid HAVING count(*) > 1").fetchall() == []
        totals = {name: tuple(total) for name, *total in db.execute("SELECT * FROM namespace_totals")}
        seconds = {
            ("pod", uid, hour): (round(lived * 1e6), round(estimated * 1e6))
            for uid, hour, lived, estimated in db.execute(
                "SELECT uid, hour, seconds, estimated_seconds FROM pod_hours JOIN pods USING (pod_id)"
            )
        } | {
            ("node", uid, hour): (round(lived * 1e6), round(estimated * 1e6))
            for uid, hour, lived, estimated in db.execute(
                "SELECT uid, hour, seconds, estimated_seconds FROM node_hours JOIN nodes USING (node_id)"
            )
        }
    money: Rows = {table: dict(found) for table, found in rows.all_rows(folder).items()}
    return {**money, "totals": totals, "microseconds": seconds}


def cursor(folder: Path) -> int:
    with rows.opened(folder) as db:
        (sequence,) = db.execute("SELECT stream_sequence FROM ledger").fetchone()
        return sequence or 0


def committed_and_acknowledged(point: Point, count: int) -> tuple[int, int]:
    """The sequences through which samples are committed and acknowledged when a process has died at a point."""
    if point == "after the acknowledgement":
        return -(-count // BATCH) * BATCH, count
    before = (count - 1) * BATCH
    return (count * BATCH if point == "after the commit" else before), before


@pytest.mark.parametrize("count", [1, COMMITS // 2, COMMITS])
@pytest.mark.parametrize("point", ["before the commit", "in the commit", "after the commit"])
async def test_a_kill_around_a_commit_changes_nothing(stream: Stream, tmp_path: Path, point: Point, count: int) -> None:
    """Killed there in its first, a middle and its last commit, and gone on with: every row is as without, to 1 nano."""
    await check(stream, tmp_path / "killed", point, count)


@pytest.mark.parametrize("count", [1, SAMPLES // 2, SAMPLES - 1, SAMPLES])
async def test_a_kill_after_an_acknowledgement_changes_nothing(stream: Stream, tmp_path: Path, count: int) -> None:
    """Killed with some of a commit's samples acknowledged, or all, and gone on with: every row is as without."""
    await check(stream, tmp_path / "killed", "after the acknowledgement", count)


async def check(stream: Stream, folder: Path, point: Point, count: int) -> None:
    assert await stream.live(folder, point=point, count=count) == -signal.SIGKILL
    assert (cursor(folder), await stream.acknowledged(folder)) == committed_and_acknowledged(point, count)
    assert await stream.live(folder) == 0
    assert cursor(folder) == SAMPLES
    settled = all_rows(folder)
    assert {table: found.keys() for table, found in settled.items()} == {
        table: found.keys() for table, found in stream.expected.items()
    }
    for table, expected in stream.expected.items():
        for key, amounts in expected.items():
            got = settled[table][key]
            assert all(abs(a - b) <= 1 for a, b in zip(got, amounts, strict=True)), (table, key, got, amounts)
