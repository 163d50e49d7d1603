"""What the name of a machine type says."""

import re
from dataclasses import dataclass

_PREDEFINED = re.compile(
    r"(?P<family>[a-z]\d+[a-z]*)-(?P<kind>[a-z]+)-(?P<count>\d+)(?P<gpus>g)?(?P<rest>(?:-[a-z]+)*)"
)
_CUSTOM = re.compile(
    r"(?:(?P<family>[a-z]\d+[a-z]*)-)?custom-(?P<vcpus>\d+|micro|small|medium)-(?P<mib>\d+)(?P<ext>-ext)?"
)
_SHARED = re.compile(r"(?P<family>e2)-(?P<size>micro|small|medium)|f1-micro|g1-small")

SHARED_VCPUS = {"micro": 0.25, "small": 0.5, "medium": 1.0}
"""The part of a core that an E2 shared-core machine is billed for; its node reports 2 vCPUs
(https://docs.cloud.google.com/compute/docs/general-purpose-machines#sharedcore)."""

_SHARED_GIB = {"e2-micro": 1.0, "e2-small": 2.0, "e2-medium": 4.0, "f1-micro": 0.6, "g1-small": 1.7}
_WHOLE_VCPUS = {"f1-micro": 0.2, "g1-small": 0.5}

SUFFIXES = frozenset({"lssd", "highlssd", "standardlssd", "metal"})


@dataclass(frozen=True, kw_only=True)
class Predefined:
    """`n2-standard-4`, `a2-highgpu-1g`: `count` is of vCPUs, of GPUs where `counts_gpus`."""

    family: str
    kind: str
    count: int
    counts_gpus: bool
    suffixes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Custom:
    """`n2-custom-8-16384-ext`: what is billed for, and whether more memory than usual was asked for."""

    family: str
    vcpu: float
    memory_gib: float
    extended: bool


@dataclass(frozen=True, kw_only=True)
class Shared:
    """`e2-small`, `f1-micro`: the part of a core that is billed; the latter are sold whole."""

    family: str
    vcpu: float
    memory_gib: float
    whole: bool


def parse(name: str) -> Predefined | Custom | Shared | None:
    """Return what `name` says, None where it is no machine type's."""
    shared = _SHARED.fullmatch(name)
    if shared is not None:
        return Shared(
            family=name.partition("-")[0],
            vcpu=_WHOLE_VCPUS.get(name) or SHARED_VCPUS[shared["size"]],
            memory_gib=_SHARED_GIB[name],
            whole=name in _WHOLE_VCPUS,
        )
    custom = _CUSTOM.fullmatch(name)
    if custom is not None:
        vcpus = custom["vcpus"]
        return Custom(
            family=custom["family"] or "n1",
            vcpu=SHARED_VCPUS.get(vcpus) or float(vcpus),
            memory_gib=int(custom["mib"]) / 1024,
            extended=custom["ext"] is not None,
        )
    predefined = _PREDEFINED.fullmatch(name)
    if predefined is None:
        return None
    return Predefined(
        family=predefined["family"],
        kind=predefined["kind"],
        count=int(predefined["count"]),
        counts_gpus=predefined["gpus"] is not None,
        suffixes=frozenset(predefined["rest"].split("-")) - {""},
    )
