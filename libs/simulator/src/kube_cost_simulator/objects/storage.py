"""Volumes, claims, storage classes."""

from typing import Any

from kube_cost_simulator.billed import StorageClassFact, VolumeFact
from kube_cost_simulator.names import rfc3339

Json = dict[str, Any]

AZURE_DISK = "disk.csi.azure.com"
GOOGLE_DISK = "pd.csi.storage.gke.io"


def storage_class_object(fact: StorageClassFact, *, uid: str, created_ns: int) -> Json:
    """A StorageClass, which has no spec and no status."""
    metadata: Json = {"name": fact.name, "uid": uid, "creationTimestamp": rfc3339(created_ns)}
    if fact.default:
        metadata["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": fact.provisioner,
        "parameters": dict(fact.parameters),
        "reclaimPolicy": fact.reclaim_policy,
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def access_modes(fact: VolumeFact) -> list[str]:
    """One node at a time may mount it, or many."""
    return ["ReadWriteMany" if fact.shared else "ReadWriteOnce"]


def topology(fact: VolumeFact, driver: str) -> list[Json]:
    """The labels of the nodes that can reach a volume, as each cloud's driver writes them."""
    if driver == GOOGLE_DISK:
        values = {"topology.gke.io/zone": fact.zone}
    elif driver == AZURE_DISK:
        values = {"topology.disk.csi.azure.com/zone": fact.zone}
    else:
        values = {"topology.kubernetes.io/zone": fact.zone, "topology.kubernetes.io/region": fact.region}
    return [{"key": key, "operator": "In", "values": [value]} for key, value in values.items()]


def volume_object(fact: VolumeFact, *, driver: str, reclaim_policy: str, uid: str, created_ns: int) -> Json:
    """A PersistentVolume that nobody claims yet."""
    terms = topology(fact, driver)
    created = rfc3339(created_ns)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": fact.name,
            "uid": uid,
            "creationTimestamp": created,
            "annotations": {"pv.kubernetes.io/provisioned-by": driver},
            "finalizers": ["kubernetes.io/pv-protection"],
        },
        "spec": {
            "capacity": {"storage": f"{fact.size_gib}Gi"},
            "csi": {"driver": driver, "fsType": "ext4", "volumeHandle": fact.handle},
            "accessModes": access_modes(fact),
            "persistentVolumeReclaimPolicy": reclaim_policy,
            "storageClassName": fact.storage_class,
            "volumeMode": "Filesystem",
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": terms}]}},
        },
        "status": {"phase": "Available", "lastPhaseTransitionTime": created},
    }


def bound(volume: Json, claim: Json, at_ns: int) -> Json:
    """A volume once it is bound to a claim."""
    metadata = claim["metadata"]
    reference = {
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
    }
    status = {"phase": "Bound", "lastPhaseTransitionTime": rfc3339(at_ns)}
    return {**volume, "spec": {**volume["spec"], "claimRef": reference}, "status": status}


def claim_object(fact: VolumeFact, claim: tuple[str, str], *, driver: str, uid: str, created_ns: int) -> Json:
    """A claim that is bound to a volume."""
    namespace, name = claim
    size = f"{fact.size_gib}Gi"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "creationTimestamp": rfc3339(created_ns),
            "annotations": {
                "pv.kubernetes.io/bind-completed": "yes",
                "volume.kubernetes.io/storage-provisioner": driver,
            },
            "finalizers": ["kubernetes.io/pvc-protection"],
        },
        "spec": {
            "accessModes": access_modes(fact),
            "resources": {"requests": {"storage": size}},
            "volumeName": fact.name,
            "storageClassName": fact.storage_class,
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound", "accessModes": access_modes(fact), "capacity": {"storage": size}},
    }
