"""A cluster of any size as JSON, cheap enough to be served beside what is measured: pods are filled-in templates."""

import json
import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kube_cost_simulator.generated import INSTANCE_TYPES, generated_node
from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.cluster import node_object

Json = dict[str, Any]

PODS_PER_WORKLOAD = 10
NAMESPACES = 20

REQUESTS = ((0, 0), (50, 64), (100, 128), (100, 256), (200, 512), (150, 256))
"""Millicores and MiB of the workloads' pods; the first asks for nothing."""

MIB = 2**20


@dataclass(slots=True, kw_only=True)
class LivePod:
    """A pod that is there: where, for whom, and what it has used by its agent's clock."""

    uid: str
    name: str
    slot: int
    version: int
    bound: bool = True
    running: bool = True
    deleting: bool = False
    since_ns: int = 0
    cpu_seconds: float = 0.0
    memory_byte_seconds: float = 0.0
    network_bytes: int = 0


class Population:
    """`pods` pods on `nodes` nodes; slot `n` is a place for one pod of workload `n // 10` on node `n % nodes`."""

    def __init__(self, *, nodes: int, pods: int, now_ns: int, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.created = rfc3339(now_ns)
        self.version = 1000
        self.node_names = [generated_node(number).name for number in range(nodes)]
        self.slots = pods
        self.pods: dict[str, LivePod] = {}
        self._template, self._status = _templates(self.created)
        for slot in range(pods):
            pod = self.new_pod(slot, now_ns)
            pod.since_ns = now_ns
            self.pods[pod.uid] = pod

    def new_pod(self, slot: int, now_ns: int) -> LivePod:
        suffix = "".join(self.chance.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
        uid = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))
        name = f"app-{slot // PODS_PER_WORKLOAD}-7d9c5b6f48-{suffix}"
        return LivePod(uid=uid, name=name, slot=slot, version=self.next_version(), since_ns=now_ns)

    def next_version(self) -> int:
        self.version += 1
        return self.version

    def namespace_of(self, slot: int) -> str:
        return f"team-{slot // PODS_PER_WORKLOAD % NAMESPACES}"

    def node_of(self, slot: int) -> int:
        return slot % len(self.node_names)

    @staticmethod
    def requests_of(slot: int) -> tuple[int, int]:
        return REQUESTS[slot // PODS_PER_WORKLOAD % len(REQUESTS)]

    def pod_json(self, pod: LivePod) -> bytes:
        millicores, mebibytes = self.requests_of(pod.slot)
        workload = pod.slot // PODS_PER_WORKLOAD
        asked = f'{{"cpu":"{millicores}m","memory":"{mebibytes}Mi"}}' if millicores else "{}"
        status = self._status if pod.running else '"phase":"Pending"'
        scheduled = f'{{"type":"PodScheduled","status":"True","lastTransitionTime":"{self.created}"}}'
        return (
            self._template.replace("%STATUS%", status)
            .replace("%NAME%", pod.name)
            .replace("%UID%", pod.uid)
            .replace("%NAMESPACE%", self.namespace_of(pod.slot))
            .replace("%VERSION%", str(pod.version))
            .replace("%WORKLOAD%", f"app-{workload}")
            .replace("%OWNER%", owner_uid(workload))
            .replace('"%NODE%"', f'"{self.node_names[self.node_of(pod.slot)]}"' if pod.bound else '""')
            .replace('"%REQUESTS%"', asked)
            .replace('"%SCHEDULED%"', scheduled if pod.bound else "")
            .replace('"%DELETION%"', f'"{self.created}"' if pod.deleting else "null")
            .encode()
        )

    def nodes_json(self) -> Iterator[bytes]:
        for number in range(len(self.node_names)):
            uid = f"00000000-0000-4000-8000-{number:012x}"
            content = node_object(
                generated_node(number),
                uid=uid,
                created_ns=1_790_000_000_000_000_000,
                internal_ip=f"10.0.{number // 250}.{number % 250 + 1}",
                pod_subnet=number % 256,
                boot_id=uid,
            )
            content["metadata"]["resourceVersion"] = "10"
            yield _bytes(content)

    def namespaces_json(self) -> Iterator[bytes]:
        for number in range(NAMESPACES):
            name = f"team-{number}"
            labels = {"kubernetes.io/metadata.name": name}
            metadata = {"name": name, "uid": f"namespace-{number}", "resourceVersion": "11", "labels": labels}
            yield _bytes({"metadata": {**metadata, "creationTimestamp": self.created}})

    def replica_sets_json(self) -> Iterator[bytes]:
        for workload in range((self.slots + PODS_PER_WORKLOAD - 1) // PODS_PER_WORKLOAD):
            name = f"app-{workload}"
            owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": f"deployment-{workload}"}
            metadata = {
                "name": f"{name}-7d9c5b6f48",
                "namespace": f"team-{workload % NAMESPACES}",
                "uid": owner_uid(workload),
                "resourceVersion": "12",
                "creationTimestamp": self.created,
                "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            }
            yield _bytes({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})


def owner_uid(workload: int) -> str:
    """The uid of a workload's ReplicaSet."""
    return f"11111111-0000-4000-8000-{workload:012x}"


def memory_gib(node: int) -> int:
    """What the node of that number has."""
    return INSTANCE_TYPES[node % len(INSTANCE_TYPES)][2]


def _bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _templates(created: str) -> tuple[str, str]:
    """A pod of about 8 KB, as such are with managedFields, environment, probes; and its status once it runs."""
    environment: list[Json] = [{"name": f"SETTING_{number}", "value": "some value or other"} for number in range(12)]
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10}
    container: Json = {
        "name": "server",
        "image": "registry.example.com/%WORKLOAD%:1.0.7",
        "env": environment,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": "%REQUESTS%", "limits": "%REQUESTS%"},
        "volumeMounts": [{"name": "token", "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io"}],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "terminationMessagePath": "/dev/termination-log",
        "imagePullPolicy": "IfNotPresent",
    }
    fields: Json = {f"f:SETTING_{number}": {".": {}, "f:name": {}, "f:value": {}} for number in range(40)}
    managed = [
        {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": created, "fieldsV1": {"f:spec": fields}}
        for manager in ("kube-controller-manager", "kubelet")
    ]
    pod = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": "%NAME%",
            "generateName": "%WORKLOAD%-7d9c5b6f48-",
            "namespace": "%NAMESPACE%",
            "uid": "%UID%",
            "resourceVersion": "%VERSION%",
            "creationTimestamp": created,
            "deletionTimestamp": "%DELETION%",
            "labels": {"app": "%WORKLOAD%", "pod-template-hash": "7d9c5b6f48", "team": "payments"},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "%WORKLOAD%-7d9c5b6f48", "uid": "%OWNER%"}
                | {"controller": True, "blockOwnerDeletion": True}
            ],
            "managedFields": managed,
        },
        "spec": {
            "volumes": [{"name": "token", "projected": {"sources": [], "defaultMode": 420}}],
            "containers": [container],
            "nodeName": "%NODE%",
            "restartPolicy": "Always",
        },
        "status": {"conditions": ["%SCHEDULED%"], "qosClass": "Burstable", "STATUS": "%STATUS%"},
    }
    running = {
        "phase": "Running",
        "hostIP": "10.0.0.1",
        "podIP": "10.244.1.7",
        "startTime": created,
        "containerStatuses": [
            {
                "name": "server",
                "state": {"running": {"startedAt": created}},
                "ready": True,
                "restartCount": 0,
                "image": "registry.example.com/%WORKLOAD%:1.0.7",
                "containerID": f"containerd://{'c' * 64}",
                "allocatedResources": "%REQUESTS%",
                "resources": {"requests": "%REQUESTS%", "limits": "%REQUESTS%"},
            }
        ],
    }
    text = json.dumps(pod, separators=(",", ":"))
    status = json.dumps(running, separators=(",", ":"))[1:-1]
    return text.replace('"STATUS":"%STATUS%"', "%STATUS%"), status
