"""Volumes, claims, storage classes and Services as the API server writes them: see shapes.py."""

import msgspec

from kube_cost_aggregator.inputs.kubernetes.shapes import Meta, Present, Shape, StringMap


class ClaimReference(Shape):
    """The claim that a volume is bound to."""

    namespace: str = ""
    name: str = ""


class CsiSource(Shape):
    """A volume of a CSI driver."""

    driver: str = ""
    volume_attributes: StringMap = msgspec.field(default_factory=dict)


class FlexSource(Shape):
    """A volume of a flexVolume driver."""

    driver: str = ""


class NodeSelectorRequirement(Shape):
    """A label that a volume's nodes must have."""

    key: str
    operator: str = ""
    values: tuple[str, ...] = ()


class NodeSelectorTerm(Shape):
    """Labels that a volume's nodes must have, all of them."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(Shape):
    """Terms of which one must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


class NodeAffinity(Shape):
    """Where a volume can be reached from."""

    required: NodeSelector | None = None


class VolumeSpec(Shape):
    """What a volume is. Of in-tree plugins only which one it is counts."""

    capacity: StringMap = msgspec.field(default_factory=dict)
    claim_ref: ClaimReference | None = None
    storage_class_name: str = ""
    node_affinity: NodeAffinity | None = None
    csi: CsiSource | None = None
    flex_volume: FlexSource | None = None
    aws_elastic_block_store: Present | None = None
    azure_disk: Present | None = None
    azure_file: Present | None = None
    cephfs: Present | None = None
    cinder: Present | None = None
    fc: Present | None = None
    gce_persistent_disk: Present | None = None
    glusterfs: Present | None = None
    host_path: Present | None = None
    iscsi: Present | None = None
    local: Present | None = None
    nfs: Present | None = None
    portworx_volume: Present | None = None
    rbd: Present | None = None
    vsphere_volume: Present | None = None


class VolumeStatus(Shape):
    """Whether a volume is bound, or what else."""

    phase: str = ""


class PersistentVolume(Shape):
    """A persistent volume."""

    metadata: Meta
    spec: VolumeSpec = msgspec.field(default_factory=VolumeSpec)
    status: VolumeStatus = msgspec.field(default_factory=VolumeStatus)


class ClaimSpec(Shape):
    """What a claim is bound to."""

    volume_name: str = ""
    storage_class_name: str | None = None


class PersistentVolumeClaim(Shape):
    """A persistent volume claim."""

    metadata: Meta
    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)


class StorageClass(Shape):
    """A storage class; its parameters say what kind of disk a volume is."""

    metadata: Meta
    provisioner: str = ""
    parameters: StringMap = msgspec.field(default_factory=dict)


class Ingress(Shape):
    """One address of a load balancer."""

    ip: str = ""
    hostname: str = ""


class LoadBalancerStatus(Shape):
    """The addresses of a load balancer."""

    ingress: tuple[Ingress, ...] = ()


class ServiceSpec(Shape):
    """What kind of Service it is."""

    type: str = ""
    load_balancer_class: str | None = None


class ServiceStatus(Shape):
    """Whether its load balancer is there."""

    load_balancer: LoadBalancerStatus | None = None


class Service(Shape):
    """A Service."""

    metadata: Meta
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)
    status: ServiceStatus = msgspec.field(default_factory=ServiceStatus)
