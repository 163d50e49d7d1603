"""What reading any object has in common: quantities, times, labels, strings kept once, and what a fault does.

A fault in one field leaves that field as if it weren't there; a fault in what makes an object (its structure, name,
uid, or time of creation) leaves the object out. Either is reported, and never stops another object.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from kube_cost_aggregator.inputs.kubernetes.shapes import Meta, OwnerReference
from kube_cost_aggregator.inputs.kubernetes.times import unix_ns
from kube_cost_aggregator.state.facts import Owner
from kube_cost_common.domain.gpus import GpuResources
from kube_cost_common.domain.quantity import QuantityError, units
from kube_cost_common.domain.resources import BYTES_PER_GIB, Resources

_KEPT = 8192  # distinct owners, label sets and request shapes; as many as workloads, not as pods

_LARGEST_AMOUNT = 2**63 - 1  # the API's own: https://github.com/kubernetes/apimachinery, pkg/api/resource

NO_LABELS: Mapping[str, str] = {}


class ObjectError(Exception):
    """An object, or one field of it, that isn't as the API says."""

    def __init__(self, *, kind: str, namespace: str, name: str, field: str, fault: str) -> None:
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.field = field
        self.fault = fault
        super().__init__(kind, namespace, name, field, fault)

    def __str__(self) -> str:
        """Return a sentence that names object and field."""
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name or "(no name)"
        return f"{self.kind} {where}: {self.field + ': ' if self.field else ''}{self.fault}"


Report = Callable[[ObjectError], None]


class FieldReader:
    """Reads fields that several kinds have, and shares what repeats."""

    def __init__(self, *, gpus: GpuResources, kept_labels: frozenset[str], report: Report) -> None:
        """Take which extended resources are GPUs, which labels of pods and claims to keep, and who hears of faults."""
        self._gpus = gpus
        self._kept_labels = kept_labels
        self._report = report
        self.labels = lru_cache(maxsize=_KEPT)(_labels)
        self._owner = lru_cache(maxsize=_KEPT)(Owner)

    def fault(self, kind: str, meta: Meta, field: str, fault: str) -> None:
        """Report that a field is not as the API says and is treated as absent."""
        self._report(ObjectError(kind=kind, namespace=meta.namespace, name=meta.name, field=field, fault=fault))

    def time_ns(self, kind: str, meta: Meta, field: str, text: str | None) -> int | None:
        """Return a time in Unix nanoseconds, None where there is none."""
        if not text:
            return None
        try:
            return unix_ns(text)
        except ValueError as error:
            self.fault(kind, meta, field, str(error))
            return None

    def created_ns(self, kind: str, meta: Meta) -> int:
        """Return when an object was created, in Unix nanoseconds; raise ObjectError where nothing says."""
        field, text = "metadata.creationTimestamp", meta.creation_timestamp
        try:
            return unix_ns(text or "")
        except ValueError as error:
            raise ObjectError(
                kind=kind, namespace=meta.namespace, name=meta.name, field=field, fault=str(error)
            ) from None

    def quantity(self, kind: str, meta: Meta, field: str, resource: str, text: str) -> int:
        """Return a quantity in the scheduler's whole units, 0 where it is none."""
        try:
            return amount(resource, text)
        except QuantityError as error:
            self.fault(kind, meta, field, str(error))
            return 0

    def resources(self, kind: str, meta: Meta, field: str, amounts: Mapping[str, str]) -> Resources:
        """Return vCPUs, GiB and GPUs of what a node has."""
        read = {
            resource: self.quantity(kind, meta, f"{field}.{resource}", resource, text)
            for resource, text in amounts.items()
            if self.counts(resource)
        }
        return Resources(
            vcpu=read.pop("cpu", 0) / 1000,
            memory_gib=read.pop("memory", 0) / BYTES_PER_GIB,
            gpus=self._gpus.count(read, meta.labels),
        )

    def counts(self, resource: str) -> bool:
        """Whether a resource is one that a node's price is split over."""
        return resource in {"cpu", "memory"} or ("/" in resource and self._gpus.count({resource: 1}, NO_LABELS) > 0)

    def owner(self, references: Iterable[OwnerReference]) -> Owner | None:
        """Return the owner that controls an object, None where none does."""
        for reference in references:
            if reference.controller:
                return self._owner(reference.kind, reference.name, reference.uid)
        return None

    def kept_labels(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Return those of an object's labels that the configuration names; equal sets are one object."""
        kept = tuple((name, labels[name]) for name in self._kept_labels if name in labels)
        return self.labels(kept) if kept else NO_LABELS


def amount(resource: str, text: str) -> int:
    """Return a quantity in the scheduler's whole units; raise QuantityError where it is none that anything can have."""
    read = units(resource, text)
    if not 0 <= read <= _LARGEST_AMOUNT:
        raise QuantityError(f"not an amount that anything can have: {text!r}")
    return read


def _labels(items: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return {sys.intern(name): sys.intern(value) for name, value in items}
