"""Objects as an API server writes them, for tests; only what a test names is special."""

import json
from typing import Any

from kube_cost_aggregator.inputs.kubernetes.objects import ObjectReader
from kube_cost_aggregator.inputs.kubernetes.reading import ObjectError
from kube_cost_aggregator.inputs.kubernetes.resources import Resource, Resources, all_resources
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES

CREATED = "2026-06-26T10:12:19Z"
CREATED_NS = 1_782_468_739_000_000_000


class ReadObjects:
    """The resources as the aggregator reads them, and the faults it found."""

    def __init__(self, *kept_labels: str) -> None:
        self.faults = list[ObjectError]()
        reader = ObjectReader(gpus=DEFAULT_GPU_RESOURCES, kept_labels=frozenset(kept_labels), report=self.faults.append)
        self.resources: Resources = all_resources(reader=reader, report=self.faults.append)

    @property
    def sentences(self) -> list[str]:
        return [str(fault) for fault in self.faults]

    def one(self, resource: Resource[Any], content: dict[str, Any]) -> Any:
        """Return the facts of one object, which must be readable."""
        (facts,) = resource.read_page(page(content)).facts
        return facts

    def pod(self, content: dict[str, Any]) -> Any:
        return self.one(self.resources.pods, content)


def page(*items: dict[str, Any], version: str = "7", token: str = "") -> bytes:
    metadata = {"resourceVersion": version} | ({"continue": token} if token else {})
    return json.dumps({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": list(items)}).encode()


def metadata(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "uid": f"uid-{name}", "creationTimestamp": CREATED, "resourceVersion": "5"} | more


def pod(
    name: str = "web", *, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **meta: Any
) -> dict[str, Any]:
    return {
        "metadata": metadata(name, namespace="shop", **meta),
        "spec": {"nodeName": "node-1", "containers": [container("app")]} | (spec or {}),
        "status": {"phase": "Running"} | (status or {}),
    }


def container(name: str, requests: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    resources = {"resources": {"requests": requests}} if requests is not None else {}
    return {"name": name, "image": "example", "env": [{"name": "SECRET", "value": "s"}]} | resources | more
