"""The aggregator as a process of its own, beside a real nats-server, pricing, and a process that plays the rest."""

import gzip
import http.client
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kube_cost_common.runtime.clock import SystemClock
from kube_cost_demo.mesh import Mesh, Pace, free_port
from kube_cost_demo.processes import Process, Processes
from perf.measuring import GZIP, Body, Client, Figure, ProcessMeter, busy_share, machine_cpu, metric, quantile

POLL_SECONDS = 0.02
START_DEADLINE_SECONDS = 240.0
SCRAPE_SECONDS = 30.0
SCRAPES_PER_SECOND = 10
QUERIES = 20

_POD = re.compile(rb'^kube_cost_pod_hourly_usd\{namespace="[^"]*",pod="([^"]*)"', re.MULTILINE)
_FIRST_COST = b"\nkube_cost_pod_hourly_usd{"


@dataclass(frozen=True, kw_only=True)
class Goals:
    """What must hold, as test-bed's anchors say; empty where nothing is asked."""

    steady: str = ""
    peak: str = ""
    cpu: str = ""
    scrape: str = ""
    scrape_cpu: str = ""
    visible: str = ""
    costs: str = ""
    start: str = ""


@dataclass(frozen=True, kw_only=True)
class Load:
    """A size of cluster and how long each phase takes, in seconds."""

    nodes: int
    pods: int
    goals: Goals
    replaced_share_a_minute: float = 0.02
    interval: float = 60.0
    settle: float = 65.0
    quiet: float = 90.0
    scrapes: float = 40.0
    visible: float = 20.0

    @property
    def title(self) -> str:
        return f"{self.pods:,} pods on {self.nodes:,} nodes"


SMALL = Load(
    nodes=20,
    pods=1_000,
    quiet=60.0,
    scrapes=20.0,
    visible=70.0,
    goals=Goals(steady="≤ 100", cpu="≤ 0.2", scrape="≤ 2 / 5", scrape_cpu="≤ 0.005", visible="≤ 1 / 1", start="≤ 3"),
)
MIDDLE = Load(
    nodes=200,
    pods=10_000,
    goals=Goals(
        steady="≤ 150",
        peak="≤ 170",
        cpu="≤ 0.8",
        scrape="≤ 2 / 5",
        scrape_cpu="≤ 0.005",
        visible="≤ 1 / 1",
        costs="≤ 20 / 100",
        start="≤ 3",
    ),
)
LARGE = Load(
    nodes=2_000,
    pods=100_000,
    quiet=45.0,
    scrapes=20.0,
    visible=10.0,
    goals=Goals(steady="≤ 668 (700 MB)", peak="≤ 668 (700 MB)", cpu="≤ 60 (1 core)", scrape="p99 ≤ 50"),
)


