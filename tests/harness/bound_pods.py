"""Nodes without a kubelet in a real cluster, and pods that are bound to them as a scheduler binds."""

from typing import Any

from harness.real_cluster import STRATEGIC_PATCH, Scratch

SCHEDULER = "kube-cost-test"
"""Nobody's, so that the cluster's own leaves the pods alone."""

Requests = dict[str, str]


def container(name: str, requests: Requests | None = None, **more: Any) -> dict[str, Any]:
    resources = {"resources": {"requests": requests}} if requests is not None else {}
    return {"name": name, "image": "example.invalid/none", "imagePullPolicy": "Never"} | resources | more


class FakeNode:
    """A node of a cloud's type that nobody runs. Pods tolerate that it is never ready, and stay."""

    def __init__(self, scratch: Scratch, name: str) -> None:
        self._scratch = scratch
        self.name = f"{name}-{scratch.suffix}"
        shape = {"cpu": "2", "memory": "7934Mi", "pods": "110"}
        self.path = scratch.make(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": self.name,
                    "labels": {
                        "kubernetes.io/os": "linux",
                        "kubernetes.io/arch": "amd64",
                        "node.kubernetes.io/instance-type": "m5.large",
                        "topology.kubernetes.io/region": "us-east-1",
                        "topology.kubernetes.io/zone": "us-east-1a",
                    },
                },
                "spec": {
                    "providerID": f"aws:///us-east-1a/i-{scratch.suffix}",
                    "taints": [{"key": "kube-cost-test", "effect": "NoSchedule"}],
                },
                "status": {"capacity": shape, "allocatable": shape},
            }
        )

    def pod(self, name: str, spec: dict[str, Any]) -> "BoundPod":
        """Make a pod that waits to be bound."""
        path = self._scratch.make(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": self._scratch.namespace},
                "spec": {
                    "schedulerName": SCHEDULER,
                    "automountServiceAccountToken": False,
                    "tolerations": [{"operator": "Exists"}],
                }
                | spec,
            }
        )
        return BoundPod(self._scratch, name, path, self.name)


class BoundPod:
    """A pod, whose kubelet the test plays."""

    def __init__(self, scratch: Scratch, name: str, path: str, node: str) -> None:
        self._cluster = scratch.cluster
        self.name = name
        self.path = path
        self.node = node

    def bind(self) -> None:
        """Bind it to its node, which is when the API server says that it is scheduled."""
        target = {"apiVersion": "v1", "kind": "Node", "name": self.node}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": self.name}, "target": target}
        self._cluster.send("POST", f"{self.path}/binding", binding)

    def delete(self) -> None:
        """Delete it at once."""
        self._cluster.delete(self.path)

    def end_gracefully(self) -> None:
        """Ask it to end, as a Deployment does; without a kubelet it stays as it is, terminating."""
        self._cluster.send("DELETE", self.path, {"gracePeriodSeconds": 30})

    def resize(self, name: str, requests: Requests) -> None:
        """Ask for other requests of a container, in place."""
        spec = {"containers": [{"name": name, "resources": {"requests": requests}}]}
        self._cluster.patch(f"{self.path}/resize", {"spec": spec}, STRATEGIC_PATCH)

    def runs_with(self, name: str, requests: Requests, *conditions: dict[str, str]) -> None:
        """Say what a kubelet says of a container that runs with these requests."""
        status = {
            "phase": "Running",
            "conditions": list(conditions),
            "containerStatuses": [
                {
                    "name": name,
                    "image": "example.invalid/none",
                    "imageID": "none",
                    "ready": True,
                    "restartCount": 0,
                    "allocatedResources": requests,
                    "resources": {"requests": requests},
                    "state": {"running": {}},
                }
            ],
        }
        self._cluster.patch(f"{self.path}/status", {"status": status}, STRATEGIC_PATCH)
