"""`kubectl cost` called by the real kubectl, through a real API server's service proxy."""

import asyncio
import os
import secrets
import socket
import sys
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import parts
from harness.bound_pods import BoundPod, FakeNode, container
from harness.cli import Typed, dear_hours
from harness.deployment import Account
from harness.real_cluster import STRATEGIC_PATCH, RealCluster, Scratch
from harness.served_api import served_api

PORT = 9090
SERVICE = "kube-cost-exporter"


@dataclass(frozen=True)
class Reachable:
    """A Service that leads to an aggregator on this machine."""

    kubectl: str
    scratch: Scratch

    async def cost(self, kubeconfig: Path, *arguments: str) -> Typed:
        """`kubectl cost …`, as a person with that kubeconfig and our command on the PATH types it."""
        scope = ("--service-namespace", self.scratch.namespace)
        process = await asyncio.create_subprocess_exec(
            self.kubectl,
            "cost",
            *arguments,
            *(() if "--service-namespace" in arguments else scope),
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": "/nonexistent",
                "KUBECONFIG": str(kubeconfig),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
        assert process.returncode is not None
        return Typed(process.returncode, out.decode(), errors.decode())


def our_address(cluster: RealCluster) -> str:
    """The address of this machine that the API server reaches it at; without one, such as kind's, there is no test."""
    host = urllib.parse.urlsplit(cluster.server).hostname or ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as looking:
        looking.connect((host, 1))
        address = str(looking.getsockname()[0])
    if address.startswith("127."):  # the API server's proxy goes to no loopback
        parts.lacking(parts.NODE)
    return address


@pytest.fixture
async def reachable(scratch: Scratch, kubectl: str, tmp_path: Path) -> AsyncIterator[Reachable]:
    address = our_address(scratch.cluster)
    async with served_api(tmp_path, ledger=dear_hours, host=address) as (url, _):
        pod = pod_at(scratch, address)
        made = [make_service(scratch), make_endpoints(scratch, pod, urllib.parse.urlsplit(url).port or 0)]
        try:
            yield Reachable(kubectl, scratch)
        finally:
            for path in made:
                scratch.cluster.delete(path)
            pod.delete()


def make_service(scratch: Scratch) -> str:
    """A Service without a selector."""
    ports = [{"name": "http", "port": PORT, "protocol": "TCP"}]
    metadata = {"name": SERVICE, "namespace": scratch.namespace}
    return scratch.make({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}})


@dataclass(frozen=True)
class PodHere:
    """A pod that says it has an address of this machine: the API server's proxy goes to pods alone."""

    bound: BoundPod
    uid: str
    address: str

    def delete(self) -> None:
        self.bound.delete()


def pod_at(scratch: Scratch, address: str) -> PodHere:
    """Bind a pod to a node that nobody runs, and say its address in the kubelet's stead."""
    bound = FakeNode(scratch, f"here-{secrets.token_hex(4)}").pod(SERVICE, {"containers": [container("aggregator")]})
    bound.bind()
    running = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    scratch.cluster.patch(f"{bound.path}/status", {"status": running}, STRATEGIC_PATCH)
    return PodHere(bound, scratch.cluster.get(bound.path)["metadata"]["uid"], address)


def make_endpoints(scratch: Scratch, pod: PodHere, port: int) -> str:
    """Where the Service leads: the API server's proxy goes by these, and not by EndpointSlices."""
    target = {"kind": "Pod", "name": SERVICE, "namespace": scratch.namespace, "uid": pod.uid}
    addresses = [{"ip": pod.address, "targetRef": target}]
    return scratch.make(
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": SERVICE, "namespace": scratch.namespace},
            "subsets": [{"addresses": addresses, "ports": [{"name": "http", "port": port}]}],
        }
    )


@pytest.fixture(scope="module")
def viewer(scratch: Scratch) -> Account:
    """An account that may get `services/proxy` of that Service, and nothing else."""
    name, rbac = f"viewer-{scratch.suffix}", "rbac.authorization.k8s.io"
    metadata = {"name": name, "namespace": scratch.namespace}
    rule = {
        "apiGroups": [""],
        "resources": ["services/proxy"],
        "resourceNames": [f"{SERVICE}:{PORT}"],
        "verbs": ["get"],
    }
    subject = {"kind": "ServiceAccount", "name": name, "namespace": scratch.namespace}
    scratch.make({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    scratch.make({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]})
    role: dict[str, Any] = {"apiGroup": rbac, "kind": "Role", "name": name}
    scratch.make(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": role,
            "subjects": [subject],
        }
    )
    return Account(scratch.cluster, scratch.namespace, name)


