"""The endpoint, asked over a real connection."""

import asyncio
import gzip
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
import structlog
from aiohttp import web

from harness.costs import Shown, node_rate, pod_rate, rates_of, total_of
from harness.parts import Part, program
from kube_cost_aggregator.outputs.deflating import Exposition
from kube_cost_aggregator.outputs.exposition import CONTENT_TYPE, Metrics, accepts_gzip
from kube_cost_aggregator.outputs.rendering import Rendering
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.settlement import Usd
from kube_cost_common.runtime.health import Readiness
from kube_cost_common.runtime.http import serving

CURL = Part("curl", "apt-get install curl")


@asynccontextmanager
async def served(shown: Shown) -> AsyncIterator[str]:
    async with serving(host="127.0.0.1", port=0, routes=[web.get("/metrics", shown.metrics.handle)]) as port:
        yield f"http://127.0.0.1:{port}/metrics"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5, br", True),
        ("x-gzip", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("", False),
        ("identity", False),
        ("deflate, br", False),
        ("gzip;q=nonsense", False),
    ],
)
def test_gzip_goes_to_who_accepts_it(header: str, wanted: bool) -> None:
    """Accept-Encoding decides, q=0 refuses."""
    assert accepts_gzip(header) is wanted


async def test_both_bodies_have_the_exact_content_type() -> None:
    """Prometheus 3 refuses a scrape whose Content-Type it doesn't know."""
    shown = Shown(rates=rates_of(node_rate("n", pod_rate("p"))))
    await shown.metrics.tick()
    async with served(shown) as url, aiohttp.ClientSession(auto_decompress=False) as client:
        bodies = {}
        for encoding in ("gzip", "identity"):
            async with client.get(url, headers={"Accept-Encoding": encoding}) as answer:
                assert answer.headers["Content-Type"] == CONTENT_TYPE
                assert answer.headers.get("Content-Encoding", "identity") == encoding
                assert answer.headers["Vary"] == "Accept-Encoding"
                bodies[encoding] = await answer.read()
    assert gzip.decompress(bodies["gzip"]) == bodies["identity"]


async def test_curl_and_aiohttp_read_the_gzip_body() -> None:
    """Readers that aren't Python's gzip module take a member made of pieces too."""
    curl = program(CURL)
    shown = Shown(rates=rates_of(*(node_rate(f"n{i}", pod_rate(f"p{i}")) for i in range(50))))
    await shown.metrics.tick()
    expected = shown.metrics.current.identity()
    async with served(shown) as url, aiohttp.ClientSession() as client:
        async with client.get(url) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert await answer.read() == expected
        process = await asyncio.create_subprocess_exec(curl, "-sS", "--compressed", url, stdout=subprocess.PIPE)
        output, _ = await process.communicate()
    assert output == expected


async def test_before_any_data_there_is_health() -> None:
    """A scrape that comes before the first rendering waits for it, and says how the exporter is."""
    shown = Shown()
    async with served(shown) as url, aiohttp.ClientSession() as client, asyncio.TaskGroup() as tasks:
        rendering = tasks.create_task(shown.metrics.run())
        async with client.get(url) as answer:
            text = await answer.text()
        rendering.cancel()
    assert 'kube_cost_exporter_up{component="aggregator"} 1\n' in text
    assert 'kube_cost_exporter_up{component="agent"} 0\n' in text
    assert "process_resident_memory_bytes " in text


async def test_a_large_change_is_compressed_aside_and_is_right() -> None:
    """Above a few dozen KiB a thread does it; the bodies agree all the same."""
    pods = [pod_rate(f"pod-{number}-{number * 7919 % 10007}", 0.00001) for number in range(2000)]
    shown = Shown(rates=rates_of(node_rate("n", *pods)))
    await shown.metrics.tick()
    current = shown.metrics.current
    assert current.size_bytes > 100_000
    assert gzip.decompress(current.gzip) == current.identity()


async def test_a_scrape_that_nobody_expected_has_what_changed_before_it() -> None:
    """Nothing is rendered for nobody; who comes all the same waits for it, and two who come together wait once."""
    shown = Shown()
    async with asyncio.TaskGroup() as tasks:
        rendering = tasks.create_task(shown.metrics.run())
        await shown.metrics.fresh()
        first = await resting(shown.metrics)
        shown.rates = rates_of(node_rate("n", pod_rate("new")))
        shown.metrics.changed()
        await asyncio.sleep(0.05)
        assert shown.metrics.current is first
        async with asyncio.timeout(20), asyncio.TaskGroup() as scrapes:
            scrapes.create_task(shown.metrics.fresh())
            scrapes.create_task(shown.metrics.fresh())
        assert b'pod="new"' in shown.metrics.current.identity()
        rendering.cancel()


async def resting(metrics: Metrics) -> Exposition:
    """Wait until nobody is expected any more; returns what is served then."""
    async with asyncio.timeout(20):
        while not metrics._resting:
            metrics.changed()
            await asyncio.sleep(0.01)
    return metrics.current


async def test_a_fault_while_rendering_leaves_what_was_served() -> None:
    """A rate that is no number costs one rendering, is counted, and is over when the rates are good again."""
    shown = Shown(rates=rates_of(node_rate("n", pod_rate("good"))))
    await shown.metrics._try()
    before = shown.metrics.current
    bad = node_rate("n", pod_rate("bad")._replace(usd=Usd(float("nan"), 0.0, 0.0)))
    shown.rates = rates_of(bad)
    await shown.metrics._try()
    assert shown.metrics.current is before
    shown.rates = rates_of(node_rate("n", pod_rate("better", 0.02)))
    await shown.metrics._try()
    text = shown.metrics.current.identity().decode()
    assert 'kube_cost_pod_hourly_usd{namespace="shop",pod="better",node="n"} 0.02\n' in text
    assert 'kube_cost_errors_total{component="aggregator",error_type="exposition"} 1.0\n' in text
    assert 'kube_cost_namespace_hourly_usd{namespace="shop"} 0.02\n' in text


async def test_pods_are_shown_at_once_and_settled_money_with_the_next_whole_rendering() -> None:
    """Between whole renderings only rates change; before everything is listed all renderings are whole."""
    shown = Shown(rates=rates_of(node_rate("n", pod_rate("old"))), readiness=Readiness({"cluster": "not listed yet"}))
    shown.sources = replace(shown.sources, pod_rates=lambda: shown.rates)
    metrics = Metrics(
        rendering=Rendering(sources=shown.sources),
        clock=shown.clock,
        log=structlog.get_logger(),
        counters=shown.counters,
    )
    await metrics.tick(whole=False)
    assert b"kube_cost_agents_connected 0\n" in metrics.current.identity()
    shown.readiness.met("cluster")
    await metrics.tick()
    shown.rates = rates_of(node_rate("n", pod_rate("new", 0.02)))
    shown.totals = Totals(namespaces={"shop": total_of(5)})
    await metrics.tick(whole=False)
    text = metrics.current.identity().decode()
    assert 'pod="old"' not in text
    assert 'kube_cost_pod_hourly_usd{namespace="shop",pod="new",node="n"} 0.02\n' in text
    assert 'kube_cost_namespace_hourly_usd{namespace="shop"} 0.02\n' in text
    assert 'kube_cost_namespace_usd_total{namespace="shop"} 0\n' in text
    assert gzip.decompress(metrics.current.gzip).decode() == text
    await metrics.tick()
    assert 'kube_cost_namespace_usd_total{namespace="shop"} 0.000000005\n' in metrics.current.identity().decode()
