"""Nodes and namespaces."""

from typing import Any

from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.quantities import bytes_text, cpu_text
from kube_cost_simulator.scenario import GIB, NamespaceFact, NodeFact, Resources, Taint

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
    return texts | {name: str(units) for name, units in resources.devices}


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
    spec: Json = {"podCIDR": subnet, "podCIDRs": [subnet]}
    if fact.provider_id:
        spec["providerID"] = fact.provider_id
    if fact.taints:
        spec["taints"] = [taint_object(taint) for taint in fact.taints]
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
        "spec": spec,
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
                "kernelVersion": fact.kernel_version,
                "osImage": fact.os_image,
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


def taint_object(taint: Taint) -> Json:
    """A taint; an empty value isn't written."""
    value = {"value": taint.value} if taint.value else {}
    return {"key": taint.key, **value, "effect": taint.effect}


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
