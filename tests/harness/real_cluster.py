"""A real cluster that tests may make things in, and that gets rid of what they made."""

import base64
import contextlib
import json
import secrets
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from harness.kubernetes_watch import write_kubeconfig
from kube_cost_common.runtime.clock import SystemClock

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "Node": "/api/v1/nodes",
    "Pod": "/api/v1/namespaces/{}/pods",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "Endpoints": "/api/v1/namespaces/{}/endpoints",
    "Role": f"{_RBAC}/namespaces/{{}}/roles",
    "RoleBinding": f"{_RBAC}/namespaces/{{}}/rolebindings",
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
    "RuntimeClass": "/apis/node.k8s.io/v1/runtimeclasses",
}

Object = dict[str, Any]


class RefusedError(Exception):
    """The API server answered with another status than one of the 200s."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class RealCluster:
    """The API, by the credentials of a kubeconfig that may do everything."""

    def __init__(self, kubeconfig: Path) -> None:
        content = yaml.safe_load(kubeconfig.read_text())
        context = _named(content, "context", content["current-context"])
        cluster, user = _named(content, "cluster", context["cluster"]), _named(content, "user", context["user"])
        self.server: str = cluster["server"]
        self.authority = _data(cluster, "certificate-authority")
        """The PEM of who signs the API server's certificate."""
        self.tls = ssl.create_default_context(cadata=self.authority)
        self.tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        self._headers = {"Content-Type": "application/json"}
        if "token" in user:
            self._headers["Authorization"] = f"Bearer {user['token']}"
        if certificate := _data(user, "client-certificate"):
            with tempfile.NamedTemporaryFile("w") as pair:
                pair.write(f"{certificate}\n{_data(user, 'client-key')}")
                pair.flush()
                self.tls.load_cert_chain(pair.name)

    def send(self, method: str, path: str, content: Any = None, media: str = "application/json") -> Any:
        """Return the answer; raise RefusedError."""
        request = urllib.request.Request(
            self.server + path,
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={**self._headers, "Content-Type": media},
        )
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.tls) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise RefusedError(error.code, error.read().decode()) from None

    def get(self, path: str) -> Any:
        return self.send("GET", path)

    def patch(self, path: str, content: Any, media: str = MERGE_PATCH) -> Any:
        return self.send("PATCH", path, content, media)

    def delete(self, path: str) -> None:
        """Delete an object at once, without grace, if it is there."""
        try:
            self.send("DELETE", path, {"gracePeriodSeconds": 0})
        except RefusedError as error:
            if error.status != 404:
                raise

    def allows(self, user: str, verb: str, resource: str, *, group: str = "", namespace: str = "") -> bool:
        """Whether the API server would let a user do that; `resource` may have a subresource after a slash."""
        plural, _, subresource = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": plural, "subresource": subresource, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": asked},
        }
        answer = self.send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    def token(self, namespace: str, account: str) -> str:
        """A token of a service account, as its pods get one."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(self.send("POST", path, request)["status"]["token"])

    def kubeconfig_of(self, namespace: str, account: str, folder: Path) -> Path:
        """Write a kubeconfig for a service account."""
        folder.mkdir(parents=True, exist_ok=True)
        authority = base64.b64encode(self.authority.encode()).decode()
        return write_kubeconfig(
            folder,
            self.server,
            user={"token": self.token(namespace, account)},
            cluster={"certificate-authority-data": authority},
        )


class Scratch:
    """Makes objects, with a suffix that no other run has, and remembers them; its namespace is `namespace`."""

    def __init__(self, cluster: RealCluster) -> None:
        self.cluster = cluster
        self.suffix = secrets.token_hex(4)
        self.namespace = f"kube-cost-test-{self.suffix}"
        self._made: list[str] = []

    def make(self, content: Object) -> str:
        """Create an object and return its path."""
        metadata = content["metadata"]
        collection = _COLLECTIONS[content["kind"]].format(metadata.get("namespace", self.namespace))
        self.cluster.send("POST", collection, content)
        path = f"{collection}/{metadata['name']}"
        self._made.append(path)
        return path

    def make_namespace(self, name: str) -> None:
        """Create a namespace, and wait until pods can be made in it."""
        self.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        until(lambda: self._is_there(account), f"{name} has its service account")

    def clear(self) -> None:
        """Delete everything, the last first; one that can't be deleted doesn't save the others."""
        with contextlib.ExitStack() as rest:
            for path in self._made:
                rest.callback(self.cluster.delete, path)

    def _is_there(self, path: str) -> bool:
        try:
            return bool(self.cluster.get(path))
        except RefusedError as error:
            if error.status == 404:
                return False
            raise


@contextmanager
def scratch_in(cluster: RealCluster) -> Iterator[Scratch]:
    """A namespace of one's own; it and all that is made by the way of it are deleted at exit."""
    scratch = Scratch(cluster)
    try:
        scratch.make_namespace(scratch.namespace)
        yield scratch
    finally:
        scratch.clear()


def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Return as soon as `condition()` holds; fail where it doesn't within `seconds`."""
    clock = SystemClock()
    started = clock.monotonic()
    while not condition():
        assert clock.monotonic() - started < seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def account_user(namespace: str, account: str) -> str:
    """The user that a service account is."""
    return f"system:serviceaccount:{namespace}:{account}"


def _named(kubeconfig: Object, kind: str, name: str) -> Object:
    return next(dict(one[kind]) for one in kubeconfig[f"{kind}s"] if one["name"] == name)


def _data(entry: Object, field: str) -> str:
    """A PEM that stands in the kubeconfig, or in a file that it names; empty where there is none."""
    if inline := entry.get(f"{field}-data"):
        return base64.b64decode(inline).decode()
    return Path(entry[field]).read_text() if field in entry else ""
