"""What a machine costs: its cores, its memory, and what comes with it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isclose

from kube_cost_common.domain.attached_gpus import attached_gpus
from kube_cost_common.messages.prices import PriceRequest, Shape, Weights
from kube_cost_pricing.providers.cloud import Seen
from kube_cost_pricing.providers.gcp import gpus
from kube_cost_pricing.providers.gcp.catalogue import Catalogue
from kube_cost_pricing.providers.gcp.choosing import Item, add_up, choose
from kube_cost_pricing.providers.gcp.facts import (
    CORE,
    GPU,
    HOURS_PER_MONTH,
    LICENCE_CORE,
    LOCAL_SSD,
    RAM,
    UPGRADE_CORE,
    UPGRADE_RAM,
    WHOLE,
    Fact,
    Key,
)
from kube_cost_pricing.providers.gcp.local_ssd import bundled_gib
from kube_cost_pricing.providers.gcp.machine_names import Custom, Predefined, Shared, parse
from kube_cost_pricing.providers.gcp.sorting import MEMORY_OPTIMIZED
from kube_cost_pricing.providers.source import API, NO_INSTANCE_TYPE, Answer, Quote, Unknown

_SOLD_AS: Mapping[str, str] = {"m1": MEMORY_OPTIMIZED, "m2": MEMORY_OPTIMIZED}

GIB_PER_VCPU = (0.9, 1.0, 2.0, 3.75, 3.875, 4.0, 6.5, 7.0, 7.75, 8.0, 14.0, 15.5, 24.0, 30.5)
"""What Google's predefined machines have (https://docs.cloud.google.com/compute/docs/machine-resource)."""

WHOLE_GIB = 0.05
"""All types have whole steps of this; what a kernel reports is some KiB off them."""

KERNEL_KEEPS = 0.10
"""The largest part of a machine's memory that its node doesn't report."""


@dataclass(frozen=True, kw_only=True)
class _Machine:
    """What is billed of a machine. `guessed` is why its memory isn't certain, empty where it is."""

    family: str
    suffix: str
    vcpu: float
    memory_gib: float
    gpu_names: tuple[str, ...] = ()
    gpu_count: float = 0.0
    ssd_gib: float = 0.0
    guessed: str = ""


class MachinePrices:
    """Prices of one listing."""

    def __init__(self, *, catalogue: Catalogue, seen: Seen) -> None:
        self._catalogue = catalogue
        self._seen = seen

    def price(self, request: PriceRequest) -> Answer:
        """Return what the requested machine costs, on demand or spot."""
        if not request.sku:
            return Unknown(reason="no instance type is named", code=NO_INSTANCE_TYPE)
        named = parse(request.sku)
        if named is None:
            return Unknown(reason=f"{request.sku!r} is no machine type of Google Cloud")
        if isinstance(named, Shared) and named.whole:
            return self._whole(request, named)
        machine = _machine(request, named)
        if isinstance(machine, Unknown):
            return machine
        return self._sum(request, _with_attached(request, machine))

    def _whole(self, request: PriceRequest, named: Shared) -> Answer:
        fact = self._choose(request, WHOLE, request.sku)
        if isinstance(fact, Unknown):
            return fact
        if request.os == "windows":
            return Unknown(reason=f"what Windows costs on {request.sku} isn't known")
        return self._quote(fact.amount, fact.currency, Shape(named.vcpu, named.memory_gib), None, "")

    def _sum(self, request: PriceRequest, machine: _Machine) -> Answer:
        name = self._sold_as(request, machine)
        core = self._either(request, CORE, name, machine.suffix.removesuffix(" extended"))
        ram = self._either(request, RAM, name, machine.suffix)
        if isinstance(core, Unknown):
            return core
        if isinstance(ram, Unknown):
            return ram
        items = [Item(count=machine.vcpu, fact=core), Item(count=machine.memory_gib, fact=ram)]
        gpu: Fact | None = None
        if machine.gpu_count:
            found = self._gpu(request, machine.gpu_names)
            if isinstance(found, Unknown):
                return found
            gpu = found
            items.append(Item(count=machine.gpu_count, fact=gpu))
        extras = self._extras(request, machine)
        if isinstance(extras, Unknown):
            return extras
        total = add_up([*items, *extras])
        if isinstance(total, Unknown):
            return total
        weights = Weights(core.amount, ram.amount, gpu.amount if gpu is not None else 0.0)
        shape = Shape(machine.vcpu, machine.memory_gib, machine.gpu_count)
        return self._quote(total.amount, total.currency, shape, weights, machine.guessed)

    def _extras(self, request: PriceRequest, machine: _Machine) -> list[Item] | Unknown:
        """Return what is billed beside cores, memory and GPUs."""
        items: list[Item] = []
        wanted: list[tuple[str, str, float, float]] = []
        if machine.family == "m2":
            wanted.append((UPGRADE_CORE, MEMORY_OPTIMIZED, machine.vcpu, 1.0))
            wanted.append((UPGRADE_RAM, MEMORY_OPTIMIZED, machine.memory_gib, 1.0))
        if machine.ssd_gib:
            own = machine.family if self._catalogue.known(LOCAL_SSD, machine.family) else ""
            wanted.append((LOCAL_SSD, own, machine.ssd_gib, 1 / HOURS_PER_MONTH))
        for part, name, count, per_hour in wanted:
            fact = self._choose(request, part, name)
            if isinstance(fact, Unknown):
                return fact
            items.append(Item(count=count, fact=fact, per_hour=per_hour))
        if request.os == "windows":
            licence = choose(
                self._catalogue, request.region, Key(LICENCE_CORE, "windows", "on_demand"), seen=self._seen
            )
            if isinstance(licence, Unknown):
                return licence
            items.append(Item(count=machine.vcpu, fact=licence))
        return items

    def _gpu(self, request: PriceRequest, names: tuple[str, ...]) -> Fact | Unknown:
        """Return the price of a machine's GPUs, which are listed under one of several names."""
        answer: Fact | Unknown = Unknown(
            reason=f"{request.sku} has GPUs of a kind that nothing names: give it a price of your own"
        )
        for name in names:
            answer = self._choose(request, GPU, name)
            if isinstance(answer, Fact):
                return answer
        return answer

    def _sold_as(self, request: PriceRequest, machine: _Machine) -> str:
        """Return the name of a machine's cores and memory: its family's, or where one type has its own, that."""
        alone = request.sku.replace("-", "")
        return alone if self._catalogue.known(CORE, alone) else _SOLD_AS.get(machine.family, machine.family)

    def _either(self, request: PriceRequest, part: str, name: str, suffix: str) -> Fact | Unknown:
        """Return the price of a custom machine's part where there is one of its own, else the family's."""
        if suffix and self._catalogue.known(part, f"{name} {suffix}"):
            return self._choose(request, part, f"{name} {suffix}")
        return self._choose(request, part, name)

    def _choose(self, request: PriceRequest, part: str, name: str) -> Fact | Unknown:
        return choose(self._catalogue, request.region, Key(part, name, request.capacity), seen=self._seen)

    def _quote(self, amount: float, currency: str, shape: Shape, weights: Weights | None, guessed: str) -> Quote:
        return Quote(
            amount=amount,
            unit="hour",
            source=API,
            fetched_at_ns=self._catalogue.listed_at_ns,
            currency=currency,
            exact=not guessed,
            note=guessed,
            shape=shape,
            weights=weights,
        )


