"""A cgroup v2 tree for each node, as systemd and containerd lay it out, in plain files."""

import shutil
from pathlib import Path

from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.readings import Counters, container_counters, running_containers

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
    """The files of one cgroup by name. The root has no memory.current, as in a kernel."""
    microseconds = counted.cpu_nanoseconds // 1000
    user = microseconds * 4 // 5
    anonymous = counted.working_set_bytes * 9 // 10
    active = counted.working_set_bytes - anonymous
    files = {
        "cpu.stat": (
            f"usage_usec {microseconds}\nuser_usec {user}\nsystem_usec {microseconds - user}\nnice_usec 0\n"
            "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n"
        ),
        "memory.stat": (
            f"anon {anonymous}\nfile {active + counted.inactive_file_bytes}\nkernel 0\nshmem 0\n"
            f"inactive_anon {anonymous}\nactive_anon 0\ninactive_file {counted.inactive_file_bytes}\n"
            f"active_file {active}\nunevictable 0\nslab_reclaimable 0\nslab_unreclaimable 0\nslab 0\n"
            "pgfault 0\npgmajfault 0\n"
        ),
        "io.stat": (
            f"{DEVICE} rbytes={counted.read_bytes} wbytes={counted.write_bytes} rios={counted.read_operations} "
            f"wios={counted.write_operations} dbytes=0 dios=0\n"
        ),
    }
    if root:
        return {**files, "cgroup.controllers": CONTROLLERS}
    return {**files, "memory.current": f"{counted.working_set_bytes + counted.inactive_file_bytes}\n"}


class CgroupWriter:
    """Writes the trees of all nodes below a directory: `<directory>/<node>/kubepods.slice/…`.

    A file is replaced by renaming, so that who opens it reads one version of it whole. Files that didn't change are
    left alone.
    """

    def __init__(self, *, directory: Path, cluster: SimulatedCluster) -> None:
        self._directory = directory
        self._cluster = cluster
        self._staged = directory / ".staged"
        self._written: dict[str, dict[Path, str]] = {}

    def root(self, node: str) -> Path:
        """Where a node's tree begins."""
        return self._directory / node

    def write(self, at_ns: int) -> None:
        """Bring all trees to `at_ns` (Unix nanoseconds); OSError if the directory can't be written."""
        for node in list(self._written):
            if node not in self._cluster.nodes:
                shutil.rmtree(self.root(node), ignore_errors=True)
                del self._written[node]
        for node in self._cluster.nodes:
            self._write_node(node, at_ns)

    def _write_node(self, node: str, at_ns: int) -> None:
        reading = self._cluster.reading(node, at_ns)
        cgroups = {"": files_of(reading.node, root=True), KUBEPODS: files_of(reading.kubepods)}
        for quality, path in CLASS_SLICES.items():
            if path != KUBEPODS:
                cgroups[path] = files_of(reading.classes[quality])
        for pod, counted in reading.pods.values():
            path = pod_slice(pod)
            cgroups[path] = files_of(counted)
            for container in running_containers(pod):
                scope = f"{path}/cri-containerd-{pod.container_ids[container.name]}.scope"
                cgroups[scope] = files_of(container_counters(pod, container, at_ns))
        root = self.root(node)
        wanted = {root / path / name: content for path, files in cgroups.items() for name, content in files.items()}
        written = self._written.setdefault(node, {})
        self._remove({path.parent for path in written} - {path.parent for path in wanted})
        for path, content in wanted.items():
            if written.get(path) != content:
                self._replace(path, content)
        self._written[node] = wanted

    def _remove(self, directories: set[Path]) -> None:
        """Remove cgroups that are gone, each with one rename out of the tree, so that no reader sees half of one."""
        for directory in sorted(directories):
            if directory.exists():
                away = self._staged / "removed"
                away.parent.mkdir(parents=True, exist_ok=True)
                directory.rename(away)
                shutil.rmtree(away)

    def _replace(self, path: Path, content: str) -> None:
        staged = self._staged / "file"
        try:
            staged.write_text(content)
            staged.rename(path)
        except FileNotFoundError:
            staged.parent.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            staged.write_text(content)
            staged.rename(path)
