"""The kubelets: one `/stats/summary` a node, on a port of its own."""

import ssl
import zlib
from collections.abc import Collection, Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.containers import run_of
from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.cluster import EPHEMERAL_BYTES
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.readings import (
    Counters,
    NodeReading,
    container_counters,
    live_containers,
    pod_counters,
    running_containers,
)
from kube_cost_simulator.scenario import GIB
from kube_cost_simulator.serving import LocalServer

Json = dict[str, Any]
INODES = 40_000_000


def cpu(counted: Counters, nanocores: int, at_ns: int) -> Json:
    """A `cpu` block."""
    return {
        "time": rfc3339(at_ns),
        "usageNanoCores": nanocores,
        "usageCoreNanoSeconds": counted.cpu_nanoseconds,
        "psi": pressure(),
    }


def memory(counted: Counters, at_ns: int) -> Json:
    """A `memory` block."""
    return {
        "time": rfc3339(at_ns),
        "usageBytes": counted.working_set_bytes + counted.inactive_file_bytes,
        "workingSetBytes": counted.working_set_bytes,
        "rssBytes": counted.working_set_bytes * 9 // 10,
        "pageFaults": 0,
        "majorPageFaults": 0,
        "psi": pressure(),
    }


def pressure() -> Json:
    """A `psi` block of a node that nothing waits on."""
    return {kind: {"total": 0, "avg10": 0, "avg60": 0, "avg300": 0} for kind in ("full", "some")}


def network(counted: Counters, at_ns: int) -> Json:
    """A `network` block: the top-level interface, which stands among the interfaces again."""
    own = {"rxBytes": counted.receive_bytes, "rxErrors": 0, "txBytes": counted.transmit_bytes, "txErrors": 0}
    none = {"rxBytes": 0, "rxErrors": 0, "txBytes": 0, "txErrors": 0}
    interfaces = [{"name": "tunl0", **none}, {"name": "sit0", **none}, {"name": "eth0", **own}]
    return {"time": rfc3339(at_ns), "name": "eth0", **own, "interfaces": interfaces}


def filesystem(used_bytes: int, at_ns: int, capacity_bytes: int = EPHEMERAL_BYTES) -> Json:
    """A block about a file system: `fs`, `rootfs`, `logs`, `ephemeral-storage`, a volume."""
    used = min(used_bytes, capacity_bytes)
    return {
        "time": rfc3339(at_ns),
        "availableBytes": capacity_bytes - used,
        "capacityBytes": capacity_bytes,
        "usedBytes": used,
        "inodesFree": INODES - 20,
        "inodes": INODES,
        "inodesUsed": 20,
    }


def swap(at_ns: int) -> Json:
    """A `swap` block of a node without any."""
    return {"time": rfc3339(at_ns), "swapUsageBytes": 0}


