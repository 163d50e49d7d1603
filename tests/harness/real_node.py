"""The node of a real cluster that this machine is, its kubelet, and its pods' cgroups as a test reads them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import parts
from harness.real_cluster import RealCluster

CGROUP_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class LocalNode:
    """A node whose kernel is this machine's. `ca_file` and `server_name` are whom its kubelet's certificate names."""

    name: str
    kubelet_url: str
    ca_file: str
    server_name: str


def local_node(cluster: RealCluster, folder: Path) -> LocalNode:
    """Find the node by the kernel's boot id; skip or fail where the cluster runs elsewhere.

    The kubelet's certificate must be signed by the cluster's authority and have the node's address, unless
    KUBE_COST_TEST_KUBELET_CA (a PEM file) and KUBE_COST_TEST_KUBELET_SERVER_NAME say otherwise.
    """
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    nodes = cluster.get("/api/v1/nodes")["items"]
    here = next((node for node in nodes if node["status"].get("nodeInfo", {}).get("bootID") == boot_id), None)
    if here is None or os.geteuid() != 0:
        parts.lacking(parts.NODE)
    address = next(one["address"] for one in here["status"]["addresses"] if one["type"] == "InternalIP")
    port = here["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    authority = folder / "kubelet-ca.pem"
    authority.write_text(cluster.authority)
    return LocalNode(
        name=here["metadata"]["name"],
        kubelet_url=f"https://{address}:{port}",
        ca_file=os.environ.get("KUBE_COST_TEST_KUBELET_CA", str(authority)),
        server_name=os.environ.get("KUBE_COST_TEST_KUBELET_SERVER_NAME", ""),
    )


class PodCgroup:
    """A pod's cgroup, found by the pod's uid."""

    def __init__(self, uid: str) -> None:
        v2 = (CGROUP_ROOT / "cgroup.controllers").exists()
        root = CGROUP_ROOT if v2 else next(CGROUP_ROOT.glob("*cpuacct"))
        names = {f"pod{uid}", f"pod{uid.replace('-', '_')}"}
        self._file = next(
            Path(folder, "cpu.stat" if v2 else "cpuacct.usage")
            for folder, _, _ in os.walk(root)
            if any(name in Path(folder).name for name in names)
        )

    def cpu_seconds(self) -> float:
        """CPU time since the pod's birth."""
        text = self._file.read_text()
        if self._file.name == "cpuacct.usage":
            return int(text) / 1e9
        return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6


def running_pod(path: str, cluster: RealCluster) -> Any | None:
    """The pod, once its containers run."""
    pod = cluster.get(path)
    statuses = pod["status"].get("containerStatuses", [])
    return pod if statuses and all("running" in status["state"] for status in statuses) else None
