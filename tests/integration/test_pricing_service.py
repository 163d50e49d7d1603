"""The pricing service as a process of its own, on a real bus."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
import structlog

from harness.nats import NatsServer, background, eventually, running_bus, running_nats
from kube_cost_common.messages.codec import RecordDecoder, encode
from kube_cost_common.messages.names import STATUS_SUBJECTS, demand_key
from kube_cost_common.messages.prices import (
    INSTANCE,
    LABELS_KEY,
    ON_DEMAND,
    SPOT,
    VOLUME,
    PriceDemand,
    PriceRecord,
    PriceRequest,
    Shape,
    WantedLabels,
)
from kube_cost_common.messages.status import STATUS_INTERVAL_SECONDS, StatusReport
from kube_cost_common.messages.streams import BUCKETS, DEMAND, PRICES
from kube_cost_common.runtime.bus import Bus
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.declarations import declare
from kube_cost_common.runtime.kv import KvBucket
from kube_cost_common.runtime.kv_mirror import KvMirror
from kube_cost_pricing.demand import asked
from kube_cost_simulator.clouds.azure import AzureCloud
from kube_cost_simulator.clouds.azure_list import AzurePriceList

SPOT_PRICE = "nodes:\n- {instance_type: c5.2xlarge, zone: us-east-1a, capacity: spot, usd_per_hour: %s}\n"
DEADLINE_SECONDS = 15.0


def node(sku: str = "c5.2xlarge", *, capacity: str = ON_DEMAND, **labels: str) -> PriceRequest:
    return PriceRequest(
        provider="aws",
        region="us-east-1",
        zone="us-east-1a" if capacity == SPOT else "",
        kind=INSTANCE,
        sku=sku,
        os="linux",
        capacity=capacity,
        shape=Shape(vcpu=8, memory_gib=15.4),
        labels=labels,
    )


VOLUME_GP3 = PriceRequest(provider="aws", region="us-east-1", zone="", kind=VOLUME, sku="gp3", os="", capacity="")


class Pricing:
    """One process of the service, without price APIs unless `environ` names some."""

    def __init__(self, folder: Path, url: str, **environ: str) -> None:
        self.custom = folder / "prices.yaml"
        self._log = folder / "pricing.log"
        self._url = url
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environ = {
            **os.environ,
            "KUBE_COST_NATS_URL": self._url,
            "KUBE_COST_LISTEN_HOST": "127.0.0.1",
            "KUBE_COST_LISTEN_PORT": "0",
            "KUBE_COST_CUSTOM_PRICES_FILE": str(self.custom),
            "KUBE_COST_CUSTOM_PRICES_CHECK_SECONDS": "0.1",
            "KUBE_COST_PRICE_APIS": "none",
            "KUBE_COST_LOG_FORMAT": "json",
            **self._environ,
        }
        program = Path(sys.executable).with_name("kube-cost-pricing")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([str(program)], env=environ, stdout=log, stderr=log)

    async def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = await asyncio.to_thread(self._process.wait, 12.0)
        self._process = None
        return code

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def said(self, event: str) -> int:
        """Return how often it has logged that."""
        return sum(line["event"] == event for line in self.log())

    async def readyz(self) -> tuple[int, str]:
        (port,) = {line["port"] for line in self.log() if line["event"] == "listening"}
        async with (
            asyncio.timeout(5.0),
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            return answer.status, await answer.text()


class Mesh:
    """A bus with its buckets, and what a test reads and writes there."""

    def __init__(self, bus: Bus, server: NatsServer) -> None:
        self.bus = bus
        self.server = server
        self.prices = KvBucket(bus=bus, name=PRICES.name)
        self._demand = KvBucket(bus=bus, name=DEMAND.name)
        self._price = RecordDecoder(PriceRecord)

    async def ask(self, *requests: PriceRequest, cluster: str = "demo") -> None:
        await self._demand.put(demand_key(cluster), encode(PriceDemand(cluster=cluster, requests=list(requests))))

    async def price(self, key: str) -> PriceRecord | None:
        entry = await self.prices.get(key)
        return None if entry is None or entry.payload is None else self._price.decode(entry.payload)

    async def wanted_labels(self) -> list[str] | None:
        entry = await self.prices.get(LABELS_KEY)
        decoder = RecordDecoder(WantedLabels)
        return None if entry is None or entry.payload is None else decoder.decode(entry.payload).names

    async def price_when(self, request: PriceRequest, holds: Callable[[PriceRecord], bool]) -> PriceRecord:
        """Return the price under the plain key of `request` as soon as it is as expected."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                found = await self.price(asked(request).key)
                if found is not None and holds(found):
                    return found
                await asyncio.sleep(0.02)

    async def last_revision(self) -> int:
        info = await self.bus.api(f"STREAM.INFO.KV_{PRICES.name}")
        return int(info["state"]["last_seq"])

    async def values(self, key: str) -> list[float]:
        """Return all the prices that a key has had."""
        mirror = KvMirror(
            bus=self.bus, bucket=PRICES.name, clock=SystemClock(), log=structlog.get_logger(), on_change=lambda _: None
        )
        entries = (await mirror.history()).get(key, ())
        return [self._price.decode(entry.payload).usd for entry in entries if entry.payload is not None]


