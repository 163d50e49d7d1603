"""A TCP proxy that misbehaves on demand, between a client and a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable


class TcpProxy:
    """Passes bytes between its own port of 127.0.0.1 and `target_port`.

    `hold_answers` keeps back what the server says, `hold_requests` leaves what the client says unread; nothing is lost
    by either, and `release` lets all go on. `strand` does both to the connections there are, for good, and new ones
    pass. `cut` ends all connections. `heard` is told what a client says before the server is.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.heard: Callable[[bytes], object] = lambda _data: None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._answers = asyncio.Event()
        self._requests = asyncio.Event()
        self._stranded: list[asyncio.Event] = []
        self.release()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def hold_answers(self) -> None:
        self._answers.clear()

    def hold_requests(self) -> None:
        self._requests.clear()

    def release(self) -> None:
        self._answers.set()
        self._requests.set()

    def strand(self) -> None:
        self.hold_answers()
        self.hold_requests()
        self._stranded += [self._answers, self._requests]
        self._answers, self._requests = asyncio.Event(), asyncio.Event()
        self.release()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=4096)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.release()
        for gate in self._stranded:
            gate.set()
        if self._server is not None:
            self._server.close()
        self.cut()
        # Connections end by themselves once their sockets are gone.
        async with asyncio.timeout(5.0):
            while self._writers:  # noqa: ASYNC110 - the end of a test, once
                await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(far_writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, far_writer, self._requests, self._hear))
                group.create_task(self._copy(far_reader, writer, self._answers, lambda _data: None))
        finally:
            for one in (writer, far_writer):
                one.transport.abort()
                self._writers.discard(one)

    def _hear(self, data: bytes) -> None:
        self.heard(data)

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gate: asyncio.Event,
        heard: Callable[[bytes], object],
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                await gate.wait()
                if not (data := await reader.read(4096)):
                    break
                heard(data)
                await gate.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@contextlib.asynccontextmanager
async def running_proxy(target_port: int) -> AsyncIterator[TcpProxy]:
    """A proxy that is ended at exit."""
    proxy = TcpProxy(target_port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
