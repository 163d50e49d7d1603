from fractions import Fraction

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from kube_cost_simulator.building import asked, container, template
from kube_cost_simulator.clock import ManualClock
from kube_cost_simulator.cloud_nodes import with_gpus
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.costs.whole import whole_truth
from kube_cost_simulator.dcgm import DcgmExporter, DcgmMetrics
from kube_cost_simulator.gpus import gpus_of
from kube_cost_simulator.operations import Operations
from kube_cost_simulator.resources import NODES, PODS
from kube_cost_simulator.scenario import (
    GpuHardware,
    NamespaceFact,
    NodeFact,
    Resources,
    Scenario,
    TemplateFact,
    WorkloadFact,
)
from kube_cost_simulator.usage import Rates, steady

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
START_NS = 1_800_000_000 // 3600 * HOUR_NS

WHOLE = GpuHardware("NVIDIA A10G", 2, 23028)
SLICED = GpuHardware("Tesla T4", 1, 15360, replicas=4)
CUT = GpuHardware("NVIDIA A100-SXM4-40GB", 1, 40960, mig=("1g.5gb", "1g.5gb", "2g.10gb", "3g.20gb"))


def mig(profile: str, count: int = 1) -> Resources:
    return Resources(devices=((f"nvidia.com/mig-{profile}", count),))


@pytest.mark.parametrize(
    ("amount", "replicas", "gpus"),
    [
        (Resources(), "1", "0"),
        (Resources(gpus=2), "1", "2"),
        (Resources(gpus=1), "4", "1/4"),
        (mig("1g.5gb"), "1", "1/7"),
        (mig("3g.20gb", 2), "1", "6/7"),
        (mig("7g.40gb"), "1", "1"),
        (mig("1g.5gb") + mig("2g.10gb") + mig("1g.5gb"), "1", "4/7"),
        (mig("1g.5gb.me"), "4", "1/7"),
    ],
)
def test_slices_are_parts_of_a_gpu(amount: Resources, replicas: str, gpus: str) -> None:
    """A time slice by the node's label, a MIG instance by its sevenths."""
    assert gpus_of(amount, {"nvidia.com/gpu.replicas": replicas}) == Fraction(gpus)


def test_amounts_of_devices_add_up_and_fit() -> None:
    """By name: two of one kind don't fit in one of each."""
    both = mig("1g.5gb") + mig("2g.10gb")
    assert (both - mig("1g.5gb")) == mig("2g.10gb")
    assert both.larger(mig("1g.5gb", 3)) == mig("1g.5gb", 3) + mig("2g.10gb")
    assert mig("2g.10gb").fits_in(both)
    assert not mig("1g.5gb", 2).fits_in(both)


def on_gpu(name: str, gpus: Resources, permille: int) -> WorkloadFact:
    made = template(
        name, steady(Rates(100, 10**8, gpu_permille=permille)), container("cuda", "image", asked(100, 64) + gpus)
    )
    return WorkloadFact("Pod", "ml", name, TemplateFact(made.containers, made.usage, tolerates=("nvidia.com/gpu",)))


def lived(node: NodeFact, hardware: GpuHardware, *workloads: WorkloadFact, seconds: int = 60) -> SimulatedCluster:
    scenario = Scenario(
        name="gpus", nodes=(with_gpus(node, hardware),), namespaces=(NamespaceFact("ml"),), workloads=workloads
    )
    cluster = SimulatedCluster(scenario=scenario, seed=1, clock=ManualClock(start_ns=START_NS))
    cluster.start()
    cluster.advance_to(START_NS + seconds * SECOND_NS)
    return cluster


