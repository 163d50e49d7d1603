"""The alert service as a process, on a real nats-server and a Slack that isn't there: killed, and started again."""

import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from harness.alerting import budget, moment, snapshot
from harness.nats import NatsServer, eventually, running_bus, running_nats
from kube_cost_common.messages.codec import encode
from kube_cost_common.messages.names import STATUS_SUBJECTS, cost_message_id, cost_subject
from kube_cost_common.messages.streams import BUCKETS, STREAMS
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare
from kube_cost_demo.processes import Process, Processes
from kube_cost_simulator.slack import FakeSlack, SlackFault

CHANNEL = "C0000000001"
WAIT_SECONDS = 30.0


class Running:
    """The service, its bus and its Slack. `kind` is `webhook` or `bot`."""

    def __init__(self, *, folder: Path, server: NatsServer, slack: FakeSlack, processes: Processes, kind: str) -> None:
        self.slack = slack
        self.server = server
        self.folder = folder
        self.kind = kind
        self.process: Process | None = None
        self.pids: list[int] = []
        self._processes = processes
        self._minute = 0

    async def start(self) -> None:
        """Start the service, and return once it reads snapshots."""
        slack = {
            "webhook": {"KUBE_COST_SLACK_WEBHOOK_URL": self.slack.webhook_url()},
            "bot": {
                "KUBE_COST_SLACK_BOT_TOKEN": self.slack.token,
                "KUBE_COST_SLACK_API_URL": f"{self.slack.url}/api",
                "KUBE_COST_SLACK_CHANNEL": CHANNEL,
            },
        }
        program = str(Path(sys.executable).with_name("kube-cost-alerts"))
        name = f"alerts-{len(self.pids)}"
        self.process = self._processes.start(
            name,
            [program],
            {
                "KUBE_COST_NATS_URL": self.server.url,
                "KUBE_COST_CLUSTER": "prod",
                "KUBE_COST_LISTEN_HOST": "127.0.0.1",
                "KUBE_COST_LISTEN_PORT": "0",
                "KUBE_COST_LOG_LEVEL": "debug",
                **slack[self.kind],
            },
        )
        self.pids.append(self.process.pid)
        consumer = "CONSUMER.INFO.KCE_COST.alerts-prod"
        async with running_bus(self.server.url) as bus:
            before = "" if len(self.pids) == 1 else (await bus.api(consumer))["created"]
            found: list[str] = []

            async def look() -> bool:
                try:
                    found.append((await bus.api(consumer))["created"])
                except Exception:  # noqa: BLE001 - not there yet
                    return False
                return found[-1] != before

            clock = SystemClock()
            end = clock.monotonic() + WAIT_SECONDS
            while not await look():
                assert clock.monotonic() < end, "it doesn't read"
                await clock.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self._processes.forget(self.process)

    def end(self) -> tuple[bytes, bytes]:
        """Stop it in order; return its command line and all that it logged."""
        assert self.process is not None
        command = Path(f"/proc/{self.process.pid}/cmdline").read_bytes()
        self.process.stop()
        return command, b"".join(path.read_bytes() for path in (self.folder / "logs").iterdir())

    async def spend(self, usd: float) -> None:
        """A snapshot in which the namespace has spent so much."""
        self._minute += 1
        now_ns = SystemClock().now_ns()
        at = moment(f"2026-11-20 12:{self._minute:02}")
        told = replace(snapshot(budget("shop", spent=usd), at=at), at_ns=now_ns)
        async with running_bus(self.server.url) as bus:
            await bus.publish_to_stream(
                cost_subject("prod"), encode(told), message_id=cost_message_id("prod", now_ns, 0)
            )

    async def has(self, count: int) -> None:
        """Wait until Slack has so many messages."""
        await eventually(lambda: len(self.slack.messages) >= count, seconds=WAIT_SECONDS)


@pytest.fixture(params=["webhook", "bot"])
async def running(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    slack = FakeSlack(now=SystemClock().monotonic)
    await slack.start()
    try:
        async with running_nats(tmp_path) as server, running_bus(server.url) as bus:
            await declare(bus, streams=STREAMS, buckets=BUCKETS)
            with Processes(logs=tmp_path / "logs") as processes:
                yield Running(folder=tmp_path, server=server, slack=slack, processes=processes, kind=request.param)
    finally:
        await slack.stop()


def shares(slack: FakeSlack) -> list[str]:
    """Of each message in its order, the share of the budget that was spent."""
    return [message.text.split("(")[1].split("%")[0] for message in slack.messages]


async def test_killed_between_slacks_answer_and_our_note(running: Running) -> None:
    """Nothing is missed; by a webhook the one message comes twice, and a bot finds it."""
    await running.start()
    await running.spend(400)
    await running.has(1)
    running.slack.fault = SlackFault.SILENT_BUT_TAKEN
    await running.spend(500)
    await running.has(2)
    running.kill()
    running.slack.fault = None
    await running.start()
    await running.spend(600)
    twice = running.kind == "webhook"
    await running.has(4 if twice else 3)
    told = Counter(message.text.split("\n")[2] for message in running.slack.messages if not message.updates)
    assert len(running.slack.messages) == (4 if twice else 3)
    if twice:
        assert shares(running.slack) == ["80.0", "100.0", "100.0", "120.0"]
    else:
        root, *replies = running.slack.messages
        assert len(told) == 2
        assert {reply.thread_ts for reply in replies} == {root.ts}
        await eventually(lambda: "(120.0%)" in root.text, seconds=WAIT_SECONDS)


async def test_killed_while_slack_is_away(running: Running) -> None:
    """What was to be sent is sent by the next process, once."""
    await running.start()
    running.slack.fault = SlackFault.SERVER_ERROR
    await running.spend(400)
    await eventually(lambda: running.slack.calls, seconds=WAIT_SECONDS)
    running.kill()
    await running.spend(600)  # while nobody is there
    running.slack.fault = None
    await running.start()
    await running.has(2)
    assert len(running.slack.messages) == 2


async def test_the_secrets_are_nowhere(running: Running) -> None:
    """Not in the logs of a run with every kind of failure, not in what the process tells of itself, not in `ps`."""
    heard: list[bytes] = []
    async with running_bus(running.server.url) as bus:
        messages = bus.subscribe(STATUS_SUBJECTS)
        running.slack.faults.extend([SlackFault.NOT_OK, SlackFault.RESET, SlackFault.THROTTLED, SlackFault.NO_SERVICE])
        await running.start()
        await running.spend(400)
        async for _, payload in messages:
            heard.append(payload)
            break
        await running.has(1)
    command, logs = running.end()
    assert b"Slack doesn't take a message" in logs
    assert heard
    for shown in (logs, command, *heard):
        assert b"secret" not in shown
