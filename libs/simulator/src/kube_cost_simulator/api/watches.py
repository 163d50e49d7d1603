"""Watches: changes as they happen, each once and in order."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from kube_cost_simulator.api.answers import bookmark_line, gone, watch_line
from kube_cost_simulator.api.selectors import Requirement
from kube_cost_simulator.resources import Resource
from kube_cost_simulator.store import ADDED, DELETED, MODIFIED, ExpiredError, ObjectStore, StoreEvent


@dataclass(frozen=True)
class WatchOrder:
    """What a client asked for. `version` is None if it wants everything that there is first."""

    resource: Resource
    meets: Requirement
    metadata_only: bool
    version: int | None
    timeout_seconds: float
    bookmarks: bool
    bookmark_seconds: float
    send_initial_end: bool = False


class Watches:
    """All watches of a server, so that they can be ended."""

    def __init__(self, *, store: ObjectStore) -> None:
        self._store = store
        self._wakers: dict[asyncio.Event, Resource] = {}
        self._closing = False
        store.listen(self._changed)

    def _changed(self, event: StoreEvent) -> None:
        for waker, resource in self._wakers.items():
            if resource is event.stored.resource:
                waker.set()

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._wakers)

    def close(self) -> None:
        """End all watches, and those that come."""
        self._closing = True
        for waker in self._wakers:
            waker.set()

    async def lines(self, order: WatchOrder) -> AsyncGenerator[bytes, None]:
        """The lines of one watch until its time is over, a change was missed, or the server closes."""
        waker = asyncio.Event()
        self._wakers[waker] = order.resource
        try:
            position = self._store.version if order.version is None else order.version
            if order.version is None:
                for line in self._initial_lines(order, position):
                    yield line
            async with aclosing(self._following_lines(order, position, waker)) as following:
                async for line in following:
                    yield line
        except ExpiredError as error:
            yield watch_line("ERROR", json.dumps(gone(error)).encode())
        finally:
            del self._wakers[waker]

    def _initial_lines(self, order: WatchOrder, version: int) -> list[bytes]:
        """Everything that there is, as if it had just been added."""
        lines = [
            watch_line(ADDED, stored.encoded_metadata if order.metadata_only else stored.encoded)
            for stored in self._store.snapshot(order.resource, version)
            if order.meets(stored)
        ]
        if order.send_initial_end:
            lines.append(bookmark_line(order.resource, version, metadata_only=order.metadata_only, initial_end=True))
        return lines

    async def _following_lines(
        self, order: WatchOrder, position: int, waker: asyncio.Event
    ) -> AsyncGenerator[bytes, None]:
        """Changes after `position` until the watch is over, and bookmarks."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + order.timeout_seconds
        bookmark_at = loop.time() + order.bookmark_seconds
        while not self._closing:
            waker.clear()
            version = self._store.version
            for event in self._store.events_since(order.resource, position, going_on=True):
                line = event_line(event, order)
                if line is not None:
                    yield line
            position = version
            now = loop.time()
            over = now >= ends_at
            if order.bookmarks and (over or now >= bookmark_at):
                yield bookmark_line(order.resource, position, metadata_only=order.metadata_only)
                bookmark_at = now + order.bookmark_seconds
            if over:
                return
            try:
                async with asyncio.timeout_at(min(ends_at, bookmark_at) if order.bookmarks else ends_at):
                    await waker.wait()
            except TimeoutError:
                continue


def event_line(event: StoreEvent, order: WatchOrder) -> bytes | None:
    """The line for a change, None where it doesn't concern the selector; what no longer meets it is DELETED."""
    met = event.kind != DELETED and order.meets(event.stored)
    met_before = event.previous is not None and order.meets(event.previous)
    if not met and not met_before:
        return None
    kind = DELETED if not met else MODIFIED if met_before else ADDED
    return watch_line(kind, event.stored.encoded_metadata if order.metadata_only else event.stored.encoded)
