"""What somebody else does to the cluster through its API: create, delete, patch."""

from dataclasses import dataclass
from typing import Any

from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.controllers.replicas import ReplicasController
from kube_cost_simulator.names import rfc3339
from kube_cost_simulator.objects.pods import GRACE_SECONDS
from kube_cost_simulator.objects.quantities import resources_of
from kube_cost_simulator.pod_state import PodOrder
from kube_cost_simulator.resources import NAMESPACES, NODES, PODS, Resource
from kube_cost_simulator.scenario import ClaimMount, ContainerFact, TemplateFact
from kube_cost_simulator.store import StoredObject
from kube_cost_simulator.usage import Rates, steady

Json = dict[str, Any]

# Annotations by which the maker of a pod says what it will do.
CPU_ANNOTATION = "simulator.kube-cost.io/cpu-millicores"
MEMORY_ANNOTATION = "simulator.kube-cost.io/memory-bytes"
RUN_ANNOTATION = "simulator.kube-cost.io/run-milliseconds"
EXIT_ANNOTATION = "simulator.kube-cost.io/exit-code"


@dataclass
class RefusedError(Exception):
    """The API server's answer to a request it can't fulfil: an HTTP code, a reason and a message."""

    code: int
    reason: str
    message: str
    resource: Resource | None = None
    name: str = ""


def not_found(resource: Resource, name: str) -> RefusedError:
    """404 for an object that isn't there."""
    qualified = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    return RefusedError(404, "NotFound", f'{qualified} "{name}" not found', resource, name)


def invalid(resource: Resource, name: str, message: str) -> RefusedError:
    """422 for an object that can't be."""
    return RefusedError(422, "Invalid", f'{resource.kind} "{name}" is invalid: {message}', resource, name)


