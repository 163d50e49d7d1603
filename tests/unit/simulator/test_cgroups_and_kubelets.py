import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kube_cost_simulator.cgroups import CgroupWriter, pod_slice
from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.kubelets import Kubelet, Summary

SECOND_NS = 1_000_000_000


@pytest.fixture
def writer(demo: SimulatedCluster) -> Iterator[CgroupWriter]:
    """A writer into memory where there is a file system for that: a tree has 370 files."""
    in_memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as directory:
        yield CgroupWriter(directory=Path(directory), cluster=demo)


def after(cluster: SimulatedCluster, seconds: float) -> None:
    cluster.advance_to(cluster.history.started_ns + round(seconds * SECOND_NS))


def usage_usec(cgroup: Path) -> int:
    found = re.search(r"^usage_usec (\d+)$", (cgroup / "cpu.stat").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def current(cgroup: Path) -> int:
    return int((cgroup / "memory.current").read_text())


def inactive_file(cgroup: Path) -> int:
    found = re.search(r"^inactive_file (\d+)$", (cgroup / "memory.stat").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def written(cgroup: Path) -> int:
    found = re.search(r"wbytes=(\d+)", (cgroup / "io.stat").read_text())
    assert found
    return int(found[1])


def pod_slices(root: Path) -> list[Path]:
    return sorted(path for path in (root / "kubepods.slice").rglob("*.slice") if "-pod" in path.name)


def test_parents_are_the_sum_of_their_pods_before_any_has_ended(demo: SimulatedCluster, writer: CgroupWriter) -> None:
    """While no pod has ended, kubepods is the sum over the pods of a node, in CPU, memory and I/O."""
    after(demo, 6)
    writer.write(demo.now_ns)
    assert all(pod.ended_ns is None for pod in demo.history.pods)
    for node in demo.nodes:
        root = writer.root(node)
        for read in (usage_usec, current, inactive_file, written):
            assert read(root / "kubepods.slice") == sum(map(read, pod_slices(root))) > 0


def test_what_ended_pods_used_stays_in_their_parents(demo: SimulatedCluster, writer: CgroupWriter) -> None:
    """After two minutes of churn kubepods has more CPU than its pods, by what the ended ones used; memory has not."""
    after(demo, 120)
    writer.write(demo.now_ns)
    ended_somewhere = 0
    for node in demo.nodes:
        root = writer.root(node)
        uid = demo.history.node(node).uid
        ended = [pod.usage for pod in demo.history.pods if pod.node_uid == uid and pod.ended_ns and pod.usage]
        microseconds = sum(usage.totals(demo.now_ns).cpu_millicore_ns // 1_000_000 for usage in ended)
        ended_somewhere += len(ended)
        slices = pod_slices(root)
        assert usage_usec(root / "kubepods.slice") == sum(map(usage_usec, slices)) + microseconds
        assert current(root / "kubepods.slice") == sum(map(current, slices))
    assert ended_somewhere > 5


def test_classes_and_node_add_up(demo: SimulatedCluster, writer: CgroupWriter) -> None:
    """The two class slices and the guaranteed pods are kubepods; the root has them and system.slice."""
    after(demo, 90)
    writer.write(demo.now_ns)
    for node in demo.nodes:
        root = writer.root(node)
        kubepods = root / "kubepods.slice"
        classes = [kubepods / "kubepods-burstable.slice", kubepods / "kubepods-besteffort.slice"]
        guaranteed = [path for path in pod_slices(root) if path.parent == kubepods]
        assert usage_usec(kubepods) == sum(map(usage_usec, [*classes, *guaranteed]))
        assert usage_usec(root / "system.slice") == 90 * 90 * 1000
        assert usage_usec(root) == usage_usec(kubepods) + usage_usec(root / "system.slice")
        assert "memory" in (root / "cgroup.controllers").read_text().split()


def test_counters_never_fall(demo: SimulatedCluster, writer: CgroupWriter) -> None:
    """Through churn, CPU and written bytes of the parents only go up, and memory of the pods stays above 0."""
    before: dict[Path, tuple[int, int]] = {}
    for second in range(0, 90, 6):
        after(demo, second)
        writer.write(demo.now_ns)
        for node in demo.nodes:
            path = writer.root(node) / "kubepods.slice"
            now = (usage_usec(path), written(path))
            assert now >= before.get(path, (0, 0))
            assert now[1] >= before.get(path, (0, 0))[1]
            before[path] = now


def test_a_running_pod_has_its_cgroup_when_its_start_is_heard_of_and_none_after_its_end(
    demo: SimulatedCluster, writer: CgroupWriter
) -> None:
    """Following the cluster, the directories are those of the running pods after every advance."""
    writer.write(demo.now_ns)
    writer.follow()
    for step in range(1, 50):
        after(demo, step * 0.7)
        for node, pods in demo.pods.by_node.items():
            root = writer.root(node)
            assert {root / pod_slice(pod) for pod in pods.values() if pod.running} == set(pod_slices(root))


def test_an_open_file_shows_the_figures_of_now_at_the_same_length(demo: SimulatedCluster, writer: CgroupWriter) -> None:
    """Agents keep files open: re-reading one gives new figures, in place and without a length that could be cut."""
    after(demo, 30)
    writer.write(demo.now_ns)
    path = pod_slices(writer.root(next(iter(demo.nodes))))[0] / "cpu.stat"
    with path.open() as opened:
        before = opened.read()
        after(demo, 31)
        writer.write(demo.now_ns)
        opened.seek(0)
        now = opened.read()
    assert now == path.read_text() != before
    assert len(now) == len(before)


def test_containers_have_scopes_that_add_up_to_no_more_than_the_pod(
    demo: SimulatedCluster, writer: CgroupWriter
) -> None:
    """A pod with a sidecar has two scopes, named by container id, and an init container that ended has none."""
    after(demo, 30)
    writer.write(demo.now_ns)
    pod = next(
        pod for pod in demo.pods.pods.values() if pod.name.startswith("api-server") and len(pod.container_ids) == 3
    )
    assert pod.node is not None
    cgroup = writer.root(pod.node) / pod_slice(pod)
    scopes = sorted(cgroup.glob("cri-containerd-*.scope"))
    assert len(scopes) == 2
    assert 0 <= usage_usec(cgroup) - sum(map(usage_usec, scopes)) <= 2
    assert pod.uid.replace("-", "_") in cgroup.name


def test_the_summary_equals_the_tree(demo: SimulatedCluster, writer: CgroupWriter) -> None:
    """At one moment kubelet and cgroup files show the same CPU and memory of every pod and of the node."""
    after(demo, 75)
    writer.write(demo.now_ns)
    for node in demo.nodes:
        root = writer.root(node)
        summary = Summary(cluster=demo, node=node).at(demo.now_ns)
        paths = {re.sub(r".*-pod(.*)\.slice", r"\1", path.name): path for path in pod_slices(root)}
        assert len(summary["pods"]) == len(paths)
        for pod in summary["pods"]:
            path = paths[pod["podRef"]["uid"].replace("-", "_")]
            assert pod["cpu"]["usageCoreNanoSeconds"] == usage_usec(path) * 1000
            assert pod["memory"]["workingSetBytes"] == current(path) - inactive_file(path)
            assert pod["memory"]["usageBytes"] == current(path)
        assert summary["node"]["cpu"]["usageCoreNanoSeconds"] == usage_usec(root) * 1000


def test_pods_on_the_hosts_network_report_the_nodes_bytes(demo: SimulatedCluster) -> None:
    """Each of them has the node's counters, all others their own."""
    after(demo, 30)
    node = next(iter(demo.nodes))
    summary = Summary(cluster=demo, node=node).at(demo.now_ns)
    on_host = {pod.kubelet_uid for pod in demo.pods.pods.values() if pod.template.host_network}
    whole = summary["node"]["network"]["rxBytes"]
    for pod in summary["pods"]:
        assert (pod["network"]["rxBytes"] == whole) == (pod["podRef"]["uid"] in on_host)


def test_blocks_are_as_old_as_their_own_time_says(demo: SimulatedCluster) -> None:
    """With a lag, CPU and network of a pod were taken at different times, and never before it started."""
    after(demo, 100)
    node = next(iter(demo.nodes))
    pods = Summary(cluster=demo, node=node, lag_seconds=10).at(demo.now_ns)["pods"]
    assert any(pod["cpu"]["time"] != pod["network"]["time"] for pod in pods)
    assert all(pod["cpu"]["time"] >= pod["containers"][0]["startTime"] for pod in pods)


def keys(value: Any, path: str = "") -> set[str]:
    """The paths of a JSON document, list indices left out."""
    if isinstance(value, dict):
        return {each for name, inner in value.items() for each in {f"{path}.{name}", *keys(inner, f"{path}.{name}")}}
    if isinstance(value, list):
        return {each for inner in value for each in keys(inner, path)}
    return set()


def test_the_summary_has_no_field_that_a_real_one_has_not(demo: SimulatedCluster, recorded_data: Path) -> None:
    """Every field of the simulated summary, claims' pvcRef aside, is in the recording of a 1.35 kubelet."""
    after(demo, 60)
    recorded = json.loads((recorded_data / "agent/nri-1_35/kubelet-stats-summary.json").read_text())
    simulated = Summary(cluster=demo, node=next(iter(demo.nodes))).at(demo.now_ns)
    unknown = {path for path in keys(simulated) - keys(recorded) if ".pvcRef" not in path}
    assert unknown == set()


async def test_a_kubelet_asks_for_its_token(demo: SimulatedCluster) -> None:
    """Without it 401, with it the summary of its node."""
    node = next(iter(demo.nodes))
    kubelet = Kubelet(cluster=demo, node=node, tokens=["t"])
    url = await kubelet.start()
    async with aiohttp.ClientSession(url) as session:
        for path in ("/stats/summary", "/healthz"):
            async with session.get(path) as answer:
                assert answer.status == 401
        async with session.get("/stats/summary", headers={"Authorization": "Bearer t"}) as answer:
            assert (await answer.json())["node"]["nodeName"] == node
    await kubelet.stop()
