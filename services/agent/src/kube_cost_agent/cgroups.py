"""Reads the counters of all pods of a node, and of the roots above them, from its cgroup tree."""

import os
import pathlib
from collections.abc import Iterable

from kube_cost_agent.block_devices import BlockDevices
from kube_cost_agent.cgroup_files import VANISHED, CgroupFiles, OpenFiles
from kube_cost_agent.cgroup_layout import (
    CgroupTreeNotFoundError,
    Layout,
    find_kubepods,
    find_layout,
    qos_folders,
)
from kube_cost_agent.cgroup_paths import QosClass, parse_cgroup_path
from kube_cost_agent.readings import CgroupReading, NodeReading, Parts
from kube_cost_common.messages.usage import ROOT_BESTEFFORT, ROOT_BURSTABLE, ROOT_KUBEPODS, ROOT_NODE

SEARCH_EVERY_READS = 12
"""Once a minute, the tree is searched anew for what seldom changes: roots, containers outside, stacked devices."""

_ROOT_OF_QOS: dict[QosClass, str] = {"Burstable": ROOT_BURSTABLE, "BestEffort": ROOT_BESTEFFORT}


class _Cgroup:
    """A cgroup that was listed: whose it is, and its files."""

    __slots__ = ("files", "inode", "pod_uid", "qos")

    def __init__(self, *, pod_uid: str, qos: QosClass, inode: int, files: CgroupFiles) -> None:
        self.pod_uid = pod_uid
        self.qos = qos
        self.inode = inode
        self.files = files


