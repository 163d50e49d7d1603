"""What the edges read, as the sampler takes it: plain numbers with their time, no files and no network."""

from collections.abc import Mapping, Sequence

import msgspec


class IoReading(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Block I/O since the cgroup was made, all devices together."""

    read_bytes: int
    write_bytes: int
    read_operations: int
    write_operations: int


class CgroupReading(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One cgroup now. `inode` is its directory's: another one means that it was made anew.

    `cpu_ns` counts from its birth, `working_set_bytes` is of this moment, `io` is None where nothing counts it.
    """

    inode: int
    cpu_ns: int
    working_set_bytes: int
    io: IoReading | None


Parts = Mapping[str, CgroupReading]
"""The cgroups that make up one thing, by path: most often one, more under containerd's driver mismatch."""


class NodeReading(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the cgroup tree, at `at_ns` of the session's clock.

    `roots` are by the names of `kube_cost_common.messages.usage`, `pods` by uid. A pod in `unreadable` is there, but
    couldn't be read this time.
    """

    at_ns: int
    roots: Mapping[str, Parts]
    pods: Mapping[str, Parts]
    unreadable: frozenset[str] = frozenset()


class NetworkReading(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Network interfaces, at `time_ns` of the kubelet's clock, counted since they were made.

    A pod's own one is as old as its sandbox, a node's as its boot.
    """

    time_ns: int
    receive_bytes: int
    transmit_bytes: int


class StorageReading(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A pod's ephemeral storage (writable layers, logs, emptyDir), at `time_ns` of the kubelet's clock."""

    time_ns: int
    used_bytes: int


class PodSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What the kubelet says of one pod; None where it says nothing, or where it isn't the pod's own."""

    uid: str
    namespace: str
    name: str
    network: NetworkReading | None
    ephemeral_storage: StorageReading | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the kubelet says of its pods, and of the node's own interfaces to the outside; None where it doesn't."""

    pods: Sequence[PodSummary]
    network: NetworkReading | None = None
