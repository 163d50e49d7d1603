"""Amounts of what pods reserve and machines have."""

from dataclasses import dataclass
from fractions import Fraction

MIB = 1024**2
GIB = 1024**3

Devices = tuple[tuple[str, int], ...]
"""Extended resources other than `nvidia.com/gpu` and how many units of each, by name: `nvidia.com/mig-1g.5gb`."""


@dataclass(frozen=True)
class Resources:
    """An amount of what a pod can reserve; `gpus` are units of `nvidia.com/gpu`, which a node may cut into slices."""

    cpu_millicores: int = 0
    memory_bytes: int = 0
    gpus: int = 0
    devices: Devices = ()

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(
            self.cpu_millicores + other.cpu_millicores,
            self.memory_bytes + other.memory_bytes,
            self.gpus + other.gpus,
            _summed(self.devices, other.devices, 1),
        )

    def __sub__(self, other: "Resources") -> "Resources":
        return Resources(
            self.cpu_millicores - other.cpu_millicores,
            self.memory_bytes - other.memory_bytes,
            self.gpus - other.gpus,
            _summed(self.devices, other.devices, -1),
        )

    def larger(self, other: "Resources") -> "Resources":
        """The greater of both, each resource by itself."""
        return Resources(
            max(self.cpu_millicores, other.cpu_millicores),
            max(self.memory_bytes, other.memory_bytes),
            max(self.gpus, other.gpus),
            _greater(self.devices, other.devices),
        )

    def fits_in(self, room: "Resources") -> bool:
        """Whether each resource is at most what `room` has."""
        there = dict(room.devices)
        return (
            self.cpu_millicores <= room.cpu_millicores
            and self.memory_bytes <= room.memory_bytes
            and self.gpus <= room.gpus
            and all(units <= there.get(name, 0) for name, units in self.devices)
        )


NONE_RESERVED = Resources()


@dataclass(frozen=True)
class Weights:
    """How a node's price is split, per vCPU, GiB and GPU (cost-model.md §1; only their ratio counts)."""

    cpu: Fraction = Fraction("0.031611")
    memory: Fraction = Fraction("0.004237")
    gpu: Fraction = Fraction("0.95")


DEFAULT_WEIGHTS = Weights()


@dataclass(frozen=True)
class Shape:
    """The nominal size that an instance type is sold by."""

    vcpu: Fraction
    memory_gib: Fraction
    gpus: Fraction = Fraction(0)


def _summed(ours: Devices, theirs: Devices, sign: int) -> Devices:
    if not theirs:
        return ours
    units = dict(ours)
    for name, amount in theirs:
        units[name] = units.get(name, 0) + sign * amount
    return tuple((name, units[name]) for name in sorted(units) if units[name])


def _greater(ours: Devices, theirs: Devices) -> Devices:
    if not theirs:
        return ours
    units = dict(ours)
    for name, amount in theirs:
        units[name] = max(units.get(name, 0), amount)
    return tuple(sorted(units.items()))
