"""One kind of object, followed for ever: listed, watched, and listed again when that can't go on.

The protocol: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, NoReturn, Protocol, TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.inputs.kubernetes.client import ApiClient, ApiRequest, EventStream
from kube_cost_aggregator.inputs.kubernetes.errors import (
    ApiError,
    EndedEarlyError,
    GoneError,
    SilenceError,
    UnreadableError,
)
from kube_cost_aggregator.inputs.kubernetes.refusals import refusal_in_watch
from kube_cost_aggregator.inputs.kubernetes.resources import Resource
from kube_cost_aggregator.inputs.kubernetes.shapes import Event, Status, Versioned
from kube_cost_common.runtime.clock import Clock

F = TypeVar("F")
F_contra = TypeVar("F_contra", contravariant=True)


class Receiver(Protocol[F_contra]):
    """Who is told of objects: synchronously, in order, each change once. `at_ns` is when it arrived, Unix ns."""

    def replaced(self, kind: str, facts: Sequence[F_contra], at_ns: int) -> None:
        """Take the whole list of a kind: at the start, and whenever changes may have been missed.

        What isn't in it is gone; working out what differs is the receiver's. An object that can't be read isn't in it.
        """
        ...

    def changed(self, kind: str, facts: F_contra, at_ns: int) -> None:
        """Take an object that is new or has changed."""
        ...

    def removed(self, kind: str, uid: str, last: F_contra | None, at_ns: int) -> None:
        """Take the end of an object; `last` is its last state, None where that couldn't be read."""
        ...


@dataclass(frozen=True, kw_only=True)
class WatchTimes:
    """How patient a watch is."""

    page_size: int = 500
    """Objects a page: at 12 KB a pod, 6 MB in memory at a time."""

    shortest_seconds: int = 240
    longest_seconds: int = 480
    """The server ends a watch after a random time between these, so that watches spread over its replicas."""

    silence_seconds: float = 150.0
    """A watch without a byte for so long is dead. The API server sends a bookmark about each minute
    (`bookmarkFrequency` of k8s.io/apiserver's watch cache), so two are missing by then and half a minute has passed.
    Where a server sends none, the watch just goes on, from the version it had, on a new connection."""

    answer_seconds: float = 30.0
    """How long until a watch's headers are there: the server waits up to 3 s for its cache to be as new as was asked,
    and answers then, also where nothing happens."""

    list_seconds: float = 75.0
    """A page that takes longer is given up: the API server's own limit for a request is 60 s."""

    shortest_backoff_seconds: float = 0.5
    longest_backoff_seconds: float = 30.0
    """After a failure a random wait, from the shortest to a bound that doubles with each in a row up to the longest."""

    settled_seconds: float = 30.0
    """A watch that lived so long ended in the normal way; the next begins at once."""


@dataclass(kw_only=True)
class WatchState:
    """How a watch is, for the status page and readiness."""

    kind: str
    synced: bool = False
    """The list has been delivered at least once."""
    listed_ns: int | None = None
    """When it was last listed: what came and went before is known of no longer."""
    last_event_ns: int | None = None
    """When the server last said anything, list and bookmarks included."""
    problem: str = ""
    """What is wrong now, a sentence; empty when nothing is."""


OnProblem = Callable[[str, str], None]
"""Told of a kind and what is wrong with its watch, a sentence; empty when nothing is any more."""


def nobody(_kind: str, _problem: str) -> None:
    """Tell nobody."""