@pytest.mark.parametrize(
    ("hardware", "offered"),
    [
        (WHOLE, {"nvidia.com/gpu": "2"}),
        (SLICED, {"nvidia.com/gpu": "4"}),
        (CUT, {"nvidia.com/mig-1g.5gb": "2", "nvidia.com/mig-2g.10gb": "1", "nvidia.com/mig-3g.20gb": "1"}),
    ],
    ids=["whole", "sliced", "cut"],
)
def test_a_node_offers_what_its_gpus_are_cut_into(
    node: NodeFact, hardware: GpuHardware, offered: dict[str, str]
) -> None:
    """Capacity and allocatable as the device plugin has them, and the labels of GPU feature discovery."""
    stored = lived(node, hardware).store.get(NODES, "", "n1")
    assert stored is not None
    for part in ("capacity", "allocatable"):
        amounts = stored.content["status"][part]
        assert {name: units for name, units in amounts.items() if name.startswith("nvidia.com")} == offered
    labels = stored.content["metadata"]["labels"]
    assert labels["nvidia.com/gpu.count"] == str(hardware.count)
    assert labels["nvidia.com/gpu.replicas"] == str(hardware.replicas)


@pytest.mark.parametrize(
    ("hardware", "gpus", "part"),
    [(WHOLE, Resources(gpus=1), "1"), (SLICED, Resources(gpus=1), "1/4"), (CUT, mig("3g.20gb"), "3/7")],
    ids=["whole", "sliced", "cut"],
)
def test_a_pod_owes_its_part_of_a_gpu_at_its_unit_price(
    node: NodeFact, hardware: GpuHardware, gpus: Resources, part: str
) -> None:
    """However busy it keeps the GPU; the rest is idle."""
    cluster = lived(node, hardware, on_gpu("train", gpus, 10), seconds=3600)
    costs = whole_truth(cluster.history)
    (pod,) = cluster.history.pods
    weights = 4 * Fraction("0.031611") + 16 * Fraction("0.004237") + hardware.count * Fraction("0.95")
    usd_per_gpu = Fraction("0.192") * Fraction("0.95") / weights
    kinds = costs.by_namespace_and_kind()
    lasted = Fraction(cluster.now_ns - pod.bound_ns, HOUR_NS)
    assert kinds["ml", "gpu"] == Fraction(part) * usd_per_gpu * lasted
    assert kinds["__idle__", "gpu"] == hardware.count * usd_per_gpu - kinds["ml", "gpu"]


def test_a_fifth_pod_finds_no_slice(node: NodeFact) -> None:
    """Four of five run."""
    cluster = lived(node, SLICED, *(on_gpu(f"p{number}", Resources(gpus=1), 100) for number in range(5)))
    assert sorted(pod.running for pod in cluster.pods.pods.values()) == [False, True, True, True, True]


def test_a_clients_pod_can_ask_for_an_instance(node: NodeFact) -> None:
    """MIG instances in the limits of a container."""
    cluster = lived(node, CUT)
    spec = {
        "containers": [{"name": "cuda", "resources": {"limits": {"nvidia.com/mig-3g.20gb": "1"}}}],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }
    Operations(cluster=cluster).create(PODS, "ml", {"metadata": {"name": "one"}, "spec": spec})
    cluster.advance_to(cluster.now_ns + 5 * SECOND_NS)
    assert cluster.history.pods[0].requests[-1].containers[0].spec == mig("3g.20gb")


def series(text: str, family: str) -> list[Sample]:
    return [
        sample for found in text_string_to_metric_families(text) if found.name == family for sample in found.samples
    ]


def named(samples: list[Sample]) -> dict[tuple[str, str], float]:
    """Values by pod (empty where none is named) and GPU."""
    return {(sample.labels.get("pod", ""), sample.labels["gpu"]): sample.value for sample in samples}


def test_the_exporter_names_the_pod_on_each_gpu(node: NodeFact) -> None:
    """One of two GPUs is held: its lines name pod, namespace and container, those of the other name none."""
    text = DcgmMetrics(cluster=lived(node, WHOLE, on_gpu("train", Resources(gpus=1), 873)), node="n1").text()
    assert named(series(text, "DCGM_FI_PROF_GR_ENGINE_ACTIVE")) == {("train", "0"): 0.873, ("", "1"): 0}
    assert named(series(text, "DCGM_FI_DEV_GPU_UTIL")) == {("train", "0"): 87, ("", "1"): 0}
    held, free = series(text, "DCGM_FI_DEV_FB_USED")
    assert (held.labels["namespace"], held.labels["container"]) == ("ml", "cuda")
    assert "namespace" not in free.labels


