"""The kernel's own cgroups, in a tree made for the test: pods as the kubelet makes them, a container in each."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import parts
from kube_cost_agent.cgroups import CgroupReader
from kube_cost_agent.sampler import Sampler
from kube_cost_common.messages.usage import UsageSample

_CGROUP = Path("/sys/fs/cgroup")
_UID = "6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e"
_POD = f"kubepods/burstable/pod{_UID}"
_CONTAINER = f"{_POD}/{'c' * 64}"
_START_NS = 1_700_000_000_000_000_000

# In its cgroup before its first instruction of Python; says when it has done, and stays until its input ends.
_BURN = """
import sys, time
start = time.thread_time()
while time.thread_time() - start < float(sys.argv[1]): pass
memory = bytearray(int(sys.argv[2]))
print("done", flush=True)
sys.stdin.read()
"""


class _Tree:
    """A cgroup tree of the kernel's: `root` for the reader, and where a process is put into a cgroup."""

    def __init__(self, root: Path, hierarchies: list[Path]) -> None:
        self.root = root
        self.hierarchies = hierarchies
        self._made: list[Path] = []

    def make(self, path: str) -> None:
        for hierarchy in self.hierarchies:
            for parent in reversed([Path(path), *Path(path).parents]):
                folder = hierarchy / parent
                if not folder.exists():
                    folder.mkdir()
                    self._made.append(folder)
                control = folder / "cgroup.subtree_control"
                if control.exists() and parent != Path(path):
                    control.write_text("+cpu +memory +io")

    def remove(self, path: str) -> None:
        for folder in [made for made in self._made if str(made).endswith(path)]:
            _remove(folder)
            self._made.remove(folder)

    def clear(self) -> None:
        while self._made:
            _remove(self._made.pop())


def _remove(folder: Path) -> None:
    """Remove a cgroup; it stays busy for a moment after its last process has ended."""
    for _ in range(200):
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.01)
        else:
            return
    folder.rmdir()


def _writable_hierarchies() -> list[Path]:
    if (_CGROUP / "cgroup.controllers").exists():
        found = [_CGROUP]
    else:
        names = ["cpuacct" if (_CGROUP / "cpuacct").is_dir() else "cpu,cpuacct", "memory", "blkio"]
        found = [_CGROUP / name for name in names]
    return [folder for folder in found if folder.is_dir() and os.access(folder, os.W_OK)]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[_Tree]:
    writable = _writable_hierarchies()
    v2 = writable == [_CGROUP]
    if not v2 and len(writable) < 3:
        parts.lacking(parts.CGROUPS)
    name = f"kube-cost-test-{os.getpid()}"
    if v2:
        tree = _Tree(_CGROUP / name, [_CGROUP / name])
    else:
        for hierarchy in writable:
            (tmp_path / hierarchy.name).symlink_to(hierarchy / name)
        tree = _Tree(tmp_path, [hierarchy / name for hierarchy in writable])
    try:
        for path in ("kubepods/besteffort", _CONTAINER):
            tree.make(path)
        yield tree
    finally:
        tree.clear()


@pytest.fixture
def burn(tree: _Tree) -> Iterator[Callable[[float, int], subprocess.Popen[str]]]:
    """Runs a process in the pod's container that burns CPU seconds and holds bytes; returns when it has done."""
    started: list[subprocess.Popen[str]] = []

    def start(cpu_seconds: float, memory_bytes: int) -> subprocess.Popen[str]:
        enter = "; ".join(f'echo $$ > "{hierarchy / _CONTAINER}/cgroup.procs"' for hierarchy in tree.hierarchies)
        process = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                f'{enter}; exec "$@"',
                "sh",
                sys.executable,
                "-I",
                "-S",
                "-c",
                _BURN,
                str(cpu_seconds),
                str(memory_bytes),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def reader(tree: _Tree) -> Iterator[CgroupReader]:
    reader = CgroupReader(root=tree.root, sysfs_root=Path("/sys"), max_open_files=100)
    yield reader
    reader.close()


