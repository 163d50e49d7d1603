"""What a cgroup's path says of the pod and the container in it, whichever driver and runtime wrote it."""

import re
from dataclasses import dataclass
from typing import Literal

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]

UNKNOWN_RUNTIME = "unknown"

# By containment, never by prefix: kind puts /kubelet before it, Docker in Docker the outer container's path. The uid's
# dashes are underscores under the systemd driver; a static pod's uid is its configuration's hash, 32 digits.
_POD = re.compile(
    r"(?:^|[-/])pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})"
    r"(?=$|/|\.slice)"
)
_CONTAINER = re.compile(r"(?:\.slice)?[/:](?:([a-z][a-z-]*)[-:])?([0-9a-f]{32,64})(?:\.scope)?(?=$|/)")

_RUNTIMES = {"cri-containerd": "containerd"}
_NO_CONTAINERS = {"crio-conmon"}  # CRI-O's monitor of a container, which runs beside it


@dataclass(frozen=True, kw_only=True, slots=True)
class CgroupPath:
    """A cgroup at or below a pod's. `container_id` is None for the pod's own and for what is no container."""

    pod_uid: str
    qos: QosClass
    container_id: str | None
    runtime: str


def parse_cgroup_path(path: str) -> CgroupPath | None:
    """Return what `path` says, or None where it isn't a pod's.

    `path` may be a whole path or its last name. The runtime is `unknown` where the path doesn't name it.
    """
    pod = _POD.search(path)
    if pod is None:
        return None
    container = _CONTAINER.match(path, pod.end())
    container_id = container[2] if container else None
    prefix = container[1] if container else None
    if prefix in _NO_CONTAINERS:
        container_id = None
    return CgroupPath(
        pod_uid=pod[1].replace("_", "-"),
        qos=_qos_class(path[: pod.start()]),
        container_id=container_id,
        runtime=_RUNTIMES.get(prefix, prefix) if prefix else UNKNOWN_RUNTIME,
    )


def _qos_class(before: str) -> QosClass:
    """Return the class by what stands before the pod's name; guaranteed pods are directly under kubepods."""
    parent = before.removesuffix(".slice")
    if parent.endswith("besteffort"):
        return "BestEffort"
    if parent.endswith("burstable"):
        return "Burstable"
    return "Guaranteed"
