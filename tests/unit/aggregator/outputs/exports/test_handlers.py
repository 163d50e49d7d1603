"""Exports over HTTP: what can be asked, what is refused, and how much is in memory meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import structlog

from harness.clock import TurnedClock
from harness.exported import PAYER, exporting, routes_of
from harness.ledger_days import FIRST, NOW, SECOND, fill, node
from kube_cost_aggregator.history.hours import HourRows, PodPage, PodSpan, VolumePage
from kube_cost_aggregator.history.sqlite import SqliteStore, open_store
from kube_cost_aggregator.history.store import Batch, Money, StoreError
from kube_cost_aggregator.outputs.exports.handlers import AT_ONCE, Exports
from kube_cost_common.runtime.http import serving

NAMES = ("focus", "openmetrics", "costs.csv")
PAGE = 500


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "ledger.sqlite")
    yield store
    store.close()


@asynccontextmanager
async def asking(store: SqliteStore, *, now: int = NOW) -> AsyncIterator[aiohttp.ClientSession]:
    await fill(store)
    async with exporting(store.hours, now_ns=now * 10**9) as client:
        yield client


class EndlessPods:
    """A ledger's hours with one node and as many pages of pods as are asked for; counts the rows that it gave."""

    def __init__(self, rows: HourRows, *, pages: int, fails_at: int | None = None) -> None:
        self._rows = rows
        self._pages = pages
        self._fails_at = fails_at
        self.given = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._rows, name)

    async def pods(self, *, hours: Sequence[int], first: int = 0) -> PodPage:
        if list(hours) != [FIRST]:
            return PodPage([], None)
        if first // PAGE == self._fails_at:
            raise StoreError("can't read the pods' hours: the disk is gone")
        money = Money(7, 3)
        rows = [
            PodSpan(
                number, f"uid-{number}", "shop", f"web-{number}", "Deployment", "web", "", 1, "n1", money, 60.0, 0.0
            )
            for number in range(first, first + PAGE)
        ]
        self.given += len(rows)
        more = first + PAGE
        return PodPage(rows, more if more < self._pages * PAGE else None)

    async def volume_parts(self, *, hour: int, first: int = 0) -> VolumePage:
        assert (hour, first) == (FIRST, 0)
        return VolumePage([], None)


class Noted:
    """A log that tells when something is logged."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.happened = asyncio.Event()

    def warning(self, event: str, **_facts: object) -> None:
        self.said.append(event)
        self.happened.set()


def exports_of(rows: object, log: object, *, read_seconds: float = 60.0) -> Exports:
    return Exports(
        rows=rows,  # type: ignore[arg-type]
        payer=lambda: PAYER,
        cluster="",
        clock=TurnedClock(unix_seconds=NOW),
        log=log,  # type: ignore[arg-type]
        read_seconds=read_seconds,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("query", "parameter", "words"),
    [
        ("window=fortnight", "window", "24h"),
        ("window=2027-01-09/2027-01-02", "window", "start isn't before"),
        ("namespace=a'%20OR%201=1--", "namespace", "no name or pattern"),
        ("window=7d&window=24h", "window", "more than once"),
        ("by=pod", "by", "unknown parameter"),
    ],
)
async def test_a_bad_request_names_its_parameter(
    store: SqliteStore, name: str, query: str, parameter: str, words: str
) -> None:
    """Problem details of RFC 9457, before anything is read."""
    async with asking(store) as client, client.get(f"/api/v1/export/{name}?{query}") as answer:
        assert (answer.status, answer.content_type) == (400, "application/problem+json")
        body = await answer.json(content_type="application/problem+json")
    assert body["parameter"] == parameter
    assert words in body["detail"]


async def test_a_step_is_a_day_or_an_hour(store: SqliteStore) -> None:
    """And of finance's table alone."""
    async with asking(store) as client:
        async with client.get("/api/v1/export/costs.csv?step=week") as answer:
            assert (answer.status, (await answer.json(content_type=None))["parameter"]) == (400, "step")
        async with client.get("/api/v1/export/focus?step=day") as answer:
            assert (answer.status, (await answer.json(content_type=None))["parameter"]) == (400, "step")


@pytest.mark.parametrize("name", NAMES)
async def test_a_ledger_that_cannot_be_read_is_503(store: SqliteStore, name: str) -> None:
    """And says so, as the header isn't sent yet."""
    async with asking(store) as client:
        store._reader.execute("PRAGMA query_only = OFF")
        store._reader.execute("DROP TABLE namespace_hours")
        async with client.get(f"/api/v1/export/{name}") as answer:
            assert (answer.status, answer.content_type) == (503, "application/problem+json")
            assert "can't read" in (await answer.json(content_type=None))["detail"]


