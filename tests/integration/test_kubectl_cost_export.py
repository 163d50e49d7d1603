"""`kubectl cost export`: what the aggregator exports, as it came, or no file."""

from pathlib import Path

import aiohttp
import pytest
import structlog
from aiohttp import web

from harness.cli import kubectl_cost
from harness.clock import TurnedClock
from harness.exported import PAYER, routes_of
from harness.two_hours import HOUR, batch
from kube_cost_aggregator.history.sqlite import open_store
from kube_cost_aggregator.outputs.exports.handlers import Exports
from kube_cost_common.runtime.http import serving


@pytest.mark.parametrize(("kind", "name"), [("focus", "focus"), ("openmetrics", "openmetrics"), ("csv", "costs.csv")])
async def test_a_file_is_what_the_aggregator_exports(tmp_path: Path, kind: str, name: str) -> None:
    """Byte by byte, to standard output and to a file."""
    store = open_store(tmp_path / "ledger.sqlite")
    try:
        await store.load(now_ns=(HOUR - 7200) * 10**9, month_start=0)
        await store.commit(batch())
        clock = TurnedClock(unix_seconds=HOUR + 10 * 3600)
        exports = Exports(rows=store.hours, payer=lambda: PAYER, cluster="c", clock=clock, log=structlog.get_logger())
        async with (
            serving(host="127.0.0.1", port=0, routes=routes_of(exports)) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            url = f"http://127.0.0.1:{port}"
            async with client.get(f"/api/v1/export/{name}", params={"window": "24h"}) as answer:
                assert answer.status == 200, await answer.text()
                expected = await answer.text()
            printed = await kubectl_cost("export", kind, "--url", url)
            written = await kubectl_cost("export", kind, "--url", url, "-f", str(tmp_path / "out"))
            refused = await kubectl_cost("export", kind, "--url", url, "--window", "never", "-f", str(tmp_path / "no"))
    finally:
        store.close()
    assert (printed.code, printed.errors) == (0, "")
    assert printed.out.splitlines() == expected.splitlines()
    assert (written.code, written.out, written.errors) == (0, "", "")
    assert (tmp_path / "out").read_bytes().decode() == expected
    assert (refused.code, refused.out) == (2, "")
    assert "--window" in refused.errors
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("promised", [True, False])
async def test_an_answer_that_breaks_off_leaves_no_file(tmp_path: Path, promised: bool) -> None:
    """Neither under its name nor another; what was there before stays; the exit code is 1."""

    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if promised:
            response.content_length = 1000
        await response.prepare(request)
        await response.write(b"a,b\r\n1,2\r\n")
        assert request.transport is not None
        request.transport.abort() if not promised else request.transport.close()
        return response

    target = tmp_path / "out.csv"
    target.write_text("before")
    routes = [web.get("/api/v1/export/focus", break_off)]
    async with serving(host="127.0.0.1", port=0, routes=routes, drain_seconds=0.1) as port:
        typed = await kubectl_cost("export", "focus", "--url", f"http://127.0.0.1:{port}", "-f", str(target))
    assert (typed.code, typed.out) == (1, "")
    assert "error: " in typed.errors
    assert target.read_text() == "before"
    assert not (tmp_path / ".out.csv.begun").exists()


async def test_a_step_is_of_tables(tmp_path: Path) -> None:
    """FOCUS has hours."""
    typed = await kubectl_cost("export", "focus", "--step", "day", "--url", "http://127.0.0.1:1")
    assert (typed.code, typed.out) == (2, "")
    assert "--step" in typed.errors