def merged(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Operations:
    """Changes by clients, at the time the cluster was advanced to."""

    def __init__(self, *, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def create(self, resource: Resource, namespace: str, content: Json) -> StoredObject:
        """Create an object; a pod is scheduled and runs. RefusedError with 404, 409 or 422."""
        cluster, metadata = self._cluster, dict(content.get("metadata") or {})
        name = metadata.get("name") or ""
        if not name and metadata.get("generateName"):
            name = metadata["generateName"] + cluster.names.suffix()
        if not name:
            raise invalid(resource, "", "metadata.name: Required value: name or generateName is required")
        if resource.namespaced and cluster.store.get(NAMESPACES, "", namespace) is None:
            raise not_found(NAMESPACES, namespace)
        if cluster.store.get(resource, namespace, name) is not None:
            raise RefusedError(409, "AlreadyExists", f'{resource.plural} "{name}" already exists', resource, name)
        metadata["name"] = name
        if resource is PODS:
            return self._create_pod(namespace, name, {**content, "metadata": metadata})
        metadata |= {"uid": cluster.names.uid(), "creationTimestamp": rfc3339(cluster.now_ns)}
        if resource.namespaced:
            metadata["namespace"] = namespace
        if resource is NAMESPACES:
            metadata["labels"] = {"kubernetes.io/metadata.name": name, **metadata.get("labels", {})}
            content = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}, **content}
        head = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        return cluster.store.put(resource, {**content, **head})

    def _create_pod(self, namespace: str, name: str, content: Json) -> StoredObject:
        metadata = content["metadata"]
        spec = content.get("spec") or {}
        if not spec.get("containers"):
            raise invalid(PODS, name, "spec.containers: Required value")
        annotations = metadata.get("annotations") or {}
        rates = Rates(
            cpu_millicores=int(annotations.get(CPU_ANNOTATION, 0)),
            memory_bytes=int(annotations.get(MEMORY_ANNOTATION, 0)),
        )
        run = annotations.get(RUN_ANNOTATION)
        template = TemplateFact(
            containers=(
                *(container_fact(each, init=True) for each in spec.get("initContainers", [])),
                *(container_fact(each) for each in spec["containers"]),
            ),
            usage=steady(rates),
            labels=metadata.get("labels") or {},
            annotations=annotations,
            host_network=bool(spec.get("hostNetwork")),
            node_selector=spec.get("nodeSelector") or {},
            mounts=tuple(ClaimMount(claim, "") for claim in claims_of(spec)),
            tolerates=tuple(each["key"] for each in spec.get("tolerations") or () if each.get("key")),
        )
        order = PodOrder(
            namespace=namespace,
            name=name,
            template=template,
            restart_policy=spec.get("restartPolicy", "Always"),
            only_node=spec.get("nodeName"),
            run_ns=None if run is None else int(run) * 1_000_000,
            exit_code=int(annotations.get(EXIT_ANNOTATION, 0)),
            # The node's name is the scheduler's to write.
            content={**content, "spec": {key: value for key, value in spec.items() if key != "nodeName"}},
        )
        self._cluster.pods.create(order, self._cluster.now_ns)
        return self._existing(PODS, namespace, name)

    def _existing(self, resource: Resource, namespace: str, name: str) -> StoredObject:
        stored = self._cluster.store.get(resource, namespace, name)
        if stored is None:
            raise not_found(resource, name)
        return stored

    def delete(self, resource: Resource, namespace: str, name: str, grace_seconds: int = GRACE_SECONDS) -> StoredObject:
        """Delete an object; a workload takes its pods along, a node too. The last state; RefusedError with 404."""
        cluster = self._cluster
        stored = self._existing(resource, namespace, name)
        controller = cluster.controllers.pop((resource.kind, namespace, name), None)
        if resource is PODS and (namespace, name) in cluster.pods.pods:
            cluster.pods.delete(cluster.pods.pods[namespace, name], cluster.now_ns, grace_seconds=grace_seconds)
            return cluster.store.get(resource, namespace, name) or stored
        if resource is NODES and name in cluster.nodes:
            cluster.remove_node(name)
        elif controller is not None:
            controller.delete(cluster.now_ns)
        else:
            cluster.store.remove(resource, namespace, name)
        return stored

    def patch(
        self, resource: Resource, namespace: str, name: str, patch: Json, *, status_only: bool = False
    ) -> StoredObject:
        """Merge a patch into an object, or into its status alone. RefusedError with 404, or 409 on a conflict."""
        old = self._existing(resource, namespace, name).content
        asked = (patch.get("metadata") or {}).get("resourceVersion")
        if asked is not None and asked != old["metadata"]["resourceVersion"]:
            message = f'Operation cannot be fulfilled on {resource.plural} "{name}": the object has been modified'
            raise RefusedError(409, "Conflict", message, resource, name)
        if status_only:
            new = {**old, "status": merged(old.get("status", {}), patch.get("status", {}))}
        else:
            new = {**merged(old, patch), "status": old.get("status", {})}
            for kept in ("name", "namespace", "uid", "creationTimestamp"):
                if kept in old["metadata"]:
                    new["metadata"][kept] = old["metadata"][kept]
        if new == old:
            return self._existing(resource, namespace, name)
        controller = self._cluster.controllers.get((resource.kind, namespace, name))
        if isinstance(controller, ReplicasController) and new["spec"]["replicas"] != old["spec"]["replicas"]:
            controller.scale(int(new["spec"]["replicas"]), self._cluster.now_ns)
            return self._existing(resource, namespace, name)
        return self._cluster.store.put(resource, new)


def claims_of(spec: Json) -> list[str]:
    """The claims that a pod mounts."""
    volumes = spec.get("volumes") or ()
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if volume.get("persistentVolumeClaim")]


def container_fact(container: Json, *, init: bool = False) -> ContainerFact:
    """A container of somebody's pod; decimal.InvalidOperation for a quantity that isn't one."""
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    return ContainerFact(
        name=container["name"],
        image=container.get("image", ""),
        requests=resources_of(resources.get("requests") or limits or {}),
        limits=None if limits is None else resources_of(limits),
        init=init,
        sidecar=init and container.get("restartPolicy") == "Always",
    )
