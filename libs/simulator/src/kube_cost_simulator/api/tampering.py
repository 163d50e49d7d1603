"""Faults of a watch that is open."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import aclosing

from aiohttp import web

from kube_cost_simulator.api.answers import bookmark_line, status, wants_metadata_only, watch_line
from kube_cost_simulator.api.faults import Fault, FaultTimes
from kube_cost_simulator.api.hooks import Lines
from kube_cost_simulator.api.paths import Target


class Tampering:
    """One watch. When there is a line to send it asks `deal` for the fault that is due.

    Order is kept in all of them, over all objects of a resource: clients rely on growing versions.
    """

    def __init__(
        self, *, request: web.Request, target: Target, times: FaultTimes, deal: Callable[[], Fault | None]
    ) -> None:
        self._request = request
        self._target = target
        self._times = times
        self._deal = deal
        self._sent: deque[bytes] = deque(maxlen=times.repeated_lines)
        self._acts: Mapping[Fault, Callable[[bytes], Lines]] = {
            Fault.GONE_EVENT: self._gone,
            Fault.ERROR_EVENT: self._error,
            Fault.CUT_BETWEEN_LINES: self._cut_after,
            Fault.CUT_MID_LINE: self._cut_within,
            Fault.ENDED: self._end,
            Fault.HALF_OPEN: self._be_silent,
            Fault.DUPLICATED: self._repeat,
            Fault.LATE: self._be_late,
            Fault.BOOKMARKS_ONLY: self._bookmark,
        }
        self._over = False

    async def lines(self, lines: Lines) -> Lines:
        """What is sent instead of `lines`."""
        async with aclosing(lines):
            async for line in lines:
                fault = self._deal()
                if fault is None:
                    yield line
                else:
                    async with aclosing(self._acts[fault](line)) as acted:
                        async for each in acted:
                            yield each
                if self._over:
                    return
                self._sent.append(line)

    async def _gone(self, _: bytes) -> Lines:
        yield error_line(410, "Expired", "too old resource version")
        self._over = True

    async def _error(self, _: bytes) -> Lines:
        yield error_line(500, "InternalError", "etcdserver: leader changed")
        self._over = True

    async def _cut_after(self, line: bytes) -> Lines:
        yield line
        self._cut()

    async def _cut_within(self, line: bytes) -> Lines:
        yield line[: len(line) // 2]
        self._cut()

    async def _end(self, line: bytes) -> Lines:
        yield line
        self._over = True

    async def _be_silent(self, line: bytes) -> Lines:
        await never()
        yield line

    async def _repeat(self, line: bytes) -> Lines:
        for each in (*self._sent, line, line):
            yield each

    async def _be_late(self, line: bytes) -> Lines:
        await asyncio.sleep(self._times.late_seconds)
        yield line

    async def _bookmark(self, line: bytes) -> Lines:
        """Bookmarks of all that came before, for a while, and the line at last."""
        version = int(json.loads(line)["object"]["metadata"].get("resourceVersion", "0"))
        metadata_only = wants_metadata_only(self._request.headers.get("Accept", ""))
        for _ in range(round(self._times.bookmarks_seconds / self._times.bookmark_gap_seconds) if version else 0):
            yield bookmark_line(self._target.resource, version - 1, metadata_only=metadata_only)
            await asyncio.sleep(self._times.bookmark_gap_seconds)
        yield line

    def _cut(self) -> None:
        abort(self._request)
        self._over = True


def error_line(code: int, reason: str, message: str) -> bytes:
    """An ERROR event."""
    return watch_line("ERROR", json.dumps(status(code=code, reason=reason, message=message)).encode())


def abort(request: web.Request) -> None:
    """Cut a connection."""
    if request.transport is not None:
        request.transport.abort()


async def never() -> None:
    """Neither answer nor hang up, until the client does or the server ends."""
    await asyncio.Event().wait()


async def cut_in_half(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """Send half of an answer that says its whole length, and cut the connection."""
    body = answer.body if isinstance(answer, web.Response) else None
    if not isinstance(body, bytes):
        return answer
    begun = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await begun.prepare(request)
    await begun.write(body[: len(body) // 2])
    abort(request)
    return begun
