"""The permissions of deploy/kustomize/base, held against what the services ask a real API server for."""

import contextlib
import html
import urllib.error
from collections.abc import AsyncIterator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import structlog

from harness.deployment import (
    AGENT,
    AGGREGATOR,
    BASE,
    Account,
    account_that_may,
    installed,
    permissions,
    rendered,
    rules_of,
)
from harness.kubernetes_objects import ReadObjects
from harness.mesh import LiveMesh
from harness.nats import background, eventually
from harness.real_cluster import RealCluster, Scratch
from harness.real_mesh import USD_PER_GIB_HOUR, USD_PER_VCPU_HOUR, part, ready_mesh, starting_mesh
from kube_cost_aggregator.inputs.kubernetes.client import api_client
from kube_cost_aggregator.inputs.kubernetes.cluster import ClusterWatch
from kube_cost_aggregator.inputs.kubernetes.watch import WatchTimes
from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES
from kube_cost_common.runtime.clock import SystemClock
from kube_cost_common.runtime.health import Counters

LOG = structlog.get_logger()
NANO = Fraction(1, 1_000_000_000)
PERMISSIONS = permissions(rules_of(AGGREGATOR))


class Deaf:
    """A receiver that isn't interested."""

    def replaced(self, _kind: str, _facts: Sequence[Any], _at_ns: int) -> None: ...

    def changed(self, _kind: str, _facts: Any, _at_ns: int) -> None: ...

    def removed(self, _kind: str, _uid: str, _last: Any, _at_ns: int) -> None: ...


@pytest.fixture(scope="module")
def accounts(scratch: Scratch, kubectl: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Account]:
    return installed(scratch, kubectl, tmp_path_factory.mktemp("overlay"))


@pytest.fixture(scope="module")
def live(accounts: dict[str, Account], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveMesh]:
    folder = tmp_path_factory.mktemp("mesh")
    with ready_mesh(folder, accounts[AGGREGATOR].kubeconfig(folder)) as mesh:
        yield mesh


def test_the_aggregators_role_is_what_it_follows() -> None:
    """It may list and watch each resource that is followed, and nothing else."""
    followed = {(resource.group, resource.plural) for resource in ReadObjects().resources.all()}
    asked = {(verb, group, plural) for group, plural in followed for verb in ("list", "watch")}
    assert sorted(PERMISSIONS) == sorted(asked)


def test_the_agents_role_is_one_permission() -> None:
    """It may ask for its node's statistics."""
    assert permissions(rules_of(AGENT)) == [("get", "", "nodes/stats")]


def test_the_base_gives_each_role_to_its_account(kubectl: str) -> None:
    """It builds; each binding joins the role and the account of its own name, in the account's namespace."""
    objects = rendered(kubectl, BASE)
    homes = {
        one["metadata"]["name"]: one["metadata"]["namespace"] for one in objects if one["kind"] == "ServiceAccount"
    }
    assert homes == {AGGREGATOR: "kube-cost", AGENT: "kube-cost-agent"}
    given = {
        one["metadata"]["name"]: (one["roleRef"]["name"], [(who["name"], who["namespace"]) for who in one["subjects"]])
        for one in objects
        if one["kind"] == "ClusterRoleBinding"
    }
    assert given == {name: (name, [(name, home)]) for name, home in homes.items()}


def test_a_real_api_server_takes_the_base(cluster: RealCluster, kubectl: str) -> None:
    """Each object that isn't in a namespace, which isn't there yet, would be created as it is."""
    for content in rendered(kubectl, BASE):
        if content["kind"] != "ServiceAccount":
            plural = f"{content['kind'].lower()}s"
            path = f"/apis/rbac.authorization.k8s.io/v1/{plural}?dryRun=All&fieldValidation=Strict"
            content["metadata"]["name"] += "-dry"
            answer = cluster.send("POST", path, content)
            assert answer["metadata"]["labels"] == content["metadata"]["labels"]


