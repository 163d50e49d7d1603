"""Which hierarchies a node has (v1, v2, hybrid), and where in them kubepods is."""

import os
import pathlib
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from kube_cost_agent.cgroup_files import CgroupFiles, CgroupV1Files, CgroupV2Files, OpenFiles
from kube_cost_agent.cgroup_paths import parse_cgroup_path
from kube_cost_agent.cgroup_values import DevicesBelow

# The kubelet's default under either driver, then kind's.
_USUAL = ("kubepods.slice", "kubepods", "kubelet.slice/kubelet-kubepods.slice", "kubelet/kubepods")
_KUBEPODS = re.compile(r"(?:.+-)?kubepods(?:\.slice)?")
_SEARCH_DEPTH = 5


class CgroupTreeNotFoundError(Exception):
    """There is no cgroup file system with pods where the settings say."""


class Layout(Protocol):
    """A cgroup file system. Paths in it are relative to `listed`, in which directories are looked for."""

    @property
    def listed(self) -> pathlib.Path:
        """The directory of the root cgroup."""
        ...

    def files(self, path: str) -> CgroupFiles:
        """Return the files of the cgroup at `path`; empty for the root."""
        ...


@dataclass(frozen=True, kw_only=True)
class V2Layout:
    """The unified hierarchy. `keep` says whether its files are the kernel's and may stay open."""

    listed: pathlib.Path
    below: DevicesBelow
    open_files: OpenFiles
    keep: bool

    def files(self, path: str) -> CgroupFiles:
        """Return the files of the cgroup at `path`."""
        return CgroupV2Files(self.listed / path, below=self.below, open_files=self.open_files, keep=self.keep)


@dataclass(frozen=True, kw_only=True)
class V1Layout:
    """A hierarchy for each controller; `listed` is that of cpuacct."""

    listed: pathlib.Path
    memory: pathlib.Path
    blkio: pathlib.Path | None
    below: DevicesBelow
    open_files: OpenFiles
    keep: bool

    def files(self, path: str) -> CgroupFiles:
        """Return the files of the cgroup at `path`."""
        return CgroupV1Files(
            cpuacct=self.listed / path,
            memory=self.memory / path,
            blkio=self.blkio / path if self.blkio else None,
            below=self.below,
            open_files=self.open_files,
            keep=self.keep,
        )


def find_layout(root: pathlib.Path, *, below: DevicesBelow, open_files: OpenFiles) -> V1Layout | V2Layout:
    """Return the layout of the cgroup file system at `root`; raise CgroupTreeNotFoundError.

    A hybrid one is v1: its `unified` directory has none of the controllers that are read here.
    """
    if (root / "cgroup.controllers").exists():
        return V2Layout(listed=root, below=below, open_files=open_files, keep=_is_the_kernels(root))
    controllers = _v1_controllers(root)
    if "cpuacct" not in controllers or "memory" not in controllers:
        raise CgroupTreeNotFoundError(f"no cgroup file system with cpu and memory controllers at {root}")
    cpuacct = controllers["cpuacct"]
    return V1Layout(
        listed=cpuacct,
        memory=controllers["memory"],
        blkio=controllers.get("blkio"),
        below=below,
        open_files=open_files,
        keep=_is_the_kernels(cpuacct),
    )


def find_kubepods(listed: pathlib.Path) -> str:
    """Return the path of the cgroup that all pods are under; raise CgroupTreeNotFoundError.

    Where there are several, one may be left over from another driver: the one with the most pods is taken.
    """
    found = [path for path in _USUAL if (listed / path).is_dir()] or list(_search(listed))
    if not found:
        raise CgroupTreeNotFoundError(f"no kubepods cgroup below {listed}: the kubelet hasn't made it yet")
    return max(found, key=lambda path: _count_pods(listed / path))


def qos_folders(kubepods: pathlib.Path) -> tuple[str | None, str | None]:
    """Return the names of the burstable and the best-effort cgroup under `kubepods`, None for one that isn't there."""
    names = [entry.name for entry in kubepods.iterdir() if entry.is_dir()]
    burstable, besteffort = (
        next((name for name in names if name.removesuffix(".slice").split("-")[-1] == qos), None)
        for qos in ("burstable", "besteffort")
    )
    return burstable, besteffort


def _v1_controllers(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Return the hierarchies by controller: `cpu,cpuacct` is one directory on most systems, two on some."""
    try:
        folders = sorted(entry for entry in root.iterdir() if entry.is_dir())
    except OSError as error:
        raise CgroupTreeNotFoundError(f"can't list {root}: {error.strerror}") from error
    return {controller: folder for folder in folders for controller in folder.name.split(",")}


def _search(listed: pathlib.Path) -> Iterator[str]:
    """Yield kubepods cgroups nearest to the root first: --cgroup-root and containers of containers put them deeper."""
    waiting = deque([(listed, 1)])
    while waiting:
        folder, depth = waiting.popleft()
        try:
            with os.scandir(folder) as entries:
                inner = [pathlib.Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:  # gone meanwhile
            continue
        for path in inner:
            if _KUBEPODS.fullmatch(path.name):
                yield str(path.relative_to(listed))
            elif depth < _SEARCH_DEPTH:
                waiting.append((path, depth + 1))


def _count_pods(kubepods: pathlib.Path) -> int:
    folders = [kubepods, *(kubepods / name for name in qos_folders(kubepods) if name)]
    return sum(parse_cgroup_path(entry.name) is not None for folder in folders for entry in folder.iterdir())


def _is_the_kernels(folder: pathlib.Path) -> bool:
    """Return whether `folder` is on a cgroup file system, and not a tree of ordinary files made for a test."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    for mount in mounts:
        before, _, after = mount.partition(" - ")
        if before.split()[2] == number and after.split()[0] in {"cgroup", "cgroup2"}:
            return True
    return False
