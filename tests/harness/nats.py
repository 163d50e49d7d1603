"""A real nats-server of one's own, and a bus connected to it."""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from kube_cost_common.runtime.bus import Bus, BusConfig
from kube_cost_common.runtime.clock import SystemClock

_START_SECONDS = 10.0
_STOP_SECONDS = 10.0


def nats_server_binary() -> str:
    """Return the path of nats-server: the wheel's beside this Python, or the one on the PATH."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError("nats-server is neither in this environment nor on the PATH")
    return found


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NatsServer:
    """One nats-server process on a fixed port of 127.0.0.1, with JetStream's store in a folder that outlives it.

    `extra_config` is appended to its configuration: users, TLS, limits.
    """

    def __init__(self, folder: Path, *, extra_config: str = "") -> None:
        self._folder = folder
        self.extra_config = extra_config
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def store(self) -> Path:
        """The folder of JetStream's files."""
        return self._folder / "jetstream"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it and return when it greets."""
        self._write_config()
        with (self._folder / "nats-server.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - a fork, milliseconds
                [nats_server_binary(), "-c", str(self._config_file)], stdout=log, stderr=log
            )
        async with asyncio.timeout(_START_SECONDS):
            while not await self._greets():
                if not self.running:
                    raise RuntimeError((self._folder / "nats-server.log").read_text())
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """End it in order and return when it has ended."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a crash does."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Start it again on the same port and store, after a crash if it runs."""
        await self.kill()
        await self.start()

    def reload(self) -> None:
        """Let it read `extra_config` again."""
        self._write_config()
        self._signal(signal.SIGHUP)

    def pause(self) -> None:
        """Stop the process in its tracks: it accepts, and says nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        self._signal(signal.SIGCONT)

    @property
    def _config_file(self) -> Path:
        return self._folder / "nats-server.conf"

    def _write_config(self) -> None:
        self._config_file.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{self.store}", max_mem: 256MB, max_file: 8GB }}\n'
            f"{self.extra_config}\n"
        )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(number)

    async def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        self.resume()
        self._signal(number)
        try:
            await asyncio.to_thread(process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        self._process = None

    async def _greets(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            # With a TLS handshake first it greets nobody who doesn't speak it; that it listens is enough then.
            if "handshake_first" in self.extra_config:
                return True
            return (await reader.readline()).startswith(b"INFO")
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def running_nats(folder: Path, *, extra_config: str = "") -> AsyncIterator[NatsServer]:
    """A nats-server that is ended at exit, by its pid."""
    server = NatsServer(folder, extra_config=extra_config)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


@contextlib.asynccontextmanager
async def background(*work: Coroutine[Any, Any, object]) -> AsyncIterator[list[asyncio.Task[object]]]:
    """Run `work` during the block; its failure fails the block. Only within one function: a TaskGroup is inside."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()


def bus_config(*servers: str, **settings: Any) -> BusConfig:
    """Settings of a bus for tests: it reconnects fast, so that tests are short."""
    defaults: dict[str, Any] = {
        "servers": servers,
        "name": "test",
        "connect_timeout_seconds": 1.0,
        "request_timeout_seconds": 2.0,
        "close_timeout_seconds": 1.0,
        "reconnect_min_seconds": 0.02,
        "reconnect_max_seconds": 0.1,
    }
    return BusConfig(**{**defaults, **settings})


def new_bus(*servers: str, **settings: Any) -> Bus:
    """A bus that isn't run yet."""
    return Bus(config=bus_config(*servers, **settings), clock=SystemClock(), log=structlog.get_logger())


@contextlib.asynccontextmanager
async def running_bus(*servers: str, **settings: Any) -> AsyncIterator[Bus]:
    """A connected bus that is closed at exit."""
    bus = new_bus(*servers, **settings)
    async with background(bus.run()):
        try:
            async with asyncio.timeout(_START_SECONDS):
                await bus.wait_connected()
            yield bus
        finally:
            await bus.close()


async def eventually(condition: Callable[[], object], *, seconds: float = 15.0) -> None:
    """Return as soon as `condition()` holds; raise TimeoutError where it doesn't within `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
