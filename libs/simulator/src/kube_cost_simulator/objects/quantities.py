"""Kubernetes quantities, as whole millicores and bytes."""

import math
from decimal import Decimal

from kube_cost_simulator.scenario import Resources

Json = dict[str, str]

MIG_PREFIX = "nvidia.com/mig-"
BINARY_UNITS = (("Gi", 1024**3), ("Mi", 1024**2), ("Ki", 1024))
MULTIPLIERS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(1024),
    "Mi": Decimal(1024**2),
    "Gi": Decimal(1024**3),
    "Ti": Decimal(1024**4),
}


def cpu_text(millicores: int) -> str:
    """Millicores in canonical form: `250m`, `2`."""
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def bytes_text(amount: int) -> str:
    """Bytes in canonical form: the greatest binary unit that leaves a whole number."""
    for unit, size in BINARY_UNITS:
        if amount and amount % size == 0:
            return f"{amount // size}{unit}"
    return str(amount)


def amounts(resources: Resources) -> Json:
    """A `requests` or `limits` map: what isn't asked for isn't there."""
    texts = {}
    if resources.cpu_millicores:
        texts["cpu"] = cpu_text(resources.cpu_millicores)
    if resources.memory_bytes:
        texts["memory"] = bytes_text(resources.memory_bytes)
    if resources.gpus:
        texts["nvidia.com/gpu"] = str(resources.gpus)
    return texts | {name: str(units) for name, units in resources.devices}


def number(quantity: str) -> Decimal:
    """The value of a quantity; decimal.InvalidOperation if it isn't one."""
    for suffix in sorted(MULTIPLIERS, key=len, reverse=True):
        if quantity.endswith(suffix):
            return Decimal(quantity[: -len(suffix)]) * MULTIPLIERS[suffix]
    return Decimal(quantity)


def resources_of(texts: Json) -> Resources:
    """The amounts of a `requests` map, rounded up to whole millicores and bytes as the API server does."""
    return Resources(
        cpu_millicores=math.ceil(number(str(texts.get("cpu", "0"))) * 1000),
        memory_bytes=math.ceil(number(str(texts.get("memory", "0")))),
        gpus=int(number(str(texts.get("nvidia.com/gpu", "0")))),
        devices=tuple(
            (name, int(number(str(units)))) for name, units in sorted(texts.items()) if name.startswith(MIG_PREFIX)
        ),
    )
