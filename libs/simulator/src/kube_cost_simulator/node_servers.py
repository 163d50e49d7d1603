"""What listens on the nodes: a kubelet on each that an agent may run on, and a DCGM exporter where there are GPUs."""

import asyncio
import ssl
from collections.abc import Callable, Collection
from dataclasses import dataclass

from aiohttp.typedefs import Middleware

from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.dcgm import DcgmExporter
from kube_cost_simulator.kubelets import Kubelet


@dataclass(frozen=True)
class NodeAddresses:
    """Where the servers of a node are; `dcgm_url` is None for one without GPUs."""

    kubelet_url: str
    dcgm_url: str | None


class NodeServers:
    """Keeps the servers of the nodes that are there. `middleware_of` is what stands before a node's kubelet."""

    def __init__(
        self,
        *,
        cluster: SimulatedCluster,
        tokens: Collection[str],
        tls: ssl.SSLContext | None,
        lag_seconds: int,
        middleware_of: Callable[[str], Middleware],
    ) -> None:
        self._cluster = cluster
        self._tokens = tokens
        self._tls = tls
        self._lag_seconds = lag_seconds
        self._middleware_of = middleware_of
        self._servers: dict[str, tuple[Kubelet | DcgmExporter, ...]] = {}
        self.addresses: dict[str, NodeAddresses] = {}

    @property
    def wanted(self) -> list[str]:
        """The nodes that are to have them."""
        return [name for name, room in self._cluster.nodes.items() if room.fact.agent]

    @property
    def behind(self) -> bool:
        """Whether nodes have come or gone since `follow`."""
        return set(self.addresses) != set(self.wanted)

    async def follow(self) -> None:
        """Start the servers of new nodes and stop those of nodes that are gone. OSError if there is no port."""
        for name in set(self.addresses) - set(self.wanted):
            for server in self._servers.pop(name):
                await server.stop()
            del self.addresses[name]
        for name in self.wanted:
            if name not in self.addresses:
                await self._start(name)

    async def _start(self, name: str) -> None:
        kubelet = Kubelet(
            cluster=self._cluster,
            node=name,
            tokens=self._tokens,
            tls=self._tls,
            lag_seconds=self._lag_seconds,
            middlewares=[self._middleware_of(name)],
        )
        self._servers[name] = (kubelet,)
        kubelet_url, dcgm_url = await kubelet.start(), None
        if self._cluster.nodes[name].fact.gpu_hardware is not None:
            exporter = DcgmExporter(cluster=self._cluster, node=name)
            self._servers[name] = (kubelet, exporter)
            dcgm_url = f"{await exporter.start()}/metrics"
        self.addresses[name] = NodeAddresses(kubelet_url, dcgm_url)

    async def stop(self) -> None:
        """Stop all of them."""
        async with asyncio.TaskGroup() as group:
            for servers in self._servers.values():
                for server in servers:
                    group.create_task(server.stop(), name="stop a node's server")
