"""DCGM exporters: what NVIDIA's exporter says of a node's GPUs, as it writes it."""

import hashlib
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.gpu_devices import GpuBoard, GpuDevice
from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.scenario import GpuHardware
from kube_cost_simulator.serving import LocalServer

DRIVER_VERSION = "580.95.05"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Lines = list[tuple[str, str]]
"""Labels and value of each series of a family."""


class DcgmMetrics:
    """Writes a node's `/metrics`.

    A device is labelled with the pod that has it. Of the pods that share one by time slicing the exporter names the
    last, unless `virtual_gpus` is on (its --kubernetes-virtual-gpus): then each has a line, with the whole device's
    figures, since nobody can tell them apart: the sum of what each keeps busy of its slice.
    """

    def __init__(self, *, cluster: SimulatedCluster, node: str, virtual_gpus: bool = False) -> None:
        self._cluster = cluster
        self._node = node
        self._virtual_gpus = virtual_gpus
        self._board: GpuBoard | None = None

    def text(self) -> str:
        """The metrics of now; KeyError if the node isn't there, ValueError if it has no GPUs."""
        hardware = self._cluster.nodes[self._node].fact.gpu_hardware
        if hardware is None:
            raise ValueError(f"{self._node} has no GPUs")
        if self._board is None:
            self._board = GpuBoard(hardware=hardware)
        running = [pod for pod in self._cluster.pods.by_node[self._node].values() if pod.running]
        whole, used, free, active = Lines(), Lines(), Lines(), Lines()
        for device, holders in self._board.holders(running).items():
            permille = min(1000, sum(self._permille(pod) for pod, _ in holders) // hardware.replicas)
            memory_mib = memory_of(device, hardware)
            for labels in self._labels(device, hardware, holders):
                if not device.profile:
                    whole.append((labels, str(permille // 10)))
                used.append((labels, str(memory_mib * permille // 1000)))
                free.append((labels, str(memory_mib - memory_mib * permille // 1000)))
                active.append((labels, f"{permille / 1000:.6f}"))
        return "".join(
            family(name, description, lines)
            for name, description, lines in (
                ("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", whole),
                ("DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).", free),
                ("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", used),
                ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active.", active),
            )
            if lines
        )

    def _permille(self, pod: PodState) -> int:
        return 0 if pod.usage is None else pod.usage.rates(self._cluster.now_ns).gpu_permille

    def _labels(self, device: GpuDevice, hardware: GpuHardware, holders: list[tuple[PodState, str]]) -> list[str]:
        """The labels of a device's lines: one for each pod that is named, or one that names none."""
        digest = hashlib.blake2b(f"{self._node}/{device.gpu}".encode(), digest_size=16).hexdigest()
        uuid = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
        labels = {
            "gpu": str(device.gpu),
            "UUID": f"GPU-{uuid}",
            "pci_bus_id": f"00000000:{0x1B + device.gpu:02X}:00.0",
            "device": f"nvidia{device.gpu}",
            "modelName": hardware.model,
        }
        if device.profile:
            labels |= {"GPU_I_PROFILE": device.profile, "GPU_I_ID": str(device.instance)}
        labels |= {"Hostname": self._node, "DCGM_FI_DRIVER_VERSION": DRIVER_VERSION}
        if not holders:
            return [written(labels)]
        named = list(enumerate(holders)) if self._virtual_gpus else [(len(holders) - 1, holders[-1])]
        return [
            written(
                labels
                | {"container": container, "namespace": pod.namespace, "pod": pod.name}
                | ({"vgpu": str(number)} if self._virtual_gpus and hardware.replicas > 1 else {})
            )
            for number, (pod, container) in named
        ]


def memory_of(device: GpuDevice, hardware: GpuHardware) -> int:
    """MiB of a GPU, or of an instance: `5gb` of `1g.5gb`."""
    if not device.profile:
        return hardware.memory_mib
    return int(device.profile.partition(".")[2].partition("gb")[0]) * 1024


def written(labels: dict[str, str]) -> str:
    """Labels in the text format; none of their values needs escaping."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def family(name: str, description: str, lines: Lines) -> str:
    """A family in the text format."""
    head = f"# HELP {name} {description}\n# TYPE {name} gauge\n"
    return head + "".join(f"{name}{labels} {value}\n" for labels, value in lines)


class DcgmExporter:
    """Serves a GPU node's `/metrics`, to anybody, as the exporter does."""

    def __init__(
        self,
        *,
        cluster: SimulatedCluster,
        node: str,
        virtual_gpus: bool = False,
        port: int = 0,
        middlewares: Sequence[Middleware] = (),
    ) -> None:
        self._cluster = cluster
        self._node = node
        self._metrics = DcgmMetrics(cluster=cluster, node=node, virtual_gpus=virtual_gpus)
        application = web.Application(middlewares=middlewares)
        application.router.add_get("/metrics", self._answer)
        self._server = LocalServer(application=application, port=port)

    async def start(self) -> str:
        """Begin to serve; returns the URL."""
        return await self._server.start()

    async def stop(self) -> None:
        """Stop serving."""
        await self._server.stop()

    async def _answer(self, _: web.Request) -> web.Response:
        self._cluster.advance()
        if self._node not in self._cluster.nodes:
            raise web.HTTPServiceUnavailable(text="the node is gone")
        return web.Response(body=self._metrics.text().encode(), headers={"Content-Type": CONTENT_TYPE})
