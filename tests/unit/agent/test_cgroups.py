"""Trees of ordinary files, as the kernel would show them."""

import json
import pathlib
import shutil
from typing import Any

import pytest

from kube_cost_agent.cgroup_layout import CgroupTreeNotFoundError
from kube_cost_agent.cgroups import CgroupReader
from kube_cost_agent.readings import CgroupReading, IoReading, NodeReading, Parts

_UID = "6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e"
_OTHER = "0d08203e-255a-11e9-8cd9-0007cb0b2cc8"
_SYSTEMD_UID = _UID.replace("-", "_")
_CONTAINER = "c" * 64


def _reader(root: pathlib.Path) -> CgroupReader:
    return CgroupReader(root=root, sysfs_root=root / "no-sysfs", max_open_files=100)


def _v2(folder: pathlib.Path, *, cpu_usec: int = 0, current: int = 0, inactive: int = 0, io: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.stat").write_text(f"usage_usec {cpu_usec}\nuser_usec 0\nsystem_usec 0\n")
    (folder / "memory.current").write_text(f"{current}\n")
    (folder / "memory.stat").write_text(f"anon 1\nfile 2\ninactive_file {inactive}\nactive_file 3\n")
    if io is not None:
        (folder / "io.stat").write_text(io)


def _v2_tree(root: pathlib.Path, *folders: str) -> None:
    _v2(root)
    (root / "cgroup.controllers").write_text("cpu io memory pids\n")
    for folder in folders:
        _v2(root / folder)


def _v1(
    root: pathlib.Path, path: str, *, cpu_ns: int = 0, usage: int = 0, inactive: int = 0, cpu: str = "cpuacct"
) -> None:
    for controller in (cpu, "memory", "blkio"):
        (root / controller / path).mkdir(parents=True, exist_ok=True)
    (root / cpu / path / "cpuacct.usage").write_text(f"{cpu_ns}\n")
    (root / "memory" / path / "memory.usage_in_bytes").write_text(f"{usage}\n")
    (root / "memory" / path / "memory.stat").write_text(f"inactive_file 0\ntotal_inactive_file {inactive}\n")


def _only(parts: Parts) -> CgroupReading:
    (reading,) = parts.values()
    return reading


@pytest.fixture
def recorded_values(recorded_data: pathlib.Path) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = json.loads(
        (recorded_data / "agent" / "nri-1_35" / "cgroup-values.json").read_text(encoding="utf-8")
    )
    return values


@pytest.fixture
def recorded_node(recorded_values: dict[str, dict[str, Any]], tmp_path: pathlib.Path) -> NodeReading:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory hugetlb pids rdma misc\n")
    for path, values in recorded_values.items():
        _v2(
            tmp_path / path.removeprefix("/"),
            cpu_usec=values["cpu_usage_usec"],
            current=values["memory_current"],
            inactive=values["inactive_file"],
        )
    return _reader(tmp_path).read(7)


def test_the_recorded_nodes_pods_equal_the_kubelets_summary(
    recorded_node: NodeReading, recorded_data: pathlib.Path
) -> None:
    """Working set and CPU of each of the 17 pods of a Kubernetes 1.35 node are what its kubelet said."""
    summary = json.loads(
        (recorded_data / "agent" / "nri-1_35" / "kubelet-stats-summary.json").read_text(encoding="utf-8")
    )
    said = {
        pod["podRef"]["uid"]: (pod["cpu"]["usageCoreNanoSeconds"], pod["memory"]["workingSetBytes"])
        for pod in summary["pods"]
    }
    read = {
        uid: (_only(parts).cpu_ns, _only(parts).working_set_bytes)
        for uid, parts in recorded_node.pods.items()
        if uid in said
    }
    assert len(said) == 17
    assert read == said
    assert sum(cpu_ns for cpu_ns, _ in read.values()) == 28_100_207_000
    assert round(sum(memory for _, memory in read.values()) / 2**20, 1) == 503.6


def test_the_recorded_nodes_roots_are_the_kubelets_system_containers(recorded_node: NodeReading) -> None:
    """The node's and the pods' totals are those of the summary's node and its system container `pods`."""
    totals = {
        name: (_only(parts).cpu_ns, _only(parts).working_set_bytes) for name, parts in recorded_node.roots.items()
    }
    assert totals == {
        "node": (62_148_052_000, 917_110_784),
        "kubepods": (32_254_311_000, 528_191_488),
        "burstable": (26_304_227_000, 471_715_840),
        "besteffort": (892_584_000, 52_953_088),
    }


def test_a_pod_that_the_kubelet_does_not_list_yet_is_read(recorded_node: NodeReading) -> None:
    """A pod in ContainerCreating has a cgroup before it has a summary."""
    assert "567cc614-001a-402b-99fd-3d1f8db83f30" in recorded_node.pods
    assert len(recorded_node.pods) == 18


@pytest.mark.parametrize(
    ("burstable", "pod"),
    [
        (
            "kubepods.slice/kubepods-burstable.slice",
            f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{_SYSTEMD_UID}.slice",
        ),
        ("kubepods/burstable", f"kubepods/burstable/pod{_UID}"),
        (
            "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice",
            (
                "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
                f"kubelet-kubepods-burstable-pod{_SYSTEMD_UID}.slice"
            ),
        ),
        ("kubelet/kubepods/burstable", f"kubelet/kubepods/burstable/pod{_UID}"),
        ("docker/abc/kubelet/kubepods/burstable", f"docker/abc/kubelet/kubepods/burstable/pod{_UID}"),
    ],
    ids=["systemd", "cgroupfs", "kind-systemd", "kind-cgroupfs", "nested"],
)
def test_pods_are_found_under_each_driver(tmp_path: pathlib.Path, burstable: str, pod: str) -> None:
    """Whatever driver and root the kubelet has, the pod and its class's root are read."""
    _v2_tree(tmp_path, "system.slice/ssh.service", str(pathlib.PurePath(burstable).parent), burstable)
    _v2(tmp_path / pod, cpu_usec=3, current=10, inactive=4, io="8:0 rbytes=1 wbytes=2 rios=3 wios=4\n")
    _v2(tmp_path / pod / _CONTAINER, cpu_usec=3)
    reading = _reader(tmp_path).read(7)
    assert reading.at_ns == 7
    assert set(reading.roots) == {"node", "kubepods", "burstable"}
    assert list(reading.pods) == [_UID]
    pod_reading = _only(reading.pods[_UID])
    assert pod_reading == CgroupReading(
        inode=(tmp_path / pod).stat().st_ino,
        cpu_ns=3000,
        working_set_bytes=6,
        io=IoReading(read_bytes=1, write_bytes=2, read_operations=3, write_operations=4),
    )


@pytest.mark.parametrize("cpu", ["cpuacct", "cpu,cpuacct"])
def test_a_hybrid_tree_is_read_as_v1(tmp_path: pathlib.Path, cpu: str) -> None:
    """v1 controllers count beside a `unified` directory that has none of them."""
    (tmp_path / "unified").mkdir()
    (tmp_path / "unified" / "cgroup.controllers").write_text("hugetlb\n")
    for path in ("", "kubepods", "kubepods/besteffort"):
        _v1(tmp_path, path, cpu=cpu)
    pod = f"kubepods/besteffort/pod{_UID}"
    _v1(tmp_path, pod, cpu_ns=5_000_000_001, usage=100, inactive=30, cpu=cpu)
    blkio = tmp_path / "blkio" / pod
    for name, value in (("io_service_bytes", 0), ("io_service_bytes_recursive", 4096)):
        (blkio / f"blkio.throttle.{name}").write_text(f"8:0 Read {value}\n8:0 Write 1\nTotal {value}\n")
    for name, value in (("io_serviced", 0), ("io_serviced_recursive", 1)):
        (blkio / f"blkio.throttle.{name}").write_text(f"8:0 Read {value}\n8:0 Write 2\nTotal {value}\n")
    reading = _reader(tmp_path).read(7)
    assert _only(reading.pods[_UID]).cpu_ns == 5_000_000_001
    assert _only(reading.pods[_UID]).working_set_bytes == 70
    # The containers' I/O is in the recursive files only.
    assert _only(reading.pods[_UID]).io == IoReading(
        read_bytes=4096, write_bytes=1, read_operations=1, write_operations=2
    )


def test_an_older_kernels_blkio_is_read_without_its_recursive_files(tmp_path: pathlib.Path) -> None:
    """Where there are no recursive files the plain ones are taken."""
    for path in ("", "kubepods", f"kubepods/pod{_UID}"):
        _v1(tmp_path, path)
    blkio = tmp_path / "blkio" / f"kubepods/pod{_UID}"
    (blkio / "blkio.throttle.io_service_bytes").write_text("8:0 Read 5\n")
    (blkio / "blkio.throttle.io_serviced").write_text("8:0 Read 1\n")
    io = _only(_reader(tmp_path).read(7).pods[_UID]).io
    assert io is not None
    assert (io.read_bytes, io.read_operations) == (5, 1)


def test_block_io_that_nothing_counts_is_none(tmp_path: pathlib.Path) -> None:
    """Without io.stat the pod's I/O is unknown, not 0."""
    _v2_tree(tmp_path, "kubepods", f"kubepods/pod{_UID}")
    assert _only(_reader(tmp_path).read(7).pods[_UID]).io is None


def test_containers_outside_their_slices_are_summed_into_pod_and_roots(tmp_path: pathlib.Path) -> None:
    """Under containerd's driver mismatch the slices stay at 0 and the scopes under system.slice count."""
    burstable = "kubepods.slice/kubepods-burstable.slice"
    pod = f"{burstable}/kubepods-burstable-pod{_SYSTEMD_UID}.slice"
    _v2_tree(tmp_path, "kubepods.slice", burstable, pod)
    scopes = [
        f"system.slice/containerd.service/kubepods-burstable-pod{_SYSTEMD_UID}.slice:cri-containerd:{letter * 64}"
        for letter in "ab"
    ]
    _v2(tmp_path / scopes[0], cpu_usec=2_000_000, current=10)
    _v2(tmp_path / scopes[1], cpu_usec=3_000_000, current=20)
    reading = _reader(tmp_path).read(7)
    for parts in (reading.pods[_UID], reading.roots["kubepods"], reading.roots["burstable"]):
        assert sum(part.cpu_ns for part in parts.values()) == 5_000_000_000
        assert sum(part.working_set_bytes for part in parts.values()) == 30
    assert set(reading.pods[_UID]) == {pod, *scopes}


def test_the_root_without_memory_current_is_known_from_memory_stat(tmp_path: pathlib.Path) -> None:
    """The v2 root has no memory.current: anon + file + kernel, less what is inactive, is its working set."""
    _v2_tree(tmp_path, "kubepods")
    (tmp_path / "memory.current").unlink()
    (tmp_path / "memory.stat").write_text("anon 100\nfile 50\nkernel 7\ninactive_file 30\n")
    assert _only(_reader(tmp_path).read(7).roots["node"]).working_set_bytes == 127


def test_the_working_set_is_never_negative(tmp_path: pathlib.Path) -> None:
    """The two files aren't read at one moment."""
    _v2_tree(tmp_path, "kubepods")
    _v2(tmp_path / f"kubepods/pod{_UID}", current=1, inactive=5)
    assert _only(_reader(tmp_path).read(7).pods[_UID]).working_set_bytes == 0


def test_a_pod_that_vanishes_between_list_and_read_is_left_out(tmp_path: pathlib.Path) -> None:
    """A directory that is still listed while its files are gone is no error, and the others are read."""
    _v2_tree(tmp_path, "kubepods", f"kubepods/pod{_UID}", f"kubepods/pod{_OTHER}")
    (tmp_path / f"kubepods/pod{_UID}" / "memory.stat").unlink()
    reading = _reader(tmp_path).read(7)
    assert list(reading.pods) == [_OTHER]
    assert not reading.unreadable


def test_a_pod_with_garbage_in_a_file_is_unreadable_and_not_gone(tmp_path: pathlib.Path) -> None:
    """What is there and can't be read is said to be there."""
    _v2_tree(tmp_path, "kubepods", f"kubepods/pod{_UID}", f"kubepods/pod{_OTHER}")
    (tmp_path / f"kubepods/pod{_UID}" / "cpu.stat").write_text("")
    reading = _reader(tmp_path).read(7)
    assert list(reading.pods) == [_OTHER]
    assert reading.unreadable == {_UID}


def test_pods_come_and_go_between_reads(tmp_path: pathlib.Path) -> None:
    """Each read lists anew."""
    _v2_tree(tmp_path, "kubepods", f"kubepods/pod{_UID}")
    reader = _reader(tmp_path)
    assert list(reader.read(7).pods) == [_UID]
    _v2(tmp_path / f"kubepods/pod{_OTHER}")
    shutil.rmtree(tmp_path / f"kubepods/pod{_UID}")
    assert list(reader.read(7).pods) == [_OTHER]


def test_a_file_that_was_replaced_is_read_anew(tmp_path: pathlib.Path) -> None:
    """Ordinary files aren't kept open: a tree made for a test may replace them by renaming."""
    _v2_tree(tmp_path, "kubepods", f"kubepods/pod{_UID}")
    reader = _reader(tmp_path)
    reader.read(7)
    (tmp_path / "new").write_text("usage_usec 9\n")
    (tmp_path / "new").rename(tmp_path / f"kubepods/pod{_UID}" / "cpu.stat")
    assert _only(reader.read(7).pods[_UID]).cpu_ns == 9000


def test_a_class_whose_cgroup_comes_later_is_found_at_the_next_read(tmp_path: pathlib.Path) -> None:
    """The kubelet may make the classes' cgroups after the agent's start."""
    _v2_tree(tmp_path, "kubepods")
    reader = _reader(tmp_path)
    assert not reader.read(7).pods
    _v2(tmp_path / "kubepods/burstable")
    _v2(tmp_path / f"kubepods/burstable/pod{_UID}")
    reading = reader.read(7)
    assert list(reading.pods) == [_UID]
    assert "burstable" in reading.roots


def test_the_driver_with_the_most_pods_is_taken(tmp_path: pathlib.Path) -> None:
    """A tree left over from the driver before is empty."""
    _v2_tree(tmp_path, "kubepods.slice", "kubepods.slice/kubepods-burstable.slice", "kubepods", f"kubepods/pod{_UID}")
    assert list(_reader(tmp_path).read(7).pods) == [_UID]


@pytest.mark.parametrize("made", [[], ["memory"], ["cpuacct", "memory"]])
def test_no_tree_is_an_error_that_says_where_it_was_looked_for(tmp_path: pathlib.Path, made: list[str]) -> None:
    """Nothing, half of it, or one without kubepods: the reader says so."""
    for name in made:
        (tmp_path / name).mkdir()
    with pytest.raises(CgroupTreeNotFoundError, match=str(tmp_path)):
        _reader(tmp_path).read(7)


def test_a_tree_that_went_and_came_back_is_read_again(tmp_path: pathlib.Path) -> None:
    """After a failed read the next one searches anew, under another driver too."""
    _v2_tree(tmp_path, "kubepods", "kubepods/burstable", "kubepods/besteffort", f"kubepods/pod{_UID}")
    reader = _reader(tmp_path)
    reader.read(7)
    shutil.rmtree(tmp_path / "kubepods")
    with pytest.raises(CgroupTreeNotFoundError):
        reader.read(7)
    _v2_tree(tmp_path, "kubepods.slice", f"kubepods.slice/kubepods-pod{_SYSTEMD_UID}.slice")
    assert list(reader.read(7).pods) == [_UID]