def test_an_instance_has_its_own_lines(node: NodeFact) -> None:
    """Each with its profile and the parent's UUID, and without GPU_UTIL, which MIG doesn't have."""
    text = DcgmMetrics(cluster=lived(node, CUT, on_gpu("rank", mig("3g.20gb"), 500)), node="n1").text()
    active = series(text, "DCGM_FI_PROF_GR_ENGINE_ACTIVE")
    assert [(sample.labels["GPU_I_PROFILE"], sample.labels.get("pod", ""), sample.value) for sample in active] == [
        ("1g.5gb", "", 0),
        ("1g.5gb", "", 0),
        ("2g.10gb", "", 0),
        ("3g.20gb", "rank", 0.5),
    ]
    assert len({sample.labels["UUID"] for sample in active}) == 1
    assert len({sample.labels["GPU_I_ID"] for sample in active}) == 4
    assert not series(text, "DCGM_FI_DEV_GPU_UTIL")


def test_of_pods_that_share_a_gpu_one_is_named(node: NodeFact) -> None:
    """As the exporter does by itself; with virtual GPUs each is, with the figures of all together."""
    cluster = lived(node, SLICED, on_gpu("a", Resources(gpus=1), 200), on_gpu("b", Resources(gpus=1), 500))
    (one,) = series(DcgmMetrics(cluster=cluster, node="n1").text(), "DCGM_FI_PROF_GR_ENGINE_ACTIVE")
    assert one.labels["pod"] in {"a", "b"}
    text = DcgmMetrics(cluster=cluster, node="n1", virtual_gpus=True).text()
    both = series(text, "DCGM_FI_PROF_GR_ENGINE_ACTIVE")
    assert named(both) == {("a", "0"): 0.175, ("b", "0"): 0.175}
    assert {sample.labels["vgpu"] for sample in both} == {"0", "1"}


def test_a_pod_keeps_its_gpu_when_another_goes(node: NodeFact) -> None:
    """The one that stays isn't moved to the GPU that became free."""
    cluster = lived(node, WHOLE, on_gpu("a", Resources(gpus=1), 100), on_gpu("b", Resources(gpus=1), 100))
    metrics = DcgmMetrics(cluster=cluster, node="n1")
    before = dict(named(series(metrics.text(), "DCGM_FI_DEV_GPU_UTIL")).keys())
    Operations(cluster=cluster).delete(PODS, "ml", "a", 0)
    after = dict(named(series(metrics.text(), "DCGM_FI_DEV_GPU_UTIL")).keys())
    assert after == {"b": before["b"], "": before["a"]}


def test_a_node_without_gpus_has_no_exporter(small: SimulatedCluster) -> None:
    """Asking for its metrics is an error that says so."""
    with pytest.raises(ValueError, match="n1 has no GPUs"):
        DcgmMetrics(cluster=small, node="n1").text()


async def test_the_exporter_serves_prometheus_text(node: NodeFact) -> None:
    """Over HTTP, with the content type that Prometheus asks for."""
    cluster = lived(node, WHOLE, on_gpu("train", Resources(gpus=1), 500))
    exporter = DcgmExporter(cluster=cluster, node="n1")
    url = await exporter.start()
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    await exporter.stop()
    assert named(series(text, "DCGM_FI_DEV_GPU_UTIL"))["train", "0"] == 50


async def test_the_exporter_of_a_node_that_is_gone_says_so(node: NodeFact) -> None:
    """503 rather than a wrong answer."""
    cluster = lived(node, WHOLE)
    exporter = DcgmExporter(cluster=cluster, node="n1")
    url = await exporter.start()
    cluster.remove_node("n1")
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        assert answer.status == 503
    await exporter.stop()
