"""The resources that are followed, and how a page or an object of each is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from kube_cost_aggregator.inputs.kubernetes import shapes, volume_shapes
from kube_cost_aggregator.inputs.kubernetes.objects import ObjectReader
from kube_cost_aggregator.inputs.kubernetes.reading import ObjectError, Report
from kube_cost_aggregator.state.facts import (
    ClaimFacts,
    NamespaceFacts,
    NodeFacts,
    OwnerFacts,
    PodFacts,
    ServiceFacts,
    StorageClassFacts,
    VolumeFacts,
)

Facts = NodeFacts | PodFacts | NamespaceFacts | VolumeFacts | ClaimFacts | StorageClassFacts | ServiceFacts | OwnerFacts

F_co = TypeVar("F_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class FactsPage(Generic[F_co]):
    """One page of a list, read. `continue_token` is empty on the last one."""

    facts: Sequence[F_co]
    resource_version: str
    continue_token: str


@dataclass(frozen=True, kw_only=True)
class FactsObject(Generic[F_co]):
    """One object of a watch, read; `facts` is None where they couldn't be."""

    uid: str
    resource_version: str
    facts: F_co | None


class Resource(Generic[F_co]):
    """A kind of object that is followed: its place in the API, and how it is read."""

    def __init__(
        self,
        *,
        kind: str,
        plural: str,
        shape: type[Any],
        facts: Callable[[Any], F_co],
        report: Report,
        group: str = "",
        metadata_only: bool = False,
    ) -> None:
        """Take the names the API has for it, its shape, what makes facts of the shape, and who hears of faults."""
        self.kind = kind
        self.plural = plural
        self.group = group
        self.metadata_only = metadata_only
        self._facts = facts
        self._report = report
        self._page = msgspec.json.Decoder(shapes.Page[shape])  # type: ignore[valid-type]
        self._raw_page = msgspec.json.Decoder(shapes.Page[msgspec.Raw])
        self._object = msgspec.json.Decoder(shape)
        self._identity = msgspec.json.Decoder(shapes.Versioned)

    @property
    def path(self) -> str:
        """Where all objects of the kind, of all namespaces, are listed and watched."""
        return f"/apis/{self.group}/v1/{self.plural}" if self.group else f"/api/v1/{self.plural}"

    def accept(self, *, is_list: bool) -> str:
        """Return the media type to ask for."""
        if not self.metadata_only:
            return "application/json"
        kind = "PartialObjectMetadataList" if is_list else "PartialObjectMetadata"
        return f"application/json;as={kind};g=meta.k8s.io;v=v1,application/json"

    def read_page(self, body: bytes) -> FactsPage[F_co]:
        """Return a page of a list; raise msgspec.DecodeError where it is none. Bad objects are reported, left out."""
        try:
            page = self._page.decode(body)
        except msgspec.ValidationError:
            return self._read_page_one_by_one(body)
        read = (self._facts_of(item) for item in page.items or ())
        return FactsPage(
            facts=[facts for facts in read if facts is not None],
            resource_version=page.metadata.resource_version,
            continue_token=page.metadata.continue_,
        )

    def read_object(self, raw: msgspec.Raw) -> FactsObject[F_co]:
        """Return one object; where it can't be read, that is reported and only its identity is returned.

        Raises msgspec.DecodeError where not even that can be.
        """
        try:
            read = self._object.decode(raw)
        except msgspec.ValidationError as error:
            metadata = self._identity.decode(raw).metadata
            self._report(_structure_error(self.kind, metadata, error))
            return FactsObject(uid=metadata.uid, resource_version=metadata.resource_version, facts=None)
        metadata = read.metadata
        return FactsObject(uid=metadata.uid, resource_version=metadata.resource_version, facts=self._facts_of(read))

    def _read_page_one_by_one(self, body: bytes) -> FactsPage[F_co]:
        """Read a page of which at least one object doesn't have its kind's structure."""
        page = self._raw_page.decode(body)
        facts = []
        for item in page.items or ():
            try:
                read = self.read_object(item).facts
            except msgspec.DecodeError as error:
                self._report(_structure_error(self.kind, shapes.Version(), error))
                continue
            if read is not None:
                facts.append(read)
        return FactsPage(
            facts=facts,
            resource_version=page.metadata.resource_version,
            continue_token=page.metadata.continue_,
        )

    def _facts_of(self, item: Any) -> F_co | None:
        try:
            return self._facts(item)
        except ObjectError as error:
            self._report(error)
            return None


def _structure_error(kind: str, metadata: shapes.Version, error: msgspec.DecodeError) -> ObjectError:
    fault, _, path = str(error).partition(" - at ")
    return ObjectError(
        kind=kind,
        namespace=metadata.namespace,
        name=metadata.name,
        field=path.strip("`").removeprefix("$.").removeprefix("$"),
        fault=fault,
    )


@dataclass(frozen=True, kw_only=True)
class Resources:
    """All resources that are followed."""

    nodes: Resource[NodeFacts]
    pods: Resource[PodFacts]
    namespaces: Resource[NamespaceFacts]
    volumes: Resource[VolumeFacts]
    claims: Resource[ClaimFacts]
    storage_classes: Resource[StorageClassFacts]
    services: Resource[ServiceFacts]
    replica_sets: Resource[OwnerFacts]
    jobs: Resource[OwnerFacts]
    cron_jobs: Resource[OwnerFacts]

    def all(self) -> tuple[Resource[Facts], ...]:
        """Return all of them: what pods need first."""
        return (
            self.nodes,
            self.namespaces,
            self.storage_classes,
            self.volumes,
            self.claims,
            self.services,
            self.replica_sets,
            self.jobs,
            self.cron_jobs,
            self.pods,
        )


def all_resources(*, reader: ObjectReader, report: Report) -> Resources:
    """Return the resources, read by `reader`; faults in their structure go to `report`."""

    def owners(kind: str, plural: str, group: str) -> Resource[OwnerFacts]:
        return Resource(
            kind=kind,
            plural=plural,
            group=group,
            shape=shapes.PartialObjectMetadata,
            facts=partial(reader.owner, kind),
            report=report,
            metadata_only=True,
        )

    return Resources(
        nodes=Resource(kind="Node", plural="nodes", shape=shapes.Node, facts=reader.node, report=report),
        pods=Resource(kind="Pod", plural="pods", shape=shapes.Pod, facts=reader.pod, report=report),
        namespaces=Resource(
            kind="Namespace", plural="namespaces", shape=shapes.Namespace, facts=reader.namespace, report=report
        ),
        volumes=Resource(
            kind="PersistentVolume",
            plural="persistentvolumes",
            shape=volume_shapes.PersistentVolume,
            facts=reader.volume,
            report=report,
        ),
        claims=Resource(
            kind="PersistentVolumeClaim",
            plural="persistentvolumeclaims",
            shape=volume_shapes.PersistentVolumeClaim,
            facts=reader.claim,
            report=report,
        ),
        storage_classes=Resource(
            kind="StorageClass",
            plural="storageclasses",
            group="storage.k8s.io",
            shape=volume_shapes.StorageClass,
            facts=reader.storage_class,
            report=report,
        ),
        services=Resource(
            kind="Service", plural="services", shape=volume_shapes.Service, facts=reader.service, report=report
        ),
        replica_sets=owners("ReplicaSet", "replicasets", "apps"),
        jobs=owners("Job", "jobs", "batch"),
        cron_jobs=owners("CronJob", "cronjobs", "batch"),
    )