class CgroupReader:
    """Reads a node's cgroup tree. Its calls block; one at a time, on whatever thread.

    `root` is where the cgroup file system is mounted, `sysfs_root` tells which block devices are stacked, and
    `max_open_files` how many cgroup files may stay open between reads.
    """

    def __init__(self, *, root: pathlib.Path, sysfs_root: pathlib.Path, max_open_files: int) -> None:
        self._root = root
        self._devices = BlockDevices(sysfs_root)
        self._open_files = OpenFiles(max_open_files)
        self._layout: Layout | None = None
        self._roots: dict[str, str] = {}
        self._root_files: dict[str, CgroupFiles] = {}
        self._pod_parents: list[str] = []
        self._outside_parents: list[str] = []
        self._known: dict[str, _Cgroup] = {}
        self._reads_until_search = 0

    def read(self, at_ns: int) -> NodeReading:
        """Return what the tree says now, stamped `at_ns`.

        A pod that vanishes between the list and the read is left out. Raises CgroupTreeNotFoundError when there is no
        tree, or it went.
        """
        if self._reads_until_search == 0:
            self._search()
        self._reads_until_search -= 1
        try:
            self._list()
            roots: dict[str, dict[str, CgroupReading]] = {name: self._read_root(name) for name in self._roots}
        except OSError as error:
            self.close()
            raise CgroupTreeNotFoundError(f"the cgroup tree went away: {error}") from error
        pods: dict[str, dict[str, CgroupReading]] = {}
        unreadable: set[str] = set()
        for path, cgroup in self._known.items():
            try:
                reading = cgroup.files.read(cgroup.inode)
            except OSError as error:
                if error.errno not in VANISHED:
                    unreadable.add(cgroup.pod_uid)
                continue
            except ValueError:
                unreadable.add(cgroup.pod_uid)
                continue
            pods.setdefault(cgroup.pod_uid, {})[path] = reading
            if self._is_outside(path):
                self._count_above(roots, cgroup.qos, path, reading)
        whole: dict[str, Parts] = {uid: parts for uid, parts in pods.items() if uid not in unreadable}
        return NodeReading(at_ns=at_ns, roots=roots, pods=whole, unreadable=frozenset(unreadable))

    def close(self) -> None:
        """Close all files; the next read begins with a search."""
        for cgroup in self._known.values():
            cgroup.files.close()
        for files in self._root_files.values():
            files.close()
        self._known.clear()
        self._root_files.clear()
        self._reads_until_search = 0

    def _search(self) -> None:
        layout = self._layout
        if layout is None:
            self._layout = layout = find_layout(self._root, below=self._devices.below, open_files=self._open_files)
        try:
            kubepods = find_kubepods(layout.listed)
            burstable, besteffort = qos_folders(layout.listed / kubepods)
            roots = {ROOT_NODE: "", ROOT_KUBEPODS: kubepods}
            if burstable:
                roots[ROOT_BURSTABLE] = f"{kubepods}/{burstable}"
            if besteffort:
                roots[ROOT_BESTEFFORT] = f"{kubepods}/{besteffort}"
            self._outside_parents = list(_parents_of_containers_outside(layout.listed))
        except OSError as error:
            raise CgroupTreeNotFoundError(f"the cgroup tree went away: {error}") from error
        for name in [name for name, path in self._roots.items() if roots.get(name) != path]:
            if name in self._root_files:
                self._root_files.pop(name).close()
        self._roots = roots
        self._pod_parents = [path for name, path in roots.items() if name != ROOT_NODE]
        self._devices.forget()
        # The kubelet makes the classes' cgroups when it starts; one that is missing is looked for at once.
        self._reads_until_search = SEARCH_EVERY_READS if burstable and besteffort else 1

    def _list(self) -> None:
        """Bring the known cgroups up to date with the directories there are."""
        assert self._layout is not None
        there: dict[str, int] = {}
        for parent in self._pod_parents:
            there.update(_pod_folders(self._layout.listed, parent))
        for parent in self._outside_parents:
            there.update(_containers_outside(self._layout.listed, parent))
        for path in [path for path, cgroup in self._known.items() if there.get(path) != cgroup.inode]:
            self._known.pop(path).files.close()
        for path in there.keys() - self._known.keys():
            parsed = parse_cgroup_path(path)
            if parsed is not None:
                self._known[path] = _Cgroup(
                    pod_uid=parsed.pod_uid, qos=parsed.qos, inode=there[path], files=self._layout.files(path)
                )

    def _read_root(self, name: str) -> dict[str, CgroupReading]:
        assert self._layout is not None
        path = self._roots[name]
        files = self._root_files.get(name)
        if files is None:
            self._root_files[name] = files = self._layout.files(path)
        return {path: files.read((self._layout.listed / path).stat().st_ino)}

    def _is_outside(self, path: str) -> bool:
        return bool(self._outside_parents) and not path.startswith(self._roots[ROOT_KUBEPODS] + "/")

    @staticmethod
    def _count_above(
        roots: dict[str, dict[str, CgroupReading]], qos: QosClass, path: str, reading: CgroupReading
    ) -> None:
        """Add a container outside to the roots that it belongs to and that the kernel doesn't count it in."""
        for name in (ROOT_KUBEPODS, _ROOT_OF_QOS.get(qos)):
            if name in roots:
                roots[name][path] = reading


def _pod_folders(listed: pathlib.Path, parent: str) -> Iterable[tuple[str, int]]:
    """Yield path and inode of each directory under `parent` that has a pod's name."""
    with os.scandir(listed / parent) as entries:
        for entry in entries:
            if "pod" in entry.name and entry.is_dir(follow_symlinks=False):
                path = f"{parent}/{entry.name}"
                yield path, entry.inode()


def _containers_outside(listed: pathlib.Path, parent: str) -> Iterable[tuple[str, int]]:
    """Yield containers that are beside the pods' slices.

    containerd set to cgroupfs takes the kubelet's systemd path `<slice>:cri-containerd:<id>` for a name, below its own
    cgroup: the pod's slice is there and stays at 0.
    """
    folder = listed / parent
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if ".slice:" in entry.name and entry.is_dir(follow_symlinks=False):
                    yield f"{parent}/{entry.name}" if parent else entry.name, entry.inode()
    except OSError:  # a service may be gone until the next search
        return


def _parents_of_containers_outside(listed: pathlib.Path) -> Iterable[str]:
    services = ["", "system.slice"]
    if (listed / "system.slice").is_dir():
        services += [f"system.slice/{entry.name}" for entry in (listed / "system.slice").iterdir() if entry.is_dir()]
    return (parent for parent in services if any(True for _ in _containers_outside(listed, parent)))
