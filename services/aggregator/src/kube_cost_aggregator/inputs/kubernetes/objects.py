"""Kubernetes' objects → the aggregator's facts. Pods have a file of their own: pods.py."""

import sys
from collections.abc import Mapping

from kube_cost_aggregator.inputs.kubernetes.pods import PodReader
from kube_cost_aggregator.inputs.kubernetes.reading import FieldReader, Report
from kube_cost_aggregator.inputs.kubernetes.shapes import Namespace, Node, PartialObjectMetadata, Pod
from kube_cost_aggregator.inputs.kubernetes.volume_shapes import (
    PersistentVolume,
    PersistentVolumeClaim,
    Service,
    StorageClass,
    VolumeSpec,
)
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
from kube_cost_common.domain.gpus import GpuResources
from kube_cost_common.domain.privacy import PLAIN, PodNames

ANNOTATION_PREFIX = "kube-cost.io/"
"""The annotations of namespaces that are this project's: budgets."""

_CLOUD_CLASSES = (
    "service.k8s.aws/",
    "eks.amazonaws.com/",
    "networking.gke.io/",
    "cloud.google.com/",
    "service.beta.kubernetes.io/azure",
)
"""The `loadBalancerClass`es of load balancers that a cloud bills; others (MetalLB, Tailscale, …) aren't the cloud's."""

_IN_TREE_PLUGINS = {
    "aws_elastic_block_store": "awsElasticBlockStore",
    "azure_disk": "azureDisk",
    "azure_file": "azureFile",
    "cephfs": "cephfs",
    "cinder": "cinder",
    "fc": "fc",
    "gce_persistent_disk": "gcePersistentDisk",
    "glusterfs": "glusterfs",
    "host_path": "hostPath",
    "iscsi": "iscsi",
    "local": "local",
    "nfs": "nfs",
    "portworx_volume": "portworxVolume",
    "rbd": "rbd",
    "vsphere_volume": "vsphereVolume",
}

_NOT_BOUND = frozenset({"Available", "Released", "Failed"})


class ObjectReader:
    """Makes facts of objects. Each method raises ObjectError where an object is no use at all."""

    def __init__(
        self, *, gpus: GpuResources, kept_labels: frozenset[str], report: Report, pod_names: PodNames = PLAIN
    ) -> None:
        """Take which extended resources are GPUs, which labels of pods and claims to keep, and who hears of faults.

        `pod_names` says what stands for pods' names: nothing behind here has seen one that isn't to be shown.
        """
        self._fields = FieldReader(gpus=gpus, kept_labels=kept_labels, report=report)
        self._pods = PodReader(fields=self._fields, pod_names=pod_names)

    def pod(self, pod: Pod) -> PodFacts:
        """Return the facts of a pod."""
        return self._pods.read(pod)

    def node(self, node: Node) -> NodeFacts:
        """Return the facts of a node."""
        meta = node.metadata
        return NodeFacts(
            uid=meta.uid,
            name=sys.intern(meta.name),
            created_ns=self._fields.created_ns("Node", meta),
            provider_id=node.spec.provider_id,
            labels=self._labels(meta.labels),
            capacity=self._fields.resources("Node", meta, "status.capacity", node.status.capacity),
            allocatable=self._fields.resources("Node", meta, "status.allocatable", node.status.allocatable),
        )

    def namespace(self, namespace: Namespace) -> NamespaceFacts:
        """Return the facts of a namespace."""
        meta = namespace.metadata
        return NamespaceFacts(
            uid=meta.uid,
            name=sys.intern(meta.name),
            labels=self._labels(meta.labels),
            annotations={name: text for name, text in meta.annotations.items() if name.startswith(ANNOTATION_PREFIX)},
        )

    def volume(self, volume: PersistentVolume) -> VolumeFacts:
        """Return the facts of a persistent volume. One that its claim has left keeps the name of it: it is nobody's.

        Its labels include what its node affinity asks for with a single value: CSI drivers say the zone there.
        """
        meta, spec = volume.metadata, volume.spec
        claim = spec.claim_ref if volume.status.phase not in _NOT_BOUND else None
        return VolumeFacts(
            uid=meta.uid,
            name=meta.name,
            created_ns=self._fields.created_ns("PersistentVolume", meta),
            capacity_bytes=self._fields.quantity(
                "PersistentVolume", meta, "spec.capacity.storage", "storage", spec.capacity.get("storage", "0")
            ),
            storage_class=sys.intern(spec.storage_class_name),
            claim=(sys.intern(claim.namespace), claim.name) if claim else None,
            driver=sys.intern(_driver(spec)),
            attributes=spec.csi.volume_attributes if spec.csi else {},
            labels=self._labels({**_single_affinities(spec), **meta.labels}),
        )

    def claim(self, claim: PersistentVolumeClaim) -> ClaimFacts:
        """Return the facts of a persistent volume claim."""
        meta = claim.metadata
        return ClaimFacts(
            uid=meta.uid,
            namespace=sys.intern(meta.namespace),
            name=meta.name,
            created_ns=self._fields.created_ns("PersistentVolumeClaim", meta),
            volume_name=claim.spec.volume_name,
            storage_class=sys.intern(claim.spec.storage_class_name or ""),
            labels=self._fields.kept_labels(meta.labels),
        )

    def storage_class(self, storage_class: StorageClass) -> StorageClassFacts:
        """Return the facts of a storage class."""
        meta = storage_class.metadata
        return StorageClassFacts(
            uid=meta.uid,
            name=meta.name,
            provisioner=storage_class.provisioner,
            parameters=storage_class.parameters,
        )

    def service(self, service: Service) -> ServiceFacts:
        """Return the facts of a Service."""
        meta, spec = service.metadata, service.spec
        balancer = service.status.load_balancer
        own_class = spec.load_balancer_class
        return ServiceFacts(
            uid=meta.uid,
            namespace=sys.intern(meta.namespace),
            name=meta.name,
            created_ns=self._fields.created_ns("Service", meta),
            has_load_balancer=spec.type == "LoadBalancer"
            and (not own_class or own_class.startswith(_CLOUD_CLASSES))
            and balancer is not None
            and bool(balancer.ingress),
        )

    def owner(self, kind: str, metadata: PartialObjectMetadata) -> OwnerFacts:
        """Return the facts of a ReplicaSet, Job or CronJob, which is what `kind` says."""
        meta = metadata.metadata
        return OwnerFacts(
            uid=meta.uid,
            kind=kind,
            namespace=sys.intern(meta.namespace),
            name=sys.intern(meta.name),
            owner=self._fields.owner(meta.owner_references),
        )

    def _labels(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        return self._fields.labels(tuple(labels.items()))


def _driver(spec: VolumeSpec) -> str:
    if spec.csi:
        return spec.csi.driver
    if spec.flex_volume:
        return spec.flex_volume.driver
    return next((name for field, name in _IN_TREE_PLUGINS.items() if getattr(spec, field)), "")


def _single_affinities(spec: VolumeSpec) -> dict[str, str]:
    required = spec.node_affinity.required if spec.node_affinity else None
    if required is None or len(required.node_selector_terms) != 1:
        return {}
    return {
        requirement.key: requirement.values[0]
        for requirement in required.node_selector_terms[0].match_expressions
        if requirement.operator == "In" and len(requirement.values) == 1
    }