class Summary:
    """Makes a node's summary. `lag_seconds` bounds how old a block may be: each is as old as its own housekeeping."""

    def __init__(self, *, cluster: SimulatedCluster, node: str, lag_seconds: int = 0) -> None:
        self._cluster = cluster
        self._node = node
        self._lag_seconds = lag_seconds

    def _taken_at(self, block: str, at_ns: int, not_before_ns: int) -> int:
        """When a block was taken: the last full turn of its own period before `at_ns`."""
        if not self._lag_seconds:
            return at_ns
        period_ns = self._lag_seconds * 1_000_000_000
        phase_ns = zlib.crc32(block.encode()) * 1_000_000 % period_ns
        return max(not_before_ns, (at_ns - phase_ns) // period_ns * period_ns + phase_ns)

    def at(self, at_ns: int) -> Json:
        """The summary at `at_ns` (Unix nanoseconds), which must not be before the cluster's last change."""
        reading = self._cluster.reading(self._node, at_ns)
        return {
            "node": self._node_stats(reading),
            "pods": [self._pod(pod, reading) for pod, _ in reading.pods.values()],
        }

    def _node_stats(self, reading: NodeReading) -> Json:
        at_ns, room = reading.at_ns, self._cluster.nodes[self._node]
        created_ns = self._cluster.history.node(self._node).created_ns
        rates = [pod.usage.rates(at_ns) for pod, _ in reading.pods.values() if pod.usage is not None]
        millicores = sum(rate.cpu_millicores for rate in rates)
        left = room.fact.capacity.memory_bytes - reading.node.working_set_bytes
        nanocores = (millicores + room.fact.system_rates.cpu_millicores) * 1_000_000
        pods = {
            "name": "pods",
            "startTime": rfc3339(created_ns),
            "cpu": cpu(reading.kubepods, millicores * 1_000_000, at_ns),
            "memory": memory(reading.kubepods, at_ns),
            "swap": swap(at_ns),
        }
        return {
            "nodeName": self._node,
            "systemContainers": [pods],
            "startTime": rfc3339(created_ns),
            "cpu": cpu(reading.node, nanocores, at_ns),
            "memory": {**memory(reading.node, at_ns), "availableBytes": max(0, left)},
            "io": {"time": rfc3339(at_ns), "psi": pressure()},
            "network": network(reading.node, at_ns),
            "fs": filesystem(reading.node.write_bytes // 10, at_ns),
            "runtime": {
                "imageFs": filesystem(3 * GIB, at_ns),
                "containerFs": filesystem(3 * GIB, at_ns),
            },
            "rlimit": {"time": rfc3339(at_ns), "maxpid": 4194304, "curproc": 400},
            "swap": swap(at_ns),
        }

    def _pod(self, pod: PodState, reading: NodeReading) -> Json:
        assert pod.usage is not None
        start_ns = pod.usage.start_ns
        times = {
            block: self._taken_at(f"{pod.uid}/{block}", reading.at_ns, start_ns)
            for block in ("cpu", "memory", "network", "storage")
        }
        counted = {block: pod_counters(pod.usage, at_ns) for block, at_ns in times.items()}
        # A pod on the host's network has no interface of its own: what is counted is the node's.
        network_counted = reading.node if pod.template.host_network else counted["network"]
        network_ns = reading.at_ns if pod.template.host_network else times["network"]
        storage_ns = times["storage"]
        written = counted["storage"].write_bytes
        started = rfc3339(pod.requests[0].from_ns)
        containers = [self._container(pod, container.name, times) for container in live_containers(pod)]
        volumes = [
            {
                **filesystem(written * 9 // 10, storage_ns, 50 * GIB),
                "name": mount.claim,
                "pvcRef": {"name": self._claim(pod, mount.claim), "namespace": pod.namespace},
            }
            for mount in pod.template.mounts
        ]
        volumes.append({**filesystem(12288, storage_ns, 31457280), "name": "kube-api-access"})
        return {
            "podRef": {"name": pod.name, "namespace": pod.namespace, "uid": pod.kubelet_uid},
            "startTime": started,
            "containers": containers,
            "cpu": cpu(counted["cpu"], pod.usage.rates(times["cpu"]).cpu_millicores * 1_000_000, times["cpu"]),
            "memory": memory(counted["memory"], times["memory"]),
            "io": {"time": rfc3339(times["cpu"]), "psi": pressure()},
            "network": network(network_counted, network_ns),
            "volume": volumes,
            "ephemeral-storage": filesystem(written // 10 + 32768, storage_ns),
            "process_stats": {"process_count": len(containers)},
            "swap": swap(times["memory"]),
        }

    def _claim(self, pod: PodState, mount: str) -> str:
        return pod.claims.get(mount, mount)

    def _container(self, pod: PodState, name: str, times: dict[str, int]) -> Json:
        assert pod.usage is not None
        container = next(each for each in running_containers(pod) if each.name == name)
        whole = sum(each.usage_share for each in running_containers(pod))
        millicores = pod.usage.rates(times["cpu"]).cpu_millicores * container.usage_share // whole
        storage_ns = times["storage"]
        return {
            "name": name,
            "startTime": rfc3339(run_of(pod, container).started_ns or pod.usage.start_ns),
            "cpu": cpu(container_counters(pod, container, times["cpu"]), millicores * 1_000_000, times["cpu"]),
            "memory": memory(container_counters(pod, container, times["memory"]), times["memory"]),
            "io": {"time": rfc3339(times["cpu"]), "psi": pressure()},
            "rootfs": filesystem(16384, storage_ns),
            "logs": filesystem(16384, storage_ns),
            "swap": swap(times["memory"]),
        }


class Kubelet:
    """Serves a node's `/stats/summary` and `/healthz`; both ask for a bearer token."""

    def __init__(
        self,
        *,
        cluster: SimulatedCluster,
        node: str,
        tokens: Collection[str],
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        lag_seconds: int = 0,
        middlewares: Sequence[Middleware] = (),
    ) -> None:
        self._cluster = cluster
        self._node = node
        self._tokens = frozenset(tokens)
        self._summary = Summary(cluster=cluster, node=node, lag_seconds=lag_seconds)
        application = web.Application(middlewares=middlewares)
        application.router.add_get("/stats/summary", self._stats)
        application.router.add_get("/healthz", self._healthz)
        self._server = LocalServer(application=application, port=port, tls=tls)

    async def start(self) -> str:
        """Begin to serve; returns the URL."""
        return await self._server.start()

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()

    def _admit(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            raise web.HTTPUnauthorized(text="Unauthorized")

    async def _stats(self, request: web.Request) -> web.Response:
        self._admit(request)
        self._cluster.advance()
        if self._node not in self._cluster.nodes:
            raise web.HTTPServiceUnavailable(text="the node is gone")
        return web.json_response(self._summary.at(self._cluster.now_ns))

    async def _healthz(self, request: web.Request) -> web.Response:
        self._admit(request)
        return web.Response(text="ok")