async def test_a_file_is_named_by_what_is_in_it(store: SqliteStore) -> None:
    """Its hours, as far as there is anything of them, and its kind."""
    async with asking(store) as client, client.get("/api/v1/export/costs.csv?window=7d") as answer:
        assert answer.content_type == "text/csv"
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="kube-cost-costs-20270115T06Z-20270115T08Z.csv"'
        )


async def test_hours_that_will_still_change_are_left_out(store: SqliteStore) -> None:
    """Those that a node isn't settled to the end of, and the one that is running."""
    async with asking(store, now=NOW + 1800) as client:
        async with client.get("/api/v1/export/costs.csv?window=today&step=hour") as answer:
            both = await answer.text()
        await store.commit(Batch(nodes={"node-2": node(2, through=SECOND + 3599)}))
        async with client.get("/api/v1/export/costs.csv?window=today&step=hour") as answer:
            first = await answer.text()
    assert "2027-01-15T07:00:00Z,2027-01-15T08:00:00Z" in both
    assert "2027-01-15T07:00:00Z,2027-01-15T08:00:00Z" not in first
    assert "2027-01-15T06:00:00Z,2027-01-15T07:00:00Z" in first


async def test_no_more_rows_are_read_than_are_taken(store: SqliteStore) -> None:
    """But for what fits into the system's buffers of the connection, in an hour of 30,000 pods."""
    await fill(store)
    rows, pages = EndlessPods(store.hours, pages=60), 0
    taken = 0
    exports = exports_of(rows, structlog.get_logger())
    async with (
        serving(host="127.0.0.1", port=0, routes=routes_of(exports)) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", read_bufsize=2**14) as client,
        client.get(f"/api/v1/export/focus?window={hour_text(FIRST)}") as answer,
    ):
        async for chunk in answer.content.iter_chunked(2**20):
            taken += chunk.count(b"\n")
            pages = max(pages, (rows.given - taken) // PAGE)
    assert rows.given == 60 * PAGE
    assert pages < 30


async def test_who_does_not_read_is_cut_off_and_stops_the_reading(store: SqliteStore) -> None:
    """With what fits into the connection's buffers, and a page: not with the whole in memory."""
    await fill(store)
    rows, log = EndlessPods(store.hours, pages=1000), Noted()
    exports = exports_of(rows, log, read_seconds=0.3)
    async with serving(host="127.0.0.1", port=0, routes=routes_of(exports)) as port:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**14)
        writer.write(f"GET /api/v1/export/focus?window={hour_text(FIRST)} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        async with asyncio.timeout(60):
            await log.happened.wait()
        writer.close()
    assert log.said == ["an export is read too slowly, it is cut off"]
    assert rows.given < 100 * PAGE


async def test_what_cannot_be_read_to_the_end_is_cut_off(store: SqliteStore) -> None:
    """So that nobody takes a part of an export for all of it."""
    await fill(store)
    rows, log = EndlessPods(store.hours, pages=10, fails_at=3), Noted()
    async with (
        serving(host="127.0.0.1", port=0, routes=routes_of(exports_of(rows, log))) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        client.get(f"/api/v1/export/focus?window={hour_text(FIRST)}") as answer,
    ):
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
    assert log.said == ["an export can't be read on, it is cut off"]


async def test_more_than_a_few_at_once_are_refused(store: SqliteStore) -> None:
    """With when to come again; and one that ends makes room."""
    await fill(store)
    rows = EndlessPods(store.hours, pages=40)
    exports = exports_of(rows, structlog.get_logger())
    path = f"/api/v1/export/focus?window={hour_text(FIRST)}"
    async with (
        serving(host="127.0.0.1", port=0, routes=routes_of(exports)) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", read_bufsize=2**14) as client,
    ):
        going = [await client.get(path) for _ in range(AT_ONCE)]
        async with client.get(path) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
        for one in going:
            while await one.content.readany():
                pass
            one.close()
        async with client.get("/api/v1/export/openmetrics") as answer:
            assert answer.status == 200


def hour_text(hour: int) -> str:
    """A window of one hour."""
    return "2027-01-15T06:00:00Z/2027-01-15T07:00:00Z" if hour == FIRST else ""