@asynccontextmanager
async def running_mesh(folder: Path) -> AsyncIterator[Mesh]:
    async with running_nats(folder) as server, running_bus(server.url) as bus:
        await declare(bus, streams=(), buckets=BUCKETS)
        yield Mesh(bus, server)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[list[Pricing]]:
    """The processes that a test starts; whatever is left of them at its end is killed."""
    processes: list[Pricing] = []
    yield processes
    for process in processes:
        process.kill()


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    """Return as soon as `holds` says so."""
    async with asyncio.timeout(4 * DEADLINE_SECONDS):
        while not await holds():  # noqa: ASYNC110 - a process's log, another's bus: no event tells
            await asyncio.sleep(0.02)


async def ready(pricing: Pricing) -> None:
    async def is_ready() -> bool:
        return pricing.said("listening") > 0 and (await pricing.readyz())[0] == 200

    await until(is_ready)


def started(kept: list[Pricing], folder: Path, mesh: Mesh, custom: str, **environ: str) -> Pricing:
    pricing = Pricing(folder, mesh.server.url, **environ)
    pricing.custom.write_text(custom)
    kept.append(pricing)
    pricing.start()
    return pricing


async def test_what_is_asked_for_is_answered(
    tmp_path: Path, kept: list[Pricing], capsys: pytest.CaptureFixture[str]
) -> None:
    """Demand in, prices out: custom, listed, estimated and by default, each under its key and with its source."""
    async with running_mesh(tmp_path) as mesh:
        await mesh.ask(node(), node(capacity=SPOT), VOLUME_GP3)
        pricing = started(kept, tmp_path, mesh, SPOT_PRICE % 0.1387)
        await ready(pricing)

        listed = await mesh.price_when(node(), lambda price: price.usd == 0.34)
        spot = await mesh.price_when(node(capacity=SPOT), lambda price: price.usd == 0.1387)
        volume = await mesh.price_when(VOLUME_GP3, lambda price: price.usd == 0.08)
        assert [price.source for price in (listed, spot, volume)] == ["snapshot", "custom", "snapshot"]
        assert spot.shape == Shape(vcpu=8, memory_gib=16)

        clock = SystemClock()
        asked_at = clock.monotonic()
        await mesh.ask(node("m5.large", capacity=SPOT), node("z9.huge"), cluster="other")
        unlisted = await mesh.price_when(node("z9.huge"), lambda price: price.source == "estimate")
        took = clock.monotonic() - asked_at
        assert unlisted.usd == pytest.approx(8 * 0.031611 + 15.4 * 0.004237)
        assumed = await mesh.price_when(node("m5.large", capacity=SPOT), lambda price: price.usd == 0.096)
        assert assumed.note == "no spot price known"
        assert await pricing.stop() == 0
        with capsys.disabled():
            print(f"\na new demand was answered in {took * 1000:.0f} ms")


