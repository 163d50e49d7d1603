"""Local SSD that comes with a machine type, in GiB. It is billed by a SKU of its own, and the name says only `-lssd`.

Figures: https://docs.cloud.google.com/compute/docs/disks/local-ssd (disks of 375 GiB, 3000 GiB in Z3).
"""

from collections.abc import Mapping

_DISK_GIB = 375.0

_DISKS: Mapping[str, Mapping[int, int]] = {
    "c3": {4: 1, 8: 2, 22: 4, 44: 8, 88: 16, 176: 32},
    "c3d": {8: 1, 16: 1, 30: 2, 60: 4, 90: 8, 180: 16, 360: 32},
    "c4": {4: 1, 8: 1, 16: 2, 24: 4, 32: 5, 48: 8, 96: 16, 144: 24, 192: 32, 288: 48},
    "c4a": {4: 1, 8: 2, 16: 4, 32: 6, 48: 10, 64: 14, 72: 16},
    "c4d": {8: 1, 16: 1, 32: 2, 48: 4, 64: 6, 96: 8, 192: 16, 384: 32},
    "h4d": {192: 10},
}
"""How many disks a type with so many vCPUs has."""

_Z3_GIB: Mapping[str, Mapping[int, float]] = {
    "standardlssd": {14: 3000, 22: 6000, 44: 9000, 88: 18000, 176: 36000},
    "highlssd": {8: 3000, 16: 6000, 22: 9000, 32: 12000, 44: 18000, 88: 36000, 192: 72000},
}

_PER_GPU_GIB: Mapping[str, float] = {
    "a2-ultragpu": 375.0,
    "a3-highgpu": 750.0,
    "a3-edgegpu": 750.0,
    "a3-megagpu": 750.0,
    "a3-ultragpu": 1500.0,
}


def bundled_gib(*, family: str, kind: str, vcpus: int, gpus: float, suffixes: frozenset[str]) -> float | None:
    """Return the GiB of local SSD in the price of a machine type; 0 without any, None where they aren't known.

    The type's name is `family-kind-…`, with `suffixes` after the count (`lssd`, `highlssd`, `metal`).
    """
    if family == "z3":
        sizes = next((sizes for suffix, sizes in _Z3_GIB.items() if suffix in suffixes), {})
        return sizes.get(vcpus)
    if "lssd" in suffixes:
        disks = _DISKS.get(family, {}).get(vcpus)
        return None if disks is None else disks * _DISK_GIB
    return _PER_GPU_GIB.get(f"{family}-{kind}", 0.0) * gpus
