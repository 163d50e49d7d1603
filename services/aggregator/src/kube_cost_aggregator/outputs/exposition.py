"""`GET /metrics`: bodies made ahead, just before they are asked for, and handed out as they are."""

import asyncio
from typing import NoReturn

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.outputs.deflating import Deflated, Exposition
from kube_cost_aggregator.outputs.readers import Readers
from kube_cost_aggregator.outputs.rendering import Rendering
from kube_cost_common.runtime.clock import Clock
from kube_cost_common.runtime.health import Counters

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

TICK_SECONDS = 0.75
"""From one rendering's start to the next: a new pod or price is visible within a second, rendering included."""

WHOLE_SECONDS = 5.0
"""So often everything is rendered, changed or not: usage that samples told of, settled money, health."""

INLINE_BYTES = 64 * 1024
"""Text that is compressed on the event loop, in about a millisecond; more of it goes to a thread."""

INLINE_TOTAL_BYTES = 2 * 1024 * 1024
"""A body so large that even adding up its checksum goes to a thread: half a millisecond a MiB."""

FIRST_SECONDS = 5.0
"""How long a scrape waits for a rendering."""

LEAD_SECONDS = 0.3
"""So long before an expected scrape rendering ends, by what it took last time."""

RESTING_SECONDS = 60.0
"""So often everything is rendered though nobody asks: so that not too much is left for who asks then."""


class Metrics:
    """Renders while somebody is going to ask, and serves what was rendered last.

    What is served is at most a second old in what pods and prices change, `WHOLE_SECONDS` in all else. While no scrape
    is expected nothing is rendered; one that comes all the same waits for it.
    """

    def __init__(self, *, rendering: Rendering, clock: Clock, log: FilteringBoundLogger, counters: Counters) -> None:
        self._rendering = rendering
        self._clock = clock
        self._log = log
        self._counters = counters
        self._deflated = Deflated()
        self._changes = asyncio.Event()
        self._rendered = asyncio.Event()
        self._woken = asyncio.Event()
        self._resting = False
        self._took_seconds = 0.0
        self._readers = Readers()
        self._failing = False
        self.current = Exposition((), b"", 0, 0)

    def changed(self) -> None:
        """Let the next rendering begin as soon as it may."""
        self._changes.set()

    async def fresh(self) -> None:
        """Return when what is served is fresh; after `FIRST_SECONDS` in any case."""
        if self._resting:
            self._rendered.clear()
            self._woken.set()
        if not self._rendered.is_set():
            try:
                async with asyncio.timeout(FIRST_SECONDS):
                    await self._rendered.wait()
            except TimeoutError:
                pass

    async def run(self) -> NoReturn:
        """Render for ever."""
        whole_at = self._clock.monotonic()
        while True:
            self._changes.clear()
            started = self._clock.monotonic()
            whole = started >= whole_at
            if whole:
                whole_at = started + WHOLE_SECONDS
            await self._try(whole=whole)
            if whole:
                self._took_seconds = self._clock.monotonic() - started
            await self._clock.sleep(max(0.0, TICK_SECONDS - (self._clock.monotonic() - started)))
            await self._wait_for_change(whole_at - self._clock.monotonic())
            await self._rest()

    async def tick(self, *, whole: bool = True) -> None:
        """Render once, all or what changes with pods and prices, and swap what is served."""
        render = self._rendering.render if whole else self._rendering.render_pods
        keyed = await render(self.current)
        large = self.current.size_bytes > INLINE_TOTAL_BYTES or self._deflated.stale_bytes(keyed) > INLINE_BYTES
        if large:
            self.current = await asyncio.to_thread(self._deflated.assemble, keyed)
        else:
            self.current = self._deflated.assemble(keyed)
        self._rendered.set()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a scrape."""
        self._readers.ask(self._clock.monotonic())
        await self.fresh()
        if not self.current.pieces:
            return web.Response(status=503, text="nothing has been rendered yet\n")
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding", "Cache-Control": "no-store"}
        served = self.current
        if accepts_gzip(",".join(request.headers.getall("Accept-Encoding", ()))):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=served.gzip, headers=headers)
        return web.Response(body=served.identity(), headers=headers)

    async def _try(self, *, whole: bool = True) -> None:
        try:
            await self.tick(whole=whole)
        except Exception as error:  # noqa: BLE001 - the loop's edge: what was served stays
            self._counters.add("kube_cost_errors_total", component="aggregator", error_type="exposition")
            if not self._failing:
                self._log.error("metrics can't be rendered; the last ones are served on", exc_info=error)
            self._failing = True
        else:
            if self._failing:
                self._log.info("metrics are rendered again")
            self._failing = False
        self._rendered.set()

    async def _rest(self) -> None:
        """Wait until a scrape is expected, or somebody asks."""
        lead = LEAD_SECONDS + 2 * self._took_seconds
        seconds = min(self._readers.expected_in(self._clock.monotonic(), lead=lead), RESTING_SECONDS)
        if seconds <= 0:
            return
        self._resting = True
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._resting = False
        self._rendered.clear()

    async def _wait_for_change(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changes.wait()
        except TimeoutError:
            pass


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header wants gzip (RFC 9110 §12.5.3): named, or by `*`, and not with q=0."""
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((value for name, _, value in (p.partition("=") for p in parameters) if name.strip() == "q"), "1")
        try:
            weights[coding] = float(weight)
        except ValueError:
            weights[coding] = 0.0
    for coding in ("gzip", "x-gzip", "*"):
        if coding in weights:
            return weights[coding] > 0
    return False