async def test_a_new_clusters_first_minute_has_prices(
    tmp_path: Path, kept: list[Pricing], capsys: pytest.CaptureFixture[str]
) -> None:
    """No API is asked in it, and the bucket is empty: the table answers, or what is near it, or the default rates."""
    known, spot, elsewhere, unheard_of = (
        PriceRequest("azure", region, zone, INSTANCE, sku, "linux", capacity, Shape(4.0, 16.0))
        for sku, region, zone, capacity in (
            ("Standard_D4s_v5", "eastus", "", ON_DEMAND),
            ("Standard_D4s_v5", "eastus", "eastus-1", SPOT),
            ("Standard_D4s_v5", "uksouth", "", ON_DEMAND),
            ("Standard_D4s_v99", "eastus", "", ON_DEMAND),
        )
    )
    cloud = AzureCloud(prices=AzurePriceList(on_demand={"eastus": {"Standard_D4s_v5": 0.5}}))
    await cloud.start()
    try:
        async with running_mesh(tmp_path) as mesh:
            await mesh.ask(known, spot, elsewhere, unheard_of)
            clock = SystemClock()
            began = clock.monotonic()
            environ = {"KUBE_COST_PRICE_APIS": "azure", "KUBE_COST_AZURE_ENDPOINT": cloud.url}
            pricing = started(kept, tmp_path, mesh, "nodes: []\n", **environ)
            answers = [await mesh.price_when(one, lambda _: True) for one in (known, spot, elsewhere, unheard_of)]
            took = clock.monotonic() - began
            await ready(pricing)
            assert cloud.misbehaviour.calls == []
        assert [price.source for price in answers] == ["snapshot", "estimate", "estimate", "estimate"]
        assert [price.usd for price in answers[:2]] == [0.192, 0.192]
        assert answers[3].usd == pytest.approx(4 * 0.031611 + 16 * 0.004237)
        with capsys.disabled():
            print(f"\nall prices of a new cluster were there {took:.1f} s after the start of the process")
    finally:
        await cloud.stop()


async def test_a_changed_file_is_one_new_price(
    tmp_path: Path, kept: list[Pricing], capsys: pytest.CaptureFixture[str]
) -> None:
    """The file moves a price: one new value, in force from that moment, the old one kept in the history."""
    request = node(capacity=SPOT)
    async with running_mesh(tmp_path) as mesh:
        await mesh.ask(request, node())
        pricing = started(kept, tmp_path, mesh, SPOT_PRICE % 0.1387)
        first = await mesh.price_when(request, lambda price: price.usd == 0.1387)

        clock = SystemClock()
        changed_at_ns = clock.now_ns()
        pricing.custom.write_text(SPOT_PRICE % 0.15)
        second = await mesh.price_when(request, lambda price: price.usd == 0.15)
        took = (clock.now_ns() - changed_at_ns) / 1e9
        assert first.effective_from_ns < changed_at_ns <= second.effective_from_ns <= clock.now_ns()
        assert second.fetched_at_ns <= second.effective_from_ns
        await asyncio.sleep(1.0)
        assert await mesh.values(asked(request).key) == [0.1387, 0.15]
        assert await mesh.values(asked(node()).key) == [0.34]
        with capsys.disabled():
            print(f"\na changed file was a new price after {took:.2f} s, read every 0.1 s")


async def test_a_restart_publishes_nothing_anew(tmp_path: Path, kept: list[Pricing]) -> None:
    """Prices outlive the process, and the next one finds nothing to say; it answers what is new."""
    async with running_mesh(tmp_path) as mesh:
        await mesh.ask(node(), node(capacity=SPOT), node("z9.huge"), node(pool="batch"), VOLUME_GP3)
        custom = SPOT_PRICE % 0.1387 + "- {node_labels: {pool: batch}, usd_per_hour: 0.05}\n"
        pricing = started(kept, tmp_path, mesh, custom)
        await ready(pricing)
        revision = await mesh.last_revision()
        assert revision == 6  # five prices and the wanted labels
        assert await pricing.stop() == 0

        pricing.start()
        await ready(pricing)
        await asyncio.sleep(1.0)
        assert await mesh.last_revision() == revision
        await mesh.ask(node("m5.large"))
        await mesh.price_when(node("m5.large"), lambda price: price.usd == 0.096)
        assert await mesh.last_revision() == revision + 1


async def test_a_malformed_file_keeps_the_last_good_one(tmp_path: Path, kept: list[Pricing]) -> None:
    """A fault changes no price, over a restart neither; it is said on /readyz and in the status, and mended in time."""
    request = node(capacity=SPOT)
    async with running_mesh(tmp_path) as mesh:
        await mesh.ask(request, node())
        pricing = started(kept, tmp_path, mesh, SPOT_PRICE % 0.1387)
        await mesh.price_when(request, lambda price: price.usd == 0.1387)
        await ready(pricing)
        revision = await mesh.last_revision()

        pricing.custom.write_text(SPOT_PRICE % "dear")
        await eventually(lambda: pricing.said("custom prices file refused"))
        assert await pricing.stop() == 0
        pricing.start()
        await ready(pricing)
        status, text = await pricing.readyz()
        assert status == 200
        assert f"problem: the custom prices file isn't in force: {pricing.custom}:2: nodes[0].usd_per_hour: " in text
        await mesh.ask(request, node(), node("m5.large"))
        await mesh.price_when(node("m5.large"), lambda price: price.usd == 0.096)  # the snapshot goes on
        assert await mesh.last_revision() == revision + 1
        assert pricing.said("custom prices file refused") == 1

        pricing.custom.write_text(SPOT_PRICE % 0.2)
        await mesh.price_when(request, lambda price: price.usd == 0.2)
        assert "problem" not in (await pricing.readyz())[1]


