"""Exports as strangers ask for them, by the API's document."""

from pathlib import Path

import aiohttp
import structlog

from harness.api import small_world
from harness.clock import TurnedClock
from harness.commands import schemathesis
from harness.exported import PAYER
from harness.ledger_days import NOW, fill
from kube_cost_aggregator.history.sqlite import open_store
from kube_cost_aggregator.outputs.exports.handlers import Exports
from kube_cost_common.runtime.http import serving

SETTINGS = "\n".join(
    f'[[operations]]\ninclude-name = "GET /api/v1/export/{name}"\nchecks.positive_data_acceptance.enabled = false'
    for name in ("focus", "openmetrics", "costs.csv")
)
"""Not all that looks like a window is one: it may begin in the future, or be too long."""


async def test_exports_are_what_the_document_says(tmp_path: Path) -> None:
    """Whatever it allows is a file of the type that it names, whatever it doesn't is a 4xx, and nothing is a 5xx."""
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    world, store = small_world(), open_store(tmp_path / "ledger.sqlite")
    try:
        await fill(store)
        exports = Exports(
            rows=store.hours,
            payer=lambda: PAYER,
            cluster="",
            clock=TurnedClock(unix_seconds=NOW),
            log=structlog.get_logger(),
        )
        world.others = exports.endpoints()
        async with (
            serving(host="127.0.0.1", port=0, routes=world.routes()) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            async with client.head("/api/v1/export/focus?window=today") as answer:
                assert (answer.status, answer.content_type) == (200, "text/csv")
            code, output = await schemathesis(
                f"http://127.0.0.1:{port}/api/v1/openapi.json",
                "--seed=1",
                "--max-examples=15",
                "--phases=examples,coverage,fuzzing",
                "--continue-on-failure",
                "--include-path-regex=export",
                folder=tmp_path,
            )
        assert code == 0, output
        assert "3 selected" in output
    finally:
        store.close()
