"""Which object or list a path of the API means."""

from dataclasses import dataclass

from kube_cost_simulator.resources import RESOURCES, Resource

SHORT_NAMES = {
    "nodes": "no",
    "pods": "po",
    "namespaces": "ns",
    "persistentvolumes": "pv",
    "persistentvolumeclaims": "pvc",
    "services": "svc",
    "storageclasses": "sc",
    "replicasets": "rs",
    "deployments": "deploy",
    "statefulsets": "sts",
    "daemonsets": "ds",
    "cronjobs": "cj",
}


@dataclass(frozen=True)
class Target:
    """What a path means: a list if `name` is empty, of all namespaces if `namespace` is empty too."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def target_of(path: str) -> Target | None:
    """The target of a path below `/api` or `/apis`, None if there is no such resource."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest and rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
    if not rest or len(rest) > 3:
        return None
    for resource in RESOURCES:
        if (resource.group, resource.version, resource.plural) != (group, version, rest[0]):
            continue
        if namespace and not resource.namespaced:
            return None
        name = rest[1] if len(rest) > 1 else ""
        if name and resource.namespaced and not namespace:
            return None
        return Target(resource, namespace, name, rest[2] if len(rest) > 2 else "")
    return None


def discovery(path: str) -> dict[str, object] | None:
    """What a client reads to learn which resources there are, None if the path isn't about that."""
    groups = sorted({(resource.group, resource.version) for resource in RESOURCES if resource.group})
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"]}
    if parts == ["apis"]:
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group_entry(*group) for group in groups]}
    if parts == ["api", "v1"]:
        return resource_list("", "v1")
    if len(parts) == 3 and (parts[1], parts[2]) in groups:
        return resource_list(parts[1], parts[2])
    return None


def group_entry(group: str, version: str) -> dict[str, object]:
    """A group's entry in `/apis`."""
    served = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [served], "preferredVersion": served}


def resource_list(group: str, version: str) -> dict[str, object]:
    """The resources of a group."""
    entries = [
        {
            "name": resource.plural,
            "singularName": resource.kind.lower(),
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": ["create", "delete", "get", "list", "patch", "watch"],
            **({"shortNames": [SHORT_NAMES[resource.plural]]} if resource.plural in SHORT_NAMES else {}),
        }
        for resource in RESOURCES
        if resource.group == group
    ]
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": entries}
