"""deploy/kustomize as `kubectl kustomize` renders it, and its accounts in a real cluster under names of a run's own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.real_cluster import RealCluster, Scratch, account_user, until

BASE = Path(__file__).parents[2] / "deploy" / "kustomize" / "base"

AGGREGATOR = "kube-cost-aggregator"
AGENT = "kube-cost-agent"

Rules = list[dict[str, Any]]


def rendered(kubectl: str, folder: Path) -> list[dict[str, Any]]:
    """The objects of a kustomization; whatever kubectl has to complain about is a failure."""
    built = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    return list(yaml.safe_load_all(built.stdout))


def rules_of(account: str) -> Rules:
    """The rules of a service's ClusterRole, from its file."""
    file = BASE / f"{account.removeprefix('kube-cost-')}-rbac.yaml"
    (role,) = [one for one in yaml.safe_load_all(file.read_text()) if one["kind"] == "ClusterRole"]
    return list(role["rules"])


def permissions(rules: Rules) -> list[tuple[str, str, str]]:
    """Each verb, group and resource that rules allow."""
    return [
        (verb, group, resource)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def rules_for(allowed: list[tuple[str, str, str]]) -> Rules:
    """Rules that allow each verb, group and resource, and nothing else."""
    return [{"apiGroups": [group], "resources": [resource], "verbs": [verb]} for verb, group, resource in allowed]


@dataclass(frozen=True)
class Account:
    """A service account in the cluster."""

    cluster: RealCluster
    namespace: str
    name: str

    @property
    def user(self) -> str:
        return account_user(self.namespace, self.name)

    def token(self) -> str:
        return self.cluster.token(self.namespace, self.name)

    def kubeconfig(self, folder: Path) -> Path:
        return self.cluster.kubeconfig_of(self.namespace, self.name, folder)

    def wait_allowed(self, verb: str, group: str, resource: str) -> None:
        """Wait until the API server has taken note of its role."""
        until(lambda: self.cluster.allows(self.user, verb, resource, group=group), f"{self.name} may {verb} {resource}")


def installed(scratch: Scratch, kubectl: str, folder: Path) -> dict[str, Account]:
    """Create the base with names of the run's own, and return its accounts by their names in the base."""
    overlay = {
        "resources": [os.path.relpath(BASE, folder)],
        "namespace": scratch.namespace,
        "nameSuffix": f"-{scratch.suffix}",
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    for content in rendered(kubectl, folder):
        scratch.make(content)
    accounts = {
        name: Account(scratch.cluster, scratch.namespace, f"{name}-{scratch.suffix}") for name in (AGGREGATOR, AGENT)
    }
    for name, account in accounts.items():
        account.wait_allowed(*permissions(rules_of(name))[-1])
    return accounts


def account_that_may(scratch: Scratch, name: str, allowed: list[tuple[str, str, str]]) -> Account:
    """Create an account, and a role that lets it do exactly that."""
    api = "rbac.authorization.k8s.io"
    unique = f"{name}-{scratch.suffix}"
    account = Account(scratch.cluster, scratch.namespace, unique)
    metadata = {"name": unique}
    scratch.make({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    scratch.make({"apiVersion": f"{api}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules_for(allowed)})
    scratch.make(
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": unique},
            "subjects": [{"kind": "ServiceAccount", "name": unique, "namespace": scratch.namespace}],
        }
    )
    account.wait_allowed(*allowed[-1])
    return account
