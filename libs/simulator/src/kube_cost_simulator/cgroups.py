"""A cgroup v2 tree for each node, as systemd and containerd lay it out, in plain files."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.readings import Counters, NodeReading, container_counters, live_containers
from kube_cost_simulator.resources import PODS
from kube_cost_simulator.store import StoreEvent

KUBEPODS = "kubepods.slice"
CLASS_SLICES = {
    "Guaranteed": KUBEPODS,
    "Burstable": f"{KUBEPODS}/kubepods-burstable.slice",
    "BestEffort": f"{KUBEPODS}/kubepods-besteffort.slice",
}
CONTROLLERS = "cpuset cpu io memory hugetlb pids rdma misc\n"
DEVICE = "259:0"


def pod_slice(pod: PodState) -> str:
    """The path of a pod's cgroup below its node's root."""
    prefix = CLASS_SLICES[pod.quality_of_service].rsplit("/", 1)[-1].removesuffix(".slice")
    return f"{CLASS_SLICES[pod.quality_of_service]}/{prefix}-pod{pod.kubelet_uid.replace('-', '_')}.slice"


def files_of(counted: Counters, *, root: bool = False) -> dict[str, str]:
    """The files of one cgroup by name. The root has no memory.current, as in a kernel.

    Numbers have leading zeros, so that a file never changes its length: see `CgroupWriter`.
    """
    microseconds = counted.cpu_nanoseconds // 1000
    user = microseconds * 4 // 5
    anonymous = counted.working_set_bytes * 9 // 10
    active = counted.working_set_bytes - anonymous
    inactive = counted.inactive_file_bytes
    files = {
        "cpu.stat": (
            f"usage_usec {microseconds:020}\nuser_usec {user:020}\nsystem_usec {microseconds - user:020}\n"
            "nice_usec 0\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n"
        ),
        "memory.stat": (
            f"anon {anonymous:020}\nfile {active + inactive:020}\nkernel 0\nshmem 0\ninactive_anon {anonymous:020}\n"
            f"active_anon 0\ninactive_file {inactive:020}\nactive_file {active:020}\nunevictable 0\n"
            "slab_reclaimable 0\nslab_unreclaimable 0\nslab 0\npgfault 0\npgmajfault 0\n"
        ),
        "io.stat": (
            f"{DEVICE} rbytes={counted.read_bytes:020} wbytes={counted.write_bytes:020} "
            f"rios={counted.read_operations:020} wios={counted.write_operations:020} dbytes=0 dios=0\n"
        ),
    }
    if root:
        return {**files, "cgroup.controllers": CONTROLLERS}
    return {**files, "memory.current": f"{counted.working_set_bytes + inactive:020}\n"}


class CgroupWriter:
    """Writes the trees of all nodes that may have an agent below a directory: `<directory>/<node>/kubepods.slice/…`.

    As in a kernel, who keeps a file open reads the figures of now from it. A file is rewritten in place by one write of
    the same length within a page, so that no reader sees parts of two versions; a cgroup comes and goes as a whole.
    """

    def __init__(self, *, directory: Path, cluster: SimulatedCluster) -> None:
        self._directory = directory
        self._cluster = cluster
        self._removed = directory / ".removed"
        self._made = directory / ".made"
        self._written: dict[str, dict[str, Counters]] = {}
        self._contents: dict[str, str] = {}

    def root(self, node: str) -> Path:
        """Where a node's tree begins."""
        return self._directory / node

    def follow(self) -> None:
        """From now on make and remove the cgroups of pods that start and end before anybody hears of it.

        Figures of those that stay are brought up to date by `write`.
        """
        self._cluster.after_changes = self._changed

    def _changed(self, events: Sequence[StoreEvent]) -> None:
        pods = [event.stored.content for event in events if event.stored.resource is PODS]
        nodes = {pod["spec"].get("nodeName") for pod in pods} & set(self._watched)
        for node in sorted(nodes):
            self._write_node(node, self._cluster.now_ns, rewrite=False)

    def write(self, at_ns: int) -> None:
        """Bring all trees to `at_ns` (Unix nanoseconds); OSError if the directory can't be written."""
        for node in set(self._written) - set(self._watched):
            self._remove([self.root(node)])
            del self._written[node]
        for node in self._watched:
            self._write_node(node, at_ns, rewrite=True)

    @property
    def _watched(self) -> list[str]:
        """The nodes that an agent may run on."""
        return [name for name, room in self._cluster.nodes.items() if room.fact.agent]

    def _write_node(self, node: str, at_ns: int, *, rewrite: bool) -> None:
        cgroups = counters_by_cgroup(self._cluster.reading(node, at_ns))
        written = self._written.get(node, {})
        root = self.root(node)
        self._remove([root / path for path in written if path not in cgroups])
        new = {path: counted for path, counted in cgroups.items() if path not in written}
        for top in new:
            if not top or top.rpartition("/")[0] not in new:
                self._create(root, top, new)
        if not rewrite:
            self._written[node] = {path: written.get(path, counted) for path, counted in cgroups.items()}
            return
        for path, counted in cgroups.items():
            if path in written and written[path] != counted:
                self._rewrite(cgroup_path(root, path), files_of(counted, root=not path))
        self._written[node] = cgroups

    def _create(self, root: Path, top: str, new: Mapping[str, Counters]) -> None:
        """Make a cgroup with all new ones below it, and move it into the tree when it is complete."""
        target = root / top
        self._remove([target])
        for path, counted in new.items():
            if path != top and top and not path.startswith(f"{top}/"):
                continue
            directory = self._made / path[len(top) :].lstrip("/")
            directory.mkdir(parents=True, exist_ok=True)
            for name, content in files_of(counted, root=not path).items():
                (directory / name).write_text(content)
                self._contents[f"{cgroup_path(root, path)}/{name}"] = content
        target.parent.mkdir(parents=True, exist_ok=True)
        self._made.rename(target)

    def _rewrite(self, directory: str, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            path = f"{directory}/{name}"
            if self._contents.get(path) != content:
                descriptor = os.open(path, os.O_WRONLY)
                try:
                    os.pwrite(descriptor, content.encode(), 0)
                finally:
                    os.close(descriptor)
                self._contents[path] = content

    def _remove(self, directories: Sequence[Path]) -> None:
        """Remove cgroups that are gone, each with one rename out of the tree, so that no reader sees half of one."""
        for directory in sorted(directories):
            if not directory.exists():
                continue
            self._removed.mkdir(parents=True, exist_ok=True)
            away = self._removed / directory.name
            directory.rename(away)
            shutil.rmtree(away)
            gone = [path for path in self._contents if path.startswith(f"{directory}/")]
            for path in gone:
                del self._contents[path]


def cgroup_path(root: Path, path: str) -> str:
    """Where a cgroup of a node is; the empty path is its root."""
    return f"{root}/{path}" if path else str(root)


def counters_by_cgroup(reading: NodeReading) -> dict[str, Counters]:
    """The counters of every cgroup of a node, by its path below the root (which is the empty path)."""
    cgroups = {"": reading.node, "system.slice": reading.system, KUBEPODS: reading.kubepods}
    cgroups |= {path: reading.classes[quality] for quality, path in CLASS_SLICES.items() if path != KUBEPODS}
    for pod, counted in reading.pods.values():
        path = pod_slice(pod)
        cgroups[path] = counted
        for container in live_containers(pod):
            scope = f"{path}/cri-containerd-{pod.container_ids[container.name]}.scope"
            cgroups[scope] = container_counters(pod, container, reading.at_ns)
    return cgroups