async def test_who_may_get_the_service_may_ask(reachable: Reachable, viewer: Account, tmp_path: Path) -> None:
    """And for nothing else: that account's kubeconfig, the plugin called by kubectl."""
    kubeconfig = viewer.kubeconfig(tmp_path / "viewer")
    answered: list[Typed] = []
    for _ in range(20):  # the role and the endpoints are noticed a moment after they are made
        answered.append(await reachable.cost(kubeconfig, "namespace", "shop", "--window", "24h"))
        if answered[-1].code == 0:
            break
    typed = answered[-1]
    assert (typed.code, typed.errors) == (0, ""), typed.errors
    assert typed.out.splitlines()[0].split("   ")[0] == "NAMESPACE"
    assert "$6.67" in typed.out
    listed = await reachable.cost(kubeconfig, "prices", "-o", "csv")
    assert (listed.code, "m5.large" in listed.out) == (0, True)


async def test_who_may_not_is_told_what_is_missing(reachable: Reachable, tmp_path: Path) -> None:
    """The namespace's default account may nothing."""
    scratch = reachable.scratch
    kubeconfig = scratch.cluster.kubeconfig_of(scratch.namespace, "default", tmp_path / "nobody")
    typed = await reachable.cost(kubeconfig, "namespace")
    assert (typed.code, typed.out) == (1, "")
    assert f"system:serviceaccount:{scratch.namespace}:default" in typed.errors
    assert f'resources ["services/proxy"], resourceNames ["{SERVICE}:{PORT}"], verbs ["get"]' in typed.errors


async def test_a_token_that_is_none(reachable: Reachable, viewer: Account, tmp_path: Path) -> None:
    """The API server doesn't know it."""
    kubeconfig = viewer.kubeconfig(tmp_path / "viewer")
    typed = await reachable.cost(kubeconfig, "namespace", "--token", "nonsense")
    assert (typed.code, "doesn't know who you are" in typed.errors) == (1, True)


async def test_an_exec_plugin_shows_who_asks(reachable: Reachable, viewer: Account, tmp_path: Path) -> None:
    """A kubeconfig whose token comes from a program."""
    kubeconfig = viewer.kubeconfig(tmp_path / "viewer")
    content = yaml.safe_load(kubeconfig.read_text())
    token = content["users"][0]["user"].pop("token")
    script = tmp_path / "plugin"
    credential = (
        f'{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{{"token":"{token}"}}}}'
    )
    script.write_text(f"#!{sys.executable}\nprint('{credential}')\n")
    script.chmod(0o755)
    content["users"][0]["user"]["exec"] = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(script),
        "interactiveMode": "Never",
    }
    kubeconfig.write_text(yaml.safe_dump(content))
    typed = await reachable.cost(kubeconfig, "pod", "-n", "shop", "-o", "json")
    assert (typed.code, typed.errors) == (0, ""), typed.errors


async def test_a_service_that_is_not_there(reachable: Reachable, cluster: RealCluster, tmp_path: Path) -> None:
    """For who may everything: the sentence names Service and namespace, and where to say another."""
    kubeconfig = Path(os.environ["KUBE_COST_TEST_KUBECONFIG"])
    typed = await reachable.cost(kubeconfig, "namespace", "--service-namespace", "default")
    assert (typed.code, typed.out) == (1, "")
    assert f"no Service {SERVICE} in the namespace default" in typed.errors
    administrator = await reachable.cost(kubeconfig, "namespace")  # by a client certificate
    assert (administrator.code, administrator.errors) == (0, "")


async def test_a_service_without_a_pod_that_is_ready(reachable: Reachable, tmp_path: Path) -> None:
    """Nobody is behind it: where to look is said."""
    scratch = reachable.scratch
    endpoints = f"/api/v1/namespaces/{scratch.namespace}/endpoints/{SERVICE}"
    away = [{"notReadyAddresses": [{"ip": "10.255.255.1"}], "ports": [{"name": "http", "port": 1}]}]
    scratch.cluster.patch(endpoints, {"subsets": away})
    kubeconfig = Path(os.environ["KUBE_COST_TEST_KUBECONFIG"])
    for _ in range(20):  # noticed a moment later
        typed = await reachable.cost(kubeconfig, "namespace")
        if typed.code:
            break
    assert (typed.code, "no pod that is ready" in typed.errors) == (1, True), typed.errors


async def test_an_authority_that_is_unknown(reachable: Reachable, viewer: Account, tmp_path: Path) -> None:
    """The API server's certificate isn't believed without the cluster's authority."""
    kubeconfig = viewer.kubeconfig(tmp_path / "viewer")
    content = yaml.safe_load(kubeconfig.read_text())
    del content["clusters"][0]["cluster"]["certificate-authority-data"]
    kubeconfig.write_text(yaml.safe_dump(content))
    typed = await reachable.cost(kubeconfig, "namespace")
    assert (typed.code, typed.out) == (1, "")
    assert "isn't trusted" in typed.errors
    assert "--certificate-authority" in typed.errors
