"""Which GPU SKU a machine type's GPUs are billed by, and how many it has."""

from collections.abc import Mapping

_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    "a2-highgpu": ("a100",),
    "a2-megagpu": ("a100",),
    "a2-ultragpu": ("a100 80gb",),
    "a3-highgpu": ("h100 80gb",),
    "a3-edgegpu": ("h100 80gb",),
    "a3-megagpu": ("h100 80gb mega", "h100 80gb plus"),
    "a3-ultragpu": ("h200 141gb",),
    "g2-standard": ("l4",),
    "g2-custom": ("l4",),
    "g4-standard": ("rtx 6000 96gb",),
}
"""The names in the SKUs' descriptions, the usual one first."""

_BY_ACCELERATOR: Mapping[str, tuple[str, ...]] = {
    "nvidia-tesla-k80": ("k80",),
    "nvidia-tesla-p4": ("p4",),
    "nvidia-tesla-p100": ("p100",),
    "nvidia-tesla-v100": ("v100",),
    "nvidia-tesla-t4": ("t4",),
}

_G2_COUNTS: Mapping[int, int] = {4: 1, 8: 1, 12: 1, 16: 1, 24: 2, 32: 1, 48: 4, 96: 8}
_G4_VCPUS_PER_GPU = 48


def names_of_type(family: str, kind: str) -> tuple[str, ...]:
    """Return the GPUs that `family-kind-…` may be billed by; none where none are known."""
    return _BY_TYPE.get(f"{family}-{kind}", ())


def names_of_accelerator(label: str) -> tuple[str, ...]:
    """Return the GPUs that a node with this accelerator label may be billed by; none where it isn't known."""
    return _BY_ACCELERATOR.get(label, ())


def count_by_vcpus(family: str, vcpus: int) -> float:
    """Return the GPUs of a G2 or G4 machine, which are sold with so many vCPUs; 0 for others.

    G4 machines below 48 vCPUs have a part of one, and are billed for that part.
    """
    if family == "g2":
        return _G2_COUNTS.get(vcpus, 0)
    return vcpus / _G4_VCPUS_PER_GPU if family == "g4" else 0
