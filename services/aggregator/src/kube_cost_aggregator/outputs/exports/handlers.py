"""`/api/v1/export/…`: windows of the ledger as files, made while they are read.

A piece is made when the one before is on its way, so an export holds a few thousand rows however long it is. Only
hours that are settled for good are in it: it can be asked again, and says the same.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from kube_cost_aggregator.history.hours import HourRows
from kube_cost_aggregator.history.store import StoreError
from kube_cost_aggregator.outputs import csv_text
from kube_cost_aggregator.outputs.answers.listing import meant
from kube_cost_aggregator.outputs.answers.openapi import Described
from kube_cost_aggregator.outputs.answers.sending import HEADERS
from kube_cost_aggregator.outputs.exports import finance, focus_columns
from kube_cost_aggregator.outputs.exports.focus import Row, focus_rows
from kube_cost_aggregator.outputs.exports.focus_columns import Payer
from kube_cost_aggregator.outputs.exports.openmetrics import openmetrics
from kube_cost_aggregator.outputs.parameter_kinds import Choice, NamePattern, Pattern, WindowText
from kube_cost_aggregator.outputs.parameters import Asked, Parameter, ParameterError, read_query
from kube_cost_aggregator.outputs.problems import bad_parameter, problem
from kube_cost_aggregator.outputs.windows import DAY, HOUR, Window
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.runtime.clock import Clock

READ_SECONDS = 120.0
"""How long a piece, some megabytes at most, may take to be read."""

EXPORT_SECONDS = 3600.0
"""How long a whole export may take: a month of 10,000 pods, 7 million rows, is made within it."""

AT_ONCE = 2
"""Exports that are made at the same time. Each has a few thousand rows in memory, and takes turns with scrapes."""

RETRY_SECONDS = 30

WINDOW = Parameter(
    name="window",
    kind=WindowText(),
    about="Of which time. Of the full hours that it touches those are exported that are settled.",
    default="24h",
    examples=("yesterday", "lastmonth", "2026-11-01/2026-11-08"),
)
NAMESPACE = Parameter(
    name="namespace",
    kind=NamePattern(),
    repeated=True,
    about="Only rows of these namespaces; * is any characters. Several are alternatives.",
    examples=("shop", "team-*", "__idle__"),
)
STEP = Parameter(
    name="step",
    kind=Choice(("day", "hour")),
    about="What a line is of.",
    default="day",
)

OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_STEPS: Mapping[str, int] = {"day": DAY, "hour": HOUR}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Pieces = AsyncGenerator[bytes, None]
Wanted = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Export:
    """A kind of export: how it is asked for, and its file's name and type."""

    described: Described
    file: str
    ending: str
    content_type: str


FOCUS = Export(
    described=Described(
        name="export/focus",
        summary="Settled hours as FOCUS 1.3, each charge split over pods, as CSV",
        parameters=(WINDOW, NAMESPACE),
        body=None,
        media_type="text/csv",
    ),
    file="focus",
    ending=".csv",
    content_type=csv_text.CONTENT_TYPE,
)
OPENMETRICS = Export(
    described=Described(
        name="export/openmetrics",
        summary="Settled hours as OpenMetrics text, for `promtool tsdb create-blocks-from openmetrics`",
        parameters=(WINDOW, NAMESPACE),
        body=None,
        media_type="application/openmetrics-text",
    ),
    file="metrics",
    ending=".txt",
    content_type=OPENMETRICS_TYPE,
)
COSTS = Export(
    described=Described(
        name="export/costs.csv",
        summary="Settled days or hours as a table for finance: a line for each pod, and for what is no pod's",
        parameters=(WINDOW, NAMESPACE, STEP),
        body=None,
        media_type="text/csv",
    ),
    file="costs",
    ending=".csv",
    content_type=csv_text.CONTENT_TYPE,
)