async def test_prices_by_node_label(tmp_path: Path, kept: list[Pricing]) -> None:
    """The labels that rules name are published, a labelled node's price has its own key, and both go with the rule."""
    request = node(pool="batch")
    bound = asked(request).labels_key
    assert bound is not None
    async with running_mesh(tmp_path) as mesh:
        await mesh.ask(request, node())
        pricing = started(kept, tmp_path, mesh, "nodes: [{node_labels: {pool: batch}, usd_per_hour: 0.05}]")
        await ready(pricing)
        price = await mesh.price(bound)
        assert price is not None
        assert (price.usd, price.source, price.labels_hash in bound) == (0.05, "custom", True)
        assert price.list_usd == 0.34
        assert (await mesh.price_when(node(), lambda _: True)).usd == 0.34
        assert await mesh.wanted_labels() == ["pool"]

        pricing.custom.write_text("nodes: []\n")

        async def gone() -> bool:
            return await mesh.price(bound) is None and await mesh.wanted_labels() == []

        await until(gone)
        assert await mesh.values(bound) == [0.05]  # what isn't settled yet still finds it


async def test_a_withdrawn_price_gives_way_to_the_list(tmp_path: Path, kept: list[Pricing]) -> None:
    """Without the user's price the next best counts, from then on."""
    async with running_mesh(tmp_path) as mesh:
        await mesh.ask(node())
        pricing = started(kept, tmp_path, mesh, "nodes: [{instance_type: c5.2xlarge, usd_per_hour: 0.3}]")
        await mesh.price_when(node(), lambda price: price.usd == 0.3)
        pricing.custom.write_text("volumes: []\n")
        await mesh.price_when(node(), lambda price: (price.usd, price.source) == (0.34, "snapshot"))
        assert await mesh.values(asked(node()).key) == [0.3, 0.34]


async def test_the_bus_may_go_and_come(tmp_path: Path, kept: list[Pricing]) -> None:
    """After a crash of the bus what is asked for next is answered, and nothing is said twice."""
    async with running_mesh(tmp_path) as mesh:
        await mesh.ask(node())
        pricing = started(kept, tmp_path, mesh, SPOT_PRICE % 0.1387)
        await ready(pricing)
        revision = await mesh.last_revision()
        await mesh.server.restart()
        await eventually(lambda: mesh.bus.connected)
        await mesh.ask(node(), node("m5.large"))
        await mesh.price_when(node("m5.large"), lambda price: price.usd == 0.096)
        assert await mesh.last_revision() == revision + 1
        assert (await pricing.readyz())[0] == 200


async def test_its_status_says_what_is_wrong(tmp_path: Path, kept: list[Pricing]) -> None:
    """Counters, ages and problems travel in the status report."""
    async with running_mesh(tmp_path) as mesh:
        await mesh.ask(node(), msgspec.structs.replace(VOLUME_GP3, sku="unheard-of"))
        reports: list[StatusReport] = []

        async def listen() -> None:
            decoder = RecordDecoder(StatusReport)
            async for _, payload in mesh.bus.subscribe(STATUS_SUBJECTS):
                reports.append(decoder.decode(payload))

        async with background(listen()):
            await asyncio.sleep(0.2)
            started(kept, tmp_path, mesh, "nodes: {}\n")
            await eventually(lambda: reports and reports[-1].ready, seconds=3 * STATUS_INTERVAL_SECONDS)
        report = reports[-1]
        assert report.component == "pricing"
        assert any("unheard-of" in problem for problem in report.problems)
        assert any("prices.yaml:1: nodes: expected a list, found fields" in problem for problem in report.problems)
        counted = {(one.name, one.labels.get("error_type")): one.value for one in report.counters}
        assert counted["kube_cost_errors_total", "config"] == 1
        gauges = {(one.name, one.labels.get("kind")): one.value for one in report.gauges}
        assert gauges["kube_cost_price_age_seconds", "instance"] > 0
        assert gauges["kube_cost_provider_up", None] == 0