def _sample(sampler: Sampler, reader: CgroupReader, at_seconds: float) -> UsageSample:
    at_ns = _START_NS + round(at_seconds * 1e9)
    sampler.take(reader.read(at_ns))
    return sampler.sample(at_ns)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def sampler() -> Sampler:
    return Sampler(cluster="c", node="n", boot_id="b", session="s", start_ns=_START_NS)


def test_cpu_seconds_are_the_kernels_own_to_one_per_cent(
    burn: Callable[[float, int], subprocess.Popen[str]], reader: CgroupReader, sampler: Sampler
) -> None:
    """A process that burns 2 s in a pod's container is in the pod's total as in its own /proc/<pid>/schedstat."""
    before = _sample(sampler, reader, 0)
    process = burn(2.0, 0)
    after = _sample(sampler, reader, 5)
    on_cpu_seconds = int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9
    assert before.pods[0].cpu_seconds == 0
    assert [pod.uid for pod in after.pods] == [_UID]
    assert on_cpu_seconds >= 2.0
    assert after.pods[0].cpu_seconds == pytest.approx(on_cpu_seconds, rel=0.01)
    roots = {root.name: root.cpu_seconds for root in after.roots}
    assert roots["kubepods"] == pytest.approx(on_cpu_seconds, rel=0.01)
    assert roots["burstable"] == pytest.approx(on_cpu_seconds, rel=0.01)
    assert roots["besteffort"] == 0


def test_memory_that_is_held_is_in_the_working_set(
    burn: Callable[[float, int], subprocess.Popen[str]], reader: CgroupReader, sampler: Sampler
) -> None:
    """64 MiB held for 10 s are at least that many byte-seconds, and less than a quarter more."""
    burn(0.0, 64 * 2**20)
    _sample(sampler, reader, 0)
    held = _sample(sampler, reader, 10).pods[0].memory_byte_seconds
    assert 640 * 2**20 <= held < 1.25 * 640 * 2**20


def test_a_pod_that_the_kernel_removed_has_ended_and_keeps_its_totals(
    tree: _Tree, burn: Callable[[float, int], subprocess.Popen[str]], reader: CgroupReader, sampler: Sampler
) -> None:
    """Files that were open answer ENODEV, the directory is gone, and the last totals are sent."""
    process = burn(0.3, 0)
    alive = _sample(sampler, reader, 0)
    process.kill()
    process.communicate()
    tree.remove(_CONTAINER)
    tree.remove(_POD)
    ended = _sample(sampler, reader, 5)
    assert [(pod.uid, pod.ended, pod.cpu_seconds) for pod in ended.pods] == [(_UID, True, alive.pods[0].cpu_seconds)]


def test_a_pod_that_the_kernel_made_anew_counts_on(
    tree: _Tree, burn: Callable[[float, int], subprocess.Popen[str]], reader: CgroupReader, sampler: Sampler
) -> None:
    """A cgroup of the same name has another inode and begins at 0: its CPU is added."""
    process = burn(0.3, 0)
    first = _sample(sampler, reader, 0).pods[0].cpu_seconds
    process.kill()
    process.communicate()
    tree.remove(_CONTAINER)
    tree.remove(_POD)
    tree.make(_CONTAINER)
    burn(0.3, 0)
    again = _sample(sampler, reader, 5).pods[0]
    assert not again.ended
    assert again.cpu_seconds >= first + 0.3


def test_the_kernels_files_stay_open_within_the_limit(reader: CgroupReader, tree: _Tree) -> None:
    """Four or five files for each cgroup stay open between reads, and no more than are allowed."""
    before = _open_files()
    reader.read(_START_NS)
    opened = _open_files() - before
    reader.read(_START_NS)
    assert _open_files() - before == opened > 0
    few = CgroupReader(root=tree.root, sysfs_root=Path("/sys"), max_open_files=3)
    try:
        few.read(_START_NS)
        assert _open_files() - before == opened + 3
    finally:
        few.close()
    reader.close()
    assert _open_files() == before
