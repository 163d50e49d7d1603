"""A small API server for one resource, on a real socket, that misbehaves on demand."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Json = dict[str, Any]
ENDS = web.RequestKey("ends", int)
Behaviour = Callable[["ApiServer", web.Request], Coroutine[Any, Any, web.StreamResponse]]


@dataclass(frozen=True)
class Asked:
    """A request that was made, and what the test's clock said."""

    verb: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    at: float


class ApiServer:
    """Lists and watches what `put` and `remove` were told.

    Each entry of `lists` and `watches` takes the place of the answer to one request of that kind; without one the
    server behaves.
    """

    def __init__(self, *, read_clock: Callable[[], float] = lambda: 0.0) -> None:
        self.version = 100
        self.objects: dict[str, Json] = {}
        self.events: list[tuple[int, Json]] = []
        self.requests: list[Asked] = []
        self.lists: deque[Behaviour] = deque()
        self.watches: deque[Behaviour] = deque()
        self.always: Behaviour | None = None
        self.compress = False
        self.port = 0
        self._read_clock = read_clock
        self._changed = asyncio.Condition()
        self._ends = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(self, verb: str) -> list[Asked]:
        return [request for request in self.requests if request.verb == verb]

    async def put(self, content: Json) -> None:
        kind = "MODIFIED" if content["metadata"]["uid"] in self.objects else "ADDED"
        await self._record(kind, content)

    async def remove(self, content: Json) -> None:
        await self._record("DELETED", content)

    async def bookmark(self) -> None:
        self.version += 1
        await self._say({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(self.version)}}})

    async def end_watches(self) -> None:
        """End all watches that are open, in the normal way."""
        async with self._changed:
            self._ends += 1
            self._changed.notify_all()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        watching = "watch" in request.query
        request[ENDS] = self._ends  # who ends watches from now on means this one too
        self.requests.append(
            Asked("watch" if watching else "list", dict(request.query), dict(request.headers), self._read_clock())
        )
        scripted = self.watches if watching else self.lists
        behaviour = scripted.popleft() if scripted else self.always or (behave_watching if watching else behave_listing)
        return await behaviour(self, request)

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Begin the answer to a watch."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if self.compress:
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        return response

    async def follow(self, request: web.Request, response: web.StreamResponse) -> None:
        """Write all events after the version that was asked for, until the watch is ended."""
        version, ends = int(request.query["resourceVersion"]), request[ENDS]
        while True:
            async with self._changed:
                news = [event for at, event in self.events if at > version]
                if not news and self._ends == ends:
                    await self._changed.wait()
                    continue
            for event in news:
                await response.write(json.dumps(event).encode() + b"\n")
            version = self.version
            if self._ends != ends:
                return

    async def _record(self, kind: str, content: Json) -> None:
        self.version += 1
        stored = {**content, "metadata": {**content["metadata"], "resourceVersion": str(self.version)}}
        if kind == "DELETED":
            self.objects.pop(content["metadata"]["uid"])
        else:
            self.objects[content["metadata"]["uid"]] = stored
        await self._say({"type": kind, "object": stored})

    async def _say(self, event: Json) -> None:
        async with self._changed:
            self.events.append((self.version, event))
            self._changed.notify_all()


async def behave_listing(server: ApiServer, request: web.Request) -> web.StreamResponse:
    """A page of the list; the continue token is the number of objects before it."""
    begin = int(request.query.get("continue", "0"))
    limit = int(request.query["limit"])
    objects = list(server.objects.values())
    metadata: Json = {"resourceVersion": str(server.version)}
    if begin + limit < len(objects):
        metadata |= {"continue": str(begin + limit), "remainingItemCount": len(objects) - begin - limit}
    response = web.json_response({"metadata": metadata, "items": objects[begin : begin + limit]})
    if server.compress:
        response.enable_compression(web.ContentCoding.gzip)
    return response


async def behave_watching(server: ApiServer, request: web.Request) -> web.StreamResponse:
    """Every change after the version that was asked for."""
    response = await server.begin(request)
    await server.follow(request, response)
    return response


def answering(status: int, body: str | Json = "", **headers: str) -> Behaviour:
    """Answer with a status, a text or a Status object, and headers (`Retry_After` is Retry-After)."""

    async def behave(_: ApiServer, __: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=named)
        return web.json_response({"kind": "Status", "code": status} | body, status=status, headers=named)

    return behave


def writing(*pieces: bytes, end: str = "normally") -> Behaviour:
    """Write bytes as they are, each piece by itself, then end `normally`, by a `cut`, or fall into `silence`."""

    async def behave(server: ApiServer, request: web.Request) -> web.StreamResponse:
        response = await server.begin(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0.01)
        if end == "cut":
            assert request.transport is not None
            request.transport.abort()
        elif end == "silence":
            await asyncio.Event().wait()
        return response

    return behave


def line(kind: str, content: Json) -> bytes:
    """One event as a watch has it."""
    return json.dumps({"type": kind, "object": content}).encode() + b"\n"


@contextlib.asynccontextmanager
async def running_apiserver(*, read_clock: Callable[[], float] = lambda: 0.0) -> AsyncIterator[ApiServer]:
    """A server that is ended at exit."""
    server = ApiServer(read_clock=read_clock)
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