def test_with_its_role_the_aggregator_prices_the_nodes(live: LiveMesh, cluster: RealCluster) -> None:
    """Ready, all resources followed, and each node that belongs to no cloud at its price by vCPU and GiB."""
    own = [node for node in cluster.get("/api/v1/nodes")["items"] if "://" not in node["spec"].get("providerID", "")]
    assert own
    for node in own:
        shape = node["status"]["capacity"]
        gib = Fraction(shape["memory"].removesuffix("Ki")) / 2**20
        expected = int(shape["cpu"]) * Fraction(USD_PER_VCPU_HOUR) + gib * Fraction(USD_PER_GIB_HOUR)
        name = node["metadata"]["name"]
        live.wait(lambda name=name: live.value("kube_cost_node_hourly_usd", node=name), f"{name} is priced")  # type: ignore[misc]
        assert abs((live.value("kube_cost_node_hourly_usd", node=name) or 0) - expected) <= NANO
    assert part(live, "watches")[0] == "ok"
    assert live.value("kube_cost_errors_total", component="aggregator", error_type="kubernetes_watch") is None


@pytest.mark.parametrize(
    ("verb", "resource"),
    [("get", "secrets"), ("list", "configmaps"), ("create", "pods"), ("delete", "pods"), ("get", "nodes/proxy")],
)
@pytest.mark.parametrize("name", [AGGREGATOR, AGENT])
def test_no_account_may_do_more(accounts: dict[str, Account], name: str, verb: str, resource: str) -> None:
    """The real API server refuses what neither service does."""
    account = accounts[name]
    assert not account.cluster.allows(account.user, verb, resource, namespace=account.namespace)


@pytest.mark.parametrize(("verb", "group", "plural"), PERMISSIONS, ids=[f"{one[0]}-{one[2]}" for one in PERMISSIONS])
async def test_each_permission_is_needed(scratch: Scratch, tmp_path: Path, verb: str, group: str, plural: str) -> None:
    """Without it that one resource isn't followed, the sentence says what to add, and all others are well."""
    rest = [one for one in PERMISSIONS if one != (verb, group, plural)]
    account = account_that_may(scratch, f"without-{verb}-{plural}", rest)
    async with following(account.kubeconfig(tmp_path)) as watch:
        missing = 1 if verb == "list" else 0
        await eventually(lambda: len(watch.problems) == 1 and len(watch.unsynced) == missing)
        (problem,) = watch.problems
    assert problem.startswith(
        f"{plural}: may not {verb} {plural}: add apiGroups [{group!r}], resources [{plural!r}], verbs [list, watch] "
    )


@pytest.mark.parametrize(("verb", "status"), [("list", 503), ("watch", 200)])
def test_the_aggregator_says_what_it_may_not(scratch: Scratch, tmp_path: Path, verb: str, status: int) -> None:
    """Without `list` on pods it isn't ready; without `watch` it is, by its lists; probe and pages say what to add."""
    rest = [one for one in PERMISSIONS if one != (verb, "", "pods")]
    account = account_that_may(scratch, f"process-without-{verb}", rest)
    sentence = f"pods: may not {verb} pods: add apiGroups [''], resources ['pods'], verbs [list, watch]"
    with starting_mesh(tmp_path, account.kubeconfig(tmp_path)) as live:
        live.wait(lambda: sentence in part(live, "watches")[1], "the status page says what is missing")
        assert part(live, "watches")[0] == "problem"
        live.wait(lambda: readiness(live)[0] == status, f"readiness is {status}")
        said = readiness(live)[1].splitlines()
        assert any(line.startswith(f"problem: {sentence}") for line in said)
        assert ("waiting: the API server hasn't listed all resources yet" in said) is (verb == "list")
        assert html.escape(sentence) in live.get("/").decode()


def readiness(live: LiveMesh) -> tuple[int, str]:
    """The status that the probe gets, and what it is told."""
    try:
        return 200, live.get("/readyz").decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextlib.asynccontextmanager
async def following(kubeconfig: Path) -> AsyncIterator[ClusterWatch]:
    """The aggregator's watches, running."""
    clock = SystemClock()
    async with api_client(kubeconfig=str(kubeconfig), environ={}, clock=clock, log=LOG) as client:
        watch = ClusterWatch(
            client=client,
            receiver=Deaf(),
            gpus=DEFAULT_GPU_RESOURCES,
            kept_labels=frozenset(),
            counters=Counters(),
            clock=clock,
            log=LOG,
            times=WatchTimes(),
        )
        async with background(*watch.runs()):
            yield watch