class Exports:
    """Answers exports. `payer` says what the ledger doesn't, as of now."""

    def __init__(
        self,
        *,
        rows: HourRows,
        payer: Callable[[], Payer],
        cluster: str,
        clock: Clock,
        log: FilteringBoundLogger,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._rows = rows
        self._payer = payer
        self._cluster = cluster
        self._clock = clock
        self._log = log
        self._read_seconds = read_seconds
        self._going = 0

    def endpoints(self) -> list[tuple[Described, Handler]]:
        """Return what can be asked, each with what answers it."""
        return [
            (FOCUS.described, self.focus),
            (OPENMETRICS.described, self.openmetrics),
            (COSTS.described, self.costs),
        ]

    async def focus(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /api/v1/export/focus`."""
        return await self._answer(request, FOCUS, self._focus)

    async def openmetrics(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /api/v1/export/openmetrics`."""
        return await self._answer(request, OPENMETRICS, self._openmetrics, by_pod=False)

    async def costs(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /api/v1/export/costs.csv`."""
        return await self._answer(request, COSTS, self._costs)

    async def _focus(self, _asked: Asked, window: Window, wanted: Wanted) -> Pieces:
        yield _lines([focus_columns.COLUMNS])
        payer = self._payer()
        for hour in range(window.start, window.end, HOUR):
            async for rows in focus_rows(self._rows, hour=hour, payer=payer, wanted=wanted):
                yield await asyncio.to_thread(_focus_lines, rows)

    async def _costs(self, asked: Asked, window: Window, wanted: Wanted) -> Pieces:
        yield _lines([finance.COLUMNS])
        for period in finance.periods(window, _STEPS[asked.one(STEP)]):
            async for rows in finance.finance_rows(self._rows, period=period, cluster=self._cluster, wanted=wanted):
                yield await asyncio.to_thread(_lines, rows)

    async def _openmetrics(self, asked: Asked, window: Window, wanted: Wanted) -> Pieces:
        whole = not asked.all(NAMESPACE)
        async for piece in openmetrics(self._rows, window=window, cluster=self._cluster, wanted=wanted, whole=whole):
            yield piece

    async def _answer(
        self,
        request: web.Request,
        export: Export,
        make: Callable[[Asked, Window, Wanted], Pieces],
        *,
        by_pod: bool = True,
    ) -> web.StreamResponse:
        try:
            asked = read_query(export.described.parameters, request.query.items(), self._clock.now_ns())
        except ParameterError as error:
            return bad_parameter(error.parameter, error.detail)
        if self._going >= AT_ONCE:
            refusal = problem(503, "Service Unavailable", f"{AT_ONCE} exports are being made; ask again when one ends")
            refusal.headers["Retry-After"] = str(RETRY_SECONDS)
            return refusal
        self._going += 1
        try:
            window = await self._there(asked.one(WINDOW), by_pod=by_pod)
            named = f"kube-cost-{export.file}-{_stamp(window.start)}-{_stamp(window.end)}{export.ending}"
            headers = {
                **HEADERS,
                "Content-Type": export.content_type,
                "Content-Disposition": f'attachment; filename="{named}"',
            }
            async with aclosing(make(asked, window, _wanted(asked.all(NAMESPACE)))) as pieces:
                first = await anext(pieces)
                if request.method == "HEAD":  # a stream's body would be sent with it
                    return web.Response(headers=headers)
                return await self._send(request, headers, first, pieces)
        except StoreError as error:
            self._log.warning("an export can't be read", export=export.file, error=str(error))
            return problem(503, "Service Unavailable", f"the ledger can't be read now: {error}")
        finally:
            self._going -= 1

    async def _there(self, window: Window, *, by_pod: bool) -> Window:
        """Return the hours of a window that are settled, and that are still kept, by pod or by namespace."""
        until = await self._rows.settled_until()
        now = self._clock.now_ns() // NS_PER_SECOND // HOUR * HOUR
        kept = await self._rows.kept_from()
        end = min(window.end, now if until is None else min(now, until))
        if kept is None:
            return Window(end, end)
        start = max(window.start, kept.pods if by_pod else kept.namespaces)
        return Window(min(start, end), end)

    async def _send(
        self, request: web.Request, headers: Mapping[str, str], first: bytes, pieces: Pieces
    ) -> web.StreamResponse:
        """Send pieces as they are made. What can't be ended is cut off, so that nobody takes a part for the whole."""
        response = web.StreamResponse(headers=headers)
        try:
            async with asyncio.timeout(EXPORT_SECONDS):
                await response.prepare(request)
                await self._write(response, first)
                async for piece in pieces:
                    if piece:
                        await self._write(response, piece)
                async with asyncio.timeout(self._read_seconds):
                    await response.write_eof()
        except TimeoutError:
            self._log.warning("an export is read too slowly, it is cut off", path=request.path)
            _cut_off(request)
        except ConnectionResetError:
            pass  # who asked has gone
        except StoreError as error:
            self._log.warning("an export can't be read on, it is cut off", path=request.path, error=str(error))
            _cut_off(request)
        return response

    async def _write(self, response: web.StreamResponse, piece: bytes) -> None:
        async with asyncio.timeout(self._read_seconds):
            await response.write(piece)


def _cut_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _lines(rows: Iterable[Sequence[csv_text.Cell]]) -> bytes:
    """Return lines of CSV; the first of them is to `csv_pieces` what a header is."""
    lines = iter(rows)
    first = next(lines, None)
    return b"" if first is None else b"".join(csv_text.csv_pieces(first, lines))  # type: ignore[arg-type]


def _focus_lines(rows: Iterable[Row]) -> bytes:
    return "".join(row.line() for row in rows).encode()


def _wanted(patterns: Sequence[Pattern]) -> Wanted:
    return lambda namespace: meant(patterns, namespace)


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y%m%dT%HZ")
