"""Which GPU, or which MIG instance of it, a pod has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kube_cost_simulator.pod_state import PodState
from kube_cost_simulator.scenario import GpuHardware, Resources

GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class GpuDevice:
    """A whole GPU (`profile` is empty) or a MIG instance of it, and the extended resource that it is offered as."""

    gpu: int
    profile: str = ""
    instance: int = 0

    @property
    def resource(self) -> str:
        """What a pod asks for to get it."""
        return f"nvidia.com/mig-{self.profile}" if self.profile else GPU


def devices_of(hardware: GpuHardware) -> list[GpuDevice]:
    """All devices of a node."""
    if not hardware.mig:
        return [GpuDevice(gpu) for gpu in range(hardware.count)]
    return [
        GpuDevice(gpu, profile, instance)
        for gpu in range(hardware.count)
        for instance, profile in enumerate(hardware.mig, start=7)
    ]


def units_of(amount: Resources) -> Iterator[tuple[str, int]]:
    """The extended resources in an amount, and how many units of each."""
    yield GPU, amount.gpus
    yield from amount.devices


class GpuBoard:
    """Gives the devices of a node to its pods, in the order in which they were bound; each keeps its own."""

    def __init__(self, *, hardware: GpuHardware) -> None:
        self._slots = [device for device in devices_of(hardware) for _ in range(hardware.replicas)]
        self._held: dict[str, list[tuple[int, str]]] = {}

    def holders(self, pods: Iterable[PodState]) -> dict[GpuDevice, list[tuple[PodState, str]]]:
        """The pods on each device and the container of each that asked for it."""
        there = {pod.uid: pod for pod in pods}
        for uid in set(self._held) - set(there):
            del self._held[uid]
        for pod in sorted(there.values(), key=lambda pod: pod.requests[0].from_ns):
            if pod.uid not in self._held:
                self._held[pod.uid] = list(self._taken_by(pod))
        found: dict[GpuDevice, list[tuple[PodState, str]]] = {device: [] for device in self._slots}
        for uid, slots in self._held.items():
            for slot, container in slots:
                found[self._slots[slot]].append((there[uid], container))
        return found

    def _taken_by(self, pod: PodState) -> Iterator[tuple[int, str]]:
        taken = {slot for slots in self._held.values() for slot, _ in slots}
        for container in pod.requests[-1].containers:
            for resource, units in units_of(container.held):
                free = [
                    slot for slot, device in enumerate(self._slots) if device.resource == resource and slot not in taken
                ]
                for slot in free[:units]:
                    taken.add(slot)
                    yield slot, container.name
