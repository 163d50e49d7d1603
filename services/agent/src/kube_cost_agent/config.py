"""What the agent can be told. Each field is read from `KUBE_COST_` and its name in capitals."""

from typing import Annotated

from msgspec import Meta

from kube_cost_common.runtime.mesh import MeshConfig

_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class AgentConfig(MeshConfig, frozen=True, kw_only=True):
    """Settings of the agent."""

    node_name: Annotated[str, Meta(min_length=1)]
    """The Kubernetes name of the node, from the downward API (`spec.nodeName`). The one setting without a default."""

    interval_seconds: Annotated[float, Meta(ge=1, le=300)] = 60.0
    """How often a usage sample is published."""

    read_interval_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 5.0
    """How often cgroups are read: a pod that comes and goes between two reads is charged by its request."""

    cgroup_root: str = "/sys/fs/cgroup"
    """Where the node's cgroup file system is mounted in the agent's container (hostPath, read-only)."""

    sysfs_root: str = "/sys"
    """Where sysfs is: which block devices stand on others. A container's own mount shows the node's devices."""

    boot_id_file: str = "/proc/sys/kernel/random/boot_id"
    """The kernel's boot id; under another one the kernel's counters began anew."""

    kubelet_url: Annotated[str, Meta(pattern="^https?://")] = "https://localhost:10250"
    """The node's own kubelet; in a pod `https://$(HOST_IP):10250`. http is for tests."""

    kubelet_token_file: str = f"{_SERVICE_ACCOUNT}/token"
    """The bearer token, read at each call, since Kubernetes rotates it. It needs `get` on `nodes/stats`."""

    kubelet_ca_file: str = f"{_SERVICE_ACCOUNT}/ca.crt"
    """Whom the kubelet's serving certificate must be signed by."""

    kubelet_server_name: str = ""
    """The name in that certificate where it isn't the URL's host; most often the node's name."""

    kubelet_insecure: bool = False
    """Ask without checking the certificate: many clusters leave the kubelets' self-signed."""

    kubelet_timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """For one whole answer; a kubelet under load takes seconds."""

    dcgm_url: Annotated[str, Meta(pattern="^(https?://.+)?$")] = ""
    """`/metrics` of the node's DCGM exporter, to know how busy pods keep their GPUs: `http://$(HOST_IP):9400/metrics`.
    Empty: GPUs are charged all the same, by request; only their use isn't known.
    """

    dcgm_interval_seconds: Annotated[float, Meta(ge=1, le=60)] = 15.0
    """How often it is asked; the exporter has new figures every 30 s unless told otherwise."""