class Watch(Generic[F]):
    """Follows one kind of object and tells a receiver. Ends only by cancellation."""

    def __init__(
        self,
        *,
        client: ApiClient,
        resource: Resource[F],
        receiver: Receiver[F],
        on_error: Callable[[Exception], None],
        clock: Clock,
        log: FilteringBoundLogger,
        times: WatchTimes,
        on_problem: OnProblem = nobody,
    ) -> None:
        """Take where to ask, for what, whom to tell, who counts failures, and who is told what is wrong."""
        self.state = WatchState(kind=resource.kind)
        self._client = client
        self._resource = resource
        self._receiver = receiver
        self._on_error = on_error
        self._on_problem = on_problem
        self._clock = clock
        self._log = log.bind(kind=resource.kind)
        self._times = times
        self._version = ""  # what to go on from; empty: list first
        self._relist_wanted = False
        self._failures = 0  # in a row, without progress
        self._progressed = False
        self._watching_since: float | None = None
        self._stream: EventStream | None = None
        self._events = msgspec.json.Decoder(Event)
        self._bookmarks = msgspec.json.Decoder(Versioned)
        self._statuses = msgspec.json.Decoder(Status)

    def relist(self) -> None:
        """List anew, as soon as possible; the receiver gets the whole list again."""
        self._relist_wanted = True
        if self._stream is not None:
            self._stream.close()

    async def run(self) -> NoReturn:
        """Follow, for ever."""
        while True:
            self._watching_since = None
            self._progressed = False
            error: Exception | None = None
            try:
                await self._list_and_watch()
            except Exception as caught:  # noqa: BLE001 - the loop's edge: not even a receiver's fault ends the watch
                error = caught
            if self._relist_wanted:
                continue
            self._judge(error)
            await self._clock.sleep(self._wait_seconds(error))

    async def _list_and_watch(self) -> None:
        """List if need be, then watch until the server ends the watch."""
        while self._relist_wanted or not self._version:
            await self._list()
        await self._watch()
        if not (self._progressed or self._settled or self._relist_wanted):
            raise EndedEarlyError

    async def _list(self) -> None:
        self._relist_wanted = False
        self._version = ""
        facts: list[F] = []
        token = ""
        while True:
            params = {"limit": str(self._times.page_size)}
            if token:
                params["continue"] = token
            body = await self._client.get(self._request("list", params), seconds=self._times.list_seconds)
            try:
                page = self._resource.read_page(body)
            except msgspec.DecodeError as error:
                raise UnreadableError(what=f"a list of {self._resource.plural}", fault=str(error)) from error
            facts.extend(page.facts)
            token = page.continue_token
            if not token:
                break
        if not page.resource_version:
            raise UnreadableError(what=f"a list of {self._resource.plural}", fault="it has no resourceVersion")
        at_ns = self._clock.now_ns()
        self._receiver.replaced(self._resource.kind, facts, at_ns)
        self._version = page.resource_version
        self.state.synced = True
        self.state.listed_ns = self.state.last_event_ns = at_ns
        self._recovered()

    async def _watch(self) -> None:
        """Take events until the server ends the watch, or listing anew is wanted."""
        seconds = random.randint(self._times.shortest_seconds, self._times.longest_seconds)  # noqa: S311 - no secret
        params = {
            "watch": "true",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        request = self._request("watch", params)
        async with self._client.stream(request, seconds=self._times.answer_seconds) as stream:
            self._stream = stream
            self._watching_since = self._clock.monotonic()
            self._recovered()
            try:
                if self._relist_wanted:
                    return
                async with aclosing(stream.lines(self._times.silence_seconds)) as lines:
                    async for line in lines:
                        if self._relist_wanted:
                            return
                        self._take(line)
            finally:
                self._stream = None

    def _take(self, line: bytes) -> None:
        """Take one line of a watch. Raises the ApiError that it is, or UnreadableError."""
        at_ns = self._clock.now_ns()
        try:
            event = self._events.decode(line)
            match event.type:
                case "ADDED" | "MODIFIED" | "DELETED":
                    self._take_object(event, at_ns)
                case "BOOKMARK":
                    self._advance(self._bookmarks.decode(event.object).metadata.resource_version)
                case "ERROR":
                    raise refusal_in_watch(self._statuses.decode(event.object))
                case unknown:
                    self._on_error(UnreadableError(what="a watch", fault=f"an event of unknown type {unknown!r}"))
        except msgspec.DecodeError as error:
            # Asking again from the same version would bring the same line: list instead.
            self._version = ""
            raise UnreadableError(what=f"an event of {self._resource.plural}", fault=str(error)) from error
        self.state.last_event_ns = at_ns

    def _take_object(self, event: Event, at_ns: int) -> None:
        read = self._resource.read_object(event.object)
        if not self._is_new(read.resource_version):
            return
        self._advance(read.resource_version)
        if event.type == "DELETED":
            self._receiver.removed(self._resource.kind, read.uid, read.facts, at_ns)
        elif read.facts is not None:
            self._receiver.changed(self._resource.kind, read.facts, at_ns)

    def _advance(self, version: str) -> None:
        self._version = version or self._version
        self._progressed = True

    def _is_new(self, version: str) -> bool:
        """Whether an event comes after all that were seen. Versions grow within a resource (KEP-5504)."""
        if version.isdecimal() and self._version.isdecimal():
            return int(version) > int(self._version)
        return not version or version != self._version

    def _request(self, verb: str, params: dict[str, str]) -> ApiRequest:
        resource = self._resource
        return ApiRequest(
            verb=verb,
            plural=resource.plural,
            group=resource.group,
            path=resource.path,
            params=params,
            accept=resource.accept(is_list=verb == "list"),
        )

    @property
    def _settled(self) -> bool:
        """Whether this watch has lived long enough that its end is the normal one."""
        since = self._watching_since
        return since is not None and self._clock.monotonic() - since >= self._times.settled_seconds

    def _judge(self, error: Exception | None) -> None:
        """Take in how a watch ended, and what the next one begins with."""
        if self._settled:
            self._failures = 0
        elif self._progressed:
            self._failures = 1
        else:
            self._failures += 1
        if error is None:
            return
        if isinstance(error, GoneError) or not isinstance(error, ApiError):
            self._version = ""
        if self._settled and isinstance(error, GoneError | SilenceError):
            self._log.info("watch begins anew", reason=str(error))
            return
        self._on_error(error)
        if not self.state.problem:
            self._log.warning("watch failed", error=str(error) if isinstance(error, ApiError) else repr(error))
        self._say(f"{self._resource.plural}: {error}")

    def _recovered(self) -> None:
        if self.state.problem:
            self._log.info("watch recovered")
            self._say("")

    def _say(self, problem: str) -> None:
        self.state.problem = problem
        self._on_problem(self._resource.kind, problem)

    def _wait_seconds(self, error: Exception | None) -> float:
        asked = error.retry_after_seconds if isinstance(error, ApiError) else 0.0
        if not self._failures:
            return asked
        times = self._times
        bound = min(times.longest_backoff_seconds, times.shortest_backoff_seconds * 2 ** min(self._failures, 16))
        return asked + random.uniform(times.shortest_backoff_seconds, bound)  # noqa: S311 - no secret