class Trial:
    """One aggregator under one load."""

    def __init__(self, *, load: Load, folder: Path, processes: Processes) -> None:
        self._load = load
        self._folder = folder
        self._processes = processes
        self._clock = SystemClock()
        pace = Pace(interval_seconds=load.interval)
        self._mesh = Mesh(processes=processes, folder=folder, port=free_port(), pace=pace)
        self._events = folder / "events.txt"
        self._rss: list[float] = []
        self._next_scrape = float("-inf")
        self.aggregator: Process

    @property
    def meter(self) -> ProcessMeter:
        return ProcessMeter(self.aggregator.pid)

    def run(self) -> Iterator[Figure]:
        """Go through the phases; yields figures as they are known."""
        load, goals = self._load, self._load.goals
        self._mesh.start_bus()
        self._start_world()
        first = self._start()
        again = self._start()
        yield Figure(
            name="start to first cost on /metrics, s: first ever, with a ledger and prices",
            value=f"{first:.1f} / {again:.1f}",
            goal=goals.start,
        )
        with self._client() as client:
            self._pause(load.settle, client)
            busy = machine_cpu()
            yield from self._quiet(client)
            yield from self._scrapes(client)
            if load.visible:
                yield from self._visible(client)
            yield from self._costs(client)
            steady = quantile(self._rss, 0.5)
            yield Figure(name="memory (RSS) steady, MiB", value=f"{steady:.0f}", goal=goals.steady)
            yield Figure(name="memory (RSS) peak, MiB", value=f"{self.meter.peak_mib():.0f}", goal=goals.peak)
            yield from self._own_words(client)
            yield Figure(name="how busy the machine was meanwhile", value=f"{busy_share(busy, machine_cpu()):.0%}")

    def _start_world(self) -> None:
        load = self._load
        command = [sys.executable, "-m", "perf.world", "--nodes", str(load.nodes), "--pods", str(load.pods)]
        command += ["--per-minute", str(load.pods * load.replaced_share_a_minute), "--interval", str(load.interval)]
        command += ["--nats", f"nats://127.0.0.1:{self._mesh.nats_port}", "--events", str(self._events)]
        command += ["--kubeconfig", str(self._kubeconfig)]
        tests = {"PYTHONPATH": str(Path(__file__).parents[1])}
        self._processes.start("world", command, tests, read_output=True).first_line()

    @property
    def _kubeconfig(self) -> Path:
        return self._folder / "kubeconfig"

    def _start(self) -> float:
        """Start the aggregator, anew if it runs, and return the seconds until /metrics has a pod's cost."""
        running = [process for process in self._processes.all if process.name == "aggregator"]
        for process in running:
            process.stop()
            self._processes.forget(process)
        started = self._clock.monotonic()
        self.aggregator = self._mesh.start_aggregator(str(self._kubeconfig))
        if not running:
            self._mesh.start_pricing()
        client = Client(self._mesh.port)
        while self._clock.monotonic() - started < START_DEADLINE_SECONDS:
            try:
                body = client.get("/metrics")
            except (OSError, http.client.HTTPException):
                pass
            else:
                if _FIRST_COST in body.content:
                    client.close()
                    return body.asked_at + body.seconds - started
            self._processes.pause(POLL_SECONDS)
        raise TimeoutError("no pod has a cost on /metrics")

    @contextmanager
    def _client(self) -> Iterator[Client]:
        client = Client(self._mesh.port)
        try:
            yield client
        finally:
            client.close()

    def _pause(self, seconds: float, client: Client) -> None:
        """Wait, with the two scrapes a minute that a Prometheus makes; memory is looked at each second.

        They come at the same two moments of every minute, as a Prometheus' do, in whichever phase that is.
        """
        until = self._clock.monotonic() + seconds
        if self._next_scrape < self._clock.monotonic() - SCRAPE_SECONDS:
            self._next_scrape = self._clock.monotonic()
        while (now := self._clock.monotonic()) < until:
            if now >= self._next_scrape:
                client.get("/metrics", GZIP)
                self._next_scrape += SCRAPE_SECONDS
            self._processes.pause(max(0.0, min(now + 1.0, until, self._next_scrape) - self._clock.monotonic()))
            self._rss.append(self.meter.rss_mib())

    def _quiet(self, client: Client) -> Iterator[Figure]:
        self._rss.clear()
        before, started = self.meter.cpu_seconds(), self._clock.monotonic()
        self._pause(self._load.quiet, client)
        used = (self.meter.cpu_seconds() - before) * 60 / (self._clock.monotonic() - started)
        self._cpu_a_second = used / 60
        yield Figure(name="CPU, s a minute, at two scrapes a minute", value=f"{used:.2f}", goal=self._load.goals.cpu)

    def _scrapes(self, client: Client) -> Iterator[Figure]:
        before, started = self.meter.cpu_seconds(), self._clock.monotonic()
        bodies = self._paced(client, self._load.scrapes, SCRAPES_PER_SECOND)
        passed = self._clock.monotonic() - started
        used = self.meter.cpu_seconds() - before - self._cpu_a_second * passed
        times = [body.seconds * 1000 for body in bodies]
        goals = self._load.goals
        yield Figure(
            name="gzip scrape at 10 a second, ms: p50 / p99 / longest",
            value=f"{quantile(times, 0.5):.1f} / {quantile(times, 0.99):.1f} / {max(times):.1f}",
            goal=goals.scrape,
        )
        each = f"{used / len(bodies):.4f}" if used > 0 else "less than the phases differ by"
        yield Figure(name="CPU, s a scrape", value=each, goal=goals.scrape_cpu)
        sizes = (len(gzip.decompress(bodies[-1].content)) / 1e6, len(bodies[-1].content) / 1e6)
        yield Figure(name="exposition, MB: plain / gzip", value=f"{sizes[0]:.2f} / {sizes[1]:.2f}")

    def _paced(self, client: Client, seconds: float, per_second: float) -> list[Body]:
        bodies: list[Body] = []
        started = self._clock.monotonic()
        for number in range(int(seconds * per_second)):
            pause = started + number / per_second - self._clock.monotonic()
            if pause > 0:
                self._processes.pause(pause)
            body = client.get("/metrics", GZIP)
            bodies.append(body if number == 0 or number % 10 == 0 else body._replace(content=b""))
        bodies[-1] = client.get("/metrics", GZIP)
        self._rss.append(self.meter.rss_mib())
        return bodies

    def _visible(self, client: Client) -> Iterator[Figure]:
        """From the API server's event to the first body that has a new pod, or lacks one that is gone."""
        from_at = self._clock.monotonic()
        seen: list[tuple[float, frozenset[str]]] = []
        until = from_at + self._load.visible
        while self._clock.monotonic() < until:
            body = client.get("/metrics", GZIP)
            names = frozenset(match.decode() for match in _POD.findall(gzip.decompress(body.content)))
            seen.append((body.asked_at + body.seconds, names))
            self._processes.pause(0.05)
        delays: dict[str, list[float]] = {"bound": [], "gone": []}
        for line in self._events.read_text().splitlines():
            what, name, text = line.split()
            at = float(text)
            if from_at <= at < until - 3.0:
                shown = next(
                    (when for when, names in seen if when > at and (name in names) == (what == "bound")), until
                )
                delays[what].append(shown - at)
        parts = [f"{quantile(those, 0.5):.2f} / {max(those):.2f}" for those in delays.values()]
        yield Figure(
            name="new pod visible, deleted pod gone, s: half of them / the last",
            value=f"{parts[0]}, {parts[1]} ({len(delays['bound'])} pods)",
            goal=self._load.goals.visible,
        )

    def _costs(self, client: Client) -> Iterator[Figure]:
        times = []
        for by in ("namespace", "pod"):
            taken = [client.get(f"/api/v1/costs?by={by}&window=30m") for _ in range(QUERIES)]
            assert json.loads(taken[-1].content)["costs"], f"no costs by {by}"
            times.append(f"{quantile([body.seconds * 1000 for body in taken], 0.5):.0f}")
        yield Figure(
            name="costs of 30 minutes by namespace / by pod, ms", value=" / ".join(times), goal=self._load.goals.costs
        )
        yield Figure(name=f"memory after {2 * QUERIES} such queries, MiB", value=f"{self.meter.rss_mib():.0f}")

    def _own_words(self, client: Client) -> Iterator[Figure]:
        text = client.metrics()
        quantiles = [
            metric(text, f'kube_cost_calculation_duration_seconds{{quantile="{share}"}}') * 1000
            for share in ("0.5", "0.9", "0.99")
        ]
        passes = metric(text, "kube_cost_calculation_duration_seconds_count")
        yield Figure(
            name="settlement pass, ms: p50 / p90 / p99 (passes)",
            value=f"{' / '.join(f'{each:.1f}' for each in quantiles)} ({passes:.0f})",
        )
        yield Figure(name="series", value=f"{metric(text, 'kube_cost_exposed_series'):,.0f}")


def measure(load: Load) -> Iterator[Figure]:
    """Run one load in a folder of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="kube-cost-perf-") as folder,
        Processes(logs=Path(folder) / "logs") as processes,
    ):
        yield from Trial(load=load, folder=Path(folder), processes=processes).run()