def _machine(request: PriceRequest, named: Predefined | Custom | Shared) -> _Machine | Unknown:
    if isinstance(named, Shared):
        return _Machine(family=named.family, suffix="", vcpu=named.vcpu, memory_gib=named.memory_gib)
    if isinstance(named, Custom):
        suffix = "custom extended" if named.extended else "custom"
        return _Machine(family=named.family, suffix=suffix, vcpu=named.vcpu, memory_gib=named.memory_gib)
    return _predefined(request, named)


def _with_attached(request: PriceRequest, machine: _Machine) -> _Machine:
    """Return the machine with the GPUs that its labels speak of."""
    attached = attached_gpus(request.provider, request.sku, request.labels)
    if attached is None:
        return machine
    kind, count = attached
    if count == 0:
        waiting = f"without its GPUs ({kind}), of which its node reports none yet"
        return replace(machine, guessed="; ".join(part for part in (machine.guessed, waiting) if part))
    return replace(machine, gpu_names=gpus.names_of_accelerator(kind), gpu_count=count)


def _predefined(request: PriceRequest, named: Predefined) -> _Machine | Unknown:
    shape = request.shape
    if shape is None or shape.vcpu <= 0 or shape.memory_gib <= 0:
        return Unknown(reason=f"nobody says how large {request.sku} is")
    vcpus = shape.vcpu if named.counts_gpus else float(named.count)
    count = float(named.count) if named.counts_gpus else gpus.count_by_vcpus(named.family, round(vcpus))
    names = gpus.names_of_type(named.family, named.kind)
    if shape.gpus and not names:
        names, count = (), shape.gpus
    ssd_gib = bundled_gib(family=named.family, kind=named.kind, vcpus=round(vcpus), gpus=count, suffixes=named.suffixes)
    if ssd_gib is None:
        return Unknown(reason=f"nobody says how much local SSD {request.sku} has")
    memory_gib, guessed = _nominal_gib(shape.memory_gib, vcpus)
    return _Machine(
        family=named.family,
        suffix="",
        vcpu=vcpus,
        memory_gib=memory_gib,
        gpu_names=names,
        gpu_count=count,
        ssd_gib=ssd_gib,
        guessed=f"its memory is taken to be {memory_gib:g} GiB" if guessed else "",
    )


def _nominal_gib(reported_gib: float, vcpus: float) -> tuple[float, bool]:
    """Return a machine's memory from what is known or its node reports, and whether that is a guess."""
    steps = reported_gib / WHOLE_GIB
    if isclose(steps, round(steps), abs_tol=1e-6):
        return reported_gib, False
    for ratio in GIB_PER_VCPU:
        nominal = ratio * vcpus
        if nominal * (1 - KERNEL_KEEPS) <= reported_gib <= nominal:
            return nominal, True
    return float(-(-reported_gib // 1)), True
