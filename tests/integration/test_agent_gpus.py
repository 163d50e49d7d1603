"""The agent's looks at GPUs: over the simulator's DCGM exporters, and over one that misbehaves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from fractions import Fraction

import aiohttp
import pytest
import structlog
from aiohttp import web
from structlog.testing import capture_logs

from harness.nats import free_port
from kube_cost_agent.dcgm import MAX_ANSWER_BYTES, Dcgm, DcgmError
from kube_cost_agent.gpu_rounds import GpuRounds
from kube_cost_agent.machine import UNKNOWN_MACHINE
from kube_cost_agent.session import CurrentSession
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters, Problems
from kube_cost_simulator.building import asked, container, template
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cloud_nodes import with_gpus
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.dcgm import DcgmExporter
from kube_cost_simulator.scenario import (
    GIB,
    GpuHardware,
    NamespaceFact,
    NodeFact,
    Resources,
    Scenario,
    Shape,
    TemplateFact,
    WorkloadFact,
)
from kube_cost_simulator.usage import Rates, steady

START_NS = 1_800_000_000_000_000_000

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]

NODE = NodeFact(
    name="n1",
    provider_id="aws:///us-east-1a/i-n1",
    labels={"topology.kubernetes.io/zone": "us-east-1a"},
    capacity_type="on_demand",
    shape=Shape(Fraction(4), Fraction(16)),
    capacity=Resources(4000, 15 * GIB),
    allocatable=Resources(3900, 14 * GIB),
    on_demand_usd_per_hour=Fraction("0.192"),
)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


def on_gpu(name: str, gpus: Resources, permille: int) -> WorkloadFact:
    made = template(
        name, steady(Rates(100, 10**8, gpu_permille=permille)), container("cuda", "image", asked(100, 64) + gpus)
    )
    return WorkloadFact("Pod", "ml", name, TemplateFact(made.containers, made.usage, tolerates=("nvidia.com/gpu",)))


def cluster_with(hardware: GpuHardware, *workloads: WorkloadFact) -> SimulatedCluster:
    scenario = Scenario(
        name="gpus", nodes=(with_gpus(NODE, hardware),), namespaces=(NamespaceFact("ml"),), workloads=workloads
    )
    cluster = SimulatedCluster(scenario=scenario, seed=1, clock=ManualClock(start_ns=START_NS))
    cluster.start()
    cluster.advance_to(START_NS + 60 * 10**9)
    return cluster


def mig(profile: str) -> Resources:
    return Resources(devices=((f"nvidia.com/mig-{profile}", 1),))


WHOLE = GpuHardware("NVIDIA A10G", 2, 23028)
SLICED = GpuHardware("Tesla T4", 1, 15360, replicas=4)
CUT = GpuHardware("NVIDIA A100-SXM4-40GB", 1, 40960, mig=("1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"))


@pytest.mark.parametrize(
    ("hardware", "pods", "virtual", "expected"),
    [
        (WHOLE, [("a", Resources(gpus=1), 873), ("b", Resources(gpus=1), 100)], False, {"a": 0.873, "b": 0.1}),
        (CUT, [("a", mig("3g.20gb"), 500), ("b", mig("1g.5gb"), 1000)], False, {"a": 3 / 14, "b": 1 / 7}),
        (SLICED, [("a", Resources(gpus=1), 200), ("b", Resources(gpus=1), 500)], True, {"a": 0.0875, "b": 0.0875}),
    ],
    ids=["whole", "cut", "sliced"],
)
async def test_gpus_of_a_node_are_read(
    session: aiohttp.ClientSession,
    hardware: GpuHardware,
    pods: list[tuple[str, Resources, int]],
    virtual: bool,
    expected: dict[str, float],
) -> None:
    """What the exporter says is each pod's, in whole GPUs."""
    cluster = cluster_with(hardware, *(on_gpu(*pod) for pod in pods))
    exporter = DcgmExporter(cluster=cluster, node="n1", virtual_gpus=virtual)
    url = await exporter.start()
    busy = await Dcgm(url=f"{url}/metrics", timeout_seconds=5, session=session).busy_gpus()
    await exporter.stop()
    assert busy == {("ml", name): pytest.approx(gpus) for name, gpus in expected.items()}


