"""Nodes, namespaces, volumes, claims, storage classes and services."""

import hashlib
from typing import Any

from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.quantities import bytes_text, cpu_text
from kube_cost_simulator.scenario import (
    GIB,
    NamespaceFact,
    NodeFact,
    Resources,
    ServiceFact,
    StorageClassFact,
    VolumeFact,
)

Json = dict[str, Any]
KUBELET_VERSION = "v1.35.0"
EPHEMERAL_BYTES = 80 * GIB


def node_capacity(resources: Resources, max_pods: int) -> Json:
    """`capacity` or `allocatable` of a node."""
    texts = {
        "cpu": cpu_text(resources.cpu_millicores),
        "ephemeral-storage": bytes_text(EPHEMERAL_BYTES),
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{resources.memory_bytes // 1024}Ki",
        "pods": str(max_pods),
    }
    if resources.gpus:
        texts["nvidia.com/gpu"] = str(resources.gpus)
    return texts


def node_conditions(created_ns: int) -> list[Json]:
    """A healthy node's conditions."""
    healthy = (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    )
    return [
        {
            "type": kind,
            "status": status,
            "lastHeartbeatTime": rfc3339(created_ns),
            "lastTransitionTime": rfc3339(created_ns),
            "reason": reason,
            "message": message,
        }
        for kind, status, reason, message in healthy
    ]


def node_object(fact: NodeFact, *, uid: str, created_ns: int, internal_ip: str, pod_subnet: int, boot_id: str) -> Json:
    """A node that is ready."""
    subnet = f"10.244.{pod_subnet}.0/24"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": fact.name,
            "uid": uid,
            "creationTimestamp": rfc3339(created_ns),
            "labels": {
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": fact.name,
                "kubernetes.io/os": "linux",
                **fact.labels,
            },
            "annotations": {
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": {"podCIDR": subnet, "podCIDRs": [subnet], "providerID": fact.provider_id},
        "status": {
            "capacity": node_capacity(fact.capacity, fact.max_pods),
            "allocatable": node_capacity(fact.allocatable, fact.max_pods),
            "conditions": node_conditions(created_ns),
            "addresses": [
                {"type": "InternalIP", "address": internal_ip},
                {"type": "Hostname", "address": fact.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "machineID": boot_id.replace("-", ""),
                "systemUUID": boot_id,
                "bootID": boot_id,
                "kernelVersion": "6.12.40-64.114.amzn2023.x86_64",
                "osImage": "Amazon Linux 2023.9.20251110",
                "containerRuntimeVersion": "containerd://2.1.4",
                "kubeletVersion": KUBELET_VERSION,
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
            "runtimeHandlers": [
                {"name": name, "features": {"recursiveReadOnlyMounts": True, "userNamespaces": True}}
                for name in ("", "runc")
            ],
            "features": {"supplementalGroupsPolicy": True},
        },
    }


def namespace_object(fact: NamespaceFact, *, uid: str, created_ns: int) -> Json:
    """An active namespace."""
    metadata: Json = {
        "name": fact.name,
        "uid": uid,
        "creationTimestamp": rfc3339(created_ns),
        "labels": {"kubernetes.io/metadata.name": fact.name, **fact.labels},
    }
    if fact.annotations:
        metadata["annotations"] = dict(fact.annotations)
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata,
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


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
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def volume_objects(
    fact: VolumeFact, *, driver: str, volume_uid: str, claim_uid: str, created_ns: int
) -> tuple[Json, Json | None]:
    """A PersistentVolume and, where there is one, its bound claim."""
    size = f"{fact.size_gib}Gi"
    terms = [
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [fact.zone]},
        {"key": "topology.kubernetes.io/region", "operator": "In", "values": [fact.region]},
    ]
    spec: Json = {
        "capacity": {"storage": size},
        "csi": {"driver": driver, "fsType": "ext4", "volumeHandle": fact.handle},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": fact.storage_class,
        "volumeMode": "Filesystem",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": terms}]}},
    }
    created = rfc3339(created_ns)
    volume: Json = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": fact.name,
            "uid": volume_uid,
            "creationTimestamp": created,
            "annotations": {"pv.kubernetes.io/provisioned-by": driver},
            "finalizers": ["kubernetes.io/pv-protection"],
        },
        "spec": spec,
        "status": {"phase": "Available", "lastPhaseTransitionTime": created},
    }
    if fact.claim is None:
        return volume, None
    namespace, name = fact.claim
    spec["claimRef"] = {
        "kind": "PersistentVolumeClaim",
        "namespace": namespace,
        "name": name,
        "uid": claim_uid,
        "apiVersion": "v1",
    }
    volume["status"]["phase"] = "Bound"
    claim: Json = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": claim_uid,
            "creationTimestamp": created,
            "annotations": {
                "pv.kubernetes.io/bind-completed": "yes",
                "volume.kubernetes.io/storage-provisioner": driver,
            },
            "finalizers": ["kubernetes.io/pvc-protection"],
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "volumeName": fact.name,
            "storageClassName": fact.storage_class,
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}},
    }
    return volume, claim


def service_object(fact: ServiceFact, *, uid: str, created_ns: int) -> Json:
    """A Service that has no address from a load balancer yet."""
    digest = hashlib.blake2b(f"{fact.namespace}/{fact.name}".encode(), digest_size=2).digest()
    address = f"10.96.{digest[0]}.{digest[1]}"
    port: Json = {"name": "http", "protocol": "TCP", "port": fact.port, "targetPort": 8080}
    spec: Json = {
        "ports": [port],
        "selector": dict(fact.selector),
        "clusterIP": address,
        "clusterIPs": [address],
        "type": fact.type,
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    if fact.type == "LoadBalancer":
        port["nodePort"] = 30000 + fact.port % 2768
        spec |= {"allocateLoadBalancerNodePorts": True, "externalTrafficPolicy": "Cluster"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": fact.name,
            "namespace": fact.namespace,
            "uid": uid,
            "creationTimestamp": rfc3339(created_ns),
        },
        "spec": spec,
        "status": {"loadBalancer": {}},
    }