async def test_of_a_sliced_gpu_the_pod_that_is_named_has_all(session: aiohttp.ClientSession) -> None:
    """An exporter without virtual GPUs names one: nobody can say more, and nothing is lost."""
    cluster = cluster_with(SLICED, on_gpu("a", Resources(gpus=1), 200), on_gpu("b", Resources(gpus=1), 500))
    exporter = DcgmExporter(cluster=cluster, node="n1")
    url = await exporter.start()
    busy = await Dcgm(url=f"{url}/metrics", timeout_seconds=5, session=session).busy_gpus()
    await exporter.stop()
    assert list(busy.values()) == [pytest.approx(0.175)]


class _Exporter:
    """An exporter that does what it is told."""

    def __init__(self) -> None:
        self.respond: Respond = self.well
        self.url = ""

    @staticmethod
    async def well(_: web.Request) -> web.StreamResponse:
        return web.Response(text='DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="0",namespace="ml",pod="train"} 0.5\n')

    @staticmethod
    async def unwell(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    @staticmethod
    async def garbled(_: web.Request) -> web.StreamResponse:
        return web.Response(text="DCGM_FI_PROF_GR_ENGINE_ACTIVE{")

    @staticmethod
    async def binary(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"\xff\xfe")

    @staticmethod
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(MAX_ANSWER_BYTES // 2**20 + 2):
            await response.write(b"#" * 2**20)
        return response

    async def answer(self, request: web.Request) -> web.StreamResponse:
        return await self.respond(request)


@pytest.fixture
async def exporter() -> AsyncIterator[_Exporter]:
    made = _Exporter()
    application = web.Application()
    application.router.add_get("/metrics", made.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    made.url = f"http://127.0.0.1:{port}/metrics"
    yield made
    await runner.cleanup()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("unwell", "status"), ("garbled", "malformed"), ("binary", "malformed"), ("endless", "malformed")],
)
async def test_a_fault_has_its_reason(
    session: aiohttp.ClientSession, exporter: _Exporter, fault: str, reason: str
) -> None:
    """The text names the URL."""
    exporter.respond = getattr(exporter, fault)
    with pytest.raises(DcgmError, match=exporter.url) as raised:
        await Dcgm(url=exporter.url, timeout_seconds=20, session=session).busy_gpus()
    assert raised.value.reason == reason


async def test_an_exporter_that_is_not_there_is_away(session: aiohttp.ClientSession) -> None:
    """Nothing listens."""
    with pytest.raises(DcgmError) as raised:
        await Dcgm(url=f"http://127.0.0.1:{free_port()}/metrics", timeout_seconds=5, session=session).busy_gpus()
    assert raised.value.reason == "away"


async def test_a_fault_is_counted_each_time_and_said_once(session: aiohttp.ClientSession, exporter: _Exporter) -> None:
    """And so is the recovery; the rounds go on."""
    counters, problems = Counters(), Problems()
    with capture_logs() as logs:
        rounds = GpuRounds(
            dcgm=Dcgm(url=exporter.url, timeout_seconds=5, session=session),
            session=CurrentSession(clock=SystemClock(), cluster="c", node="n", boot_id="", machine=UNKNOWN_MACHINE),
            counters=counters,
            problems=problems,
            log=structlog.get_logger(),
        )
        exporter.respond = exporter.unwell
        await rounds.read()
        await rounds.read()
        said = problems.sentences()
        exporter.respond = exporter.well
        await rounds.read()
    (counted,) = counters.counts()
    assert (counted.labels, counted.value) == ({"component": "agent", "error_type": "config"}, 2)
    assert len(said) == 1
    assert not problems.sentences()
    assert [line["event"] for line in logs] == [
        "the DCGM exporter can't be read",
        "the DCGM exporter answers again",
    ]
