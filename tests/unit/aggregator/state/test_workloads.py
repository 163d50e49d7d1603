"""From a pod's owner to what a person wrote."""

import pytest

from kube_cost_aggregator.state.facts import Owner, OwnerFacts
from kube_cost_aggregator.state.workloads import workload_of


def owned(kind: str, name: str, owner: Owner | None) -> OwnerFacts:
    return OwnerFacts(uid=f"uid-{name}", kind=kind, namespace="shop", name=name, owner=owner)


def owner(kind: str, name: str) -> Owner:
    return Owner(kind, name, f"uid-{name}")


KNOWN = {
    facts.uid: facts
    for facts in (
        owned("ReplicaSet", "web-7d4", owner("Deployment", "web")),
        owned("ReplicaSet", "api-5c6", owner("Rollout", "api")),
        owned("ReplicaSet", "bare", None),
        owned("Job", "report-2912", owner("CronJob", "report")),
        owned("CronJob", "report", None),
        owned("Job", "once", None),
        owned("CronJob", "synced", owner("Schedule", "nightly")),
        owned("Job", "synced-1", owner("CronJob", "synced")),
    )
}


@pytest.mark.parametrize(
    ("kind", "name", "workload"),
    [
        ("ReplicaSet", "web-7d4", ("Deployment", "web")),
        ("ReplicaSet", "bare", ("ReplicaSet", "bare")),
        ("Job", "report-2912", ("CronJob", "report")),
        ("Job", "once", ("Job", "once")),
        ("StatefulSet", "db", ("StatefulSet", "db")),
        ("DaemonSet", "log", ("DaemonSet", "log")),
    ],
)
def test_a_pods_workload_is_the_last_of_its_owners(kind: str, name: str, workload: tuple[str, str]) -> None:
    """A Deployment, not its ReplicaSet; a CronJob, not its Job; and what has no owner is its own."""
    assert workload_of(owner(kind, name), "pod-1", KNOWN) == workload


@pytest.mark.parametrize(
    ("kind", "name", "workload"),
    [
        ("ReplicaSet", "api-5c6", ("Rollout", "api")),  # Argo Rollouts
        ("CloneSet", "gateway", ("CloneSet", "gateway")),  # OpenKruise: pods are its own
        ("Workflow", "etl-x7k2p", ("Workflow", "etl-x7k2p")),  # Argo Workflows, likewise
        ("Job", "synced-1", ("Schedule", "nightly")),
    ],
)
def test_owners_that_nobody_may_read_are_known_by_who_names_them(
    kind: str, name: str, workload: tuple[str, str]
) -> None:
    """A custom resource's kind and name stand in the reference to it: no permission for it is needed."""
    assert workload_of(owner(kind, name), "pod-1", KNOWN) == workload


@pytest.mark.parametrize("controller", [None, Owner("Node", "n1", "uid-n1")])
def test_a_pod_that_nothing_made_stands_for_itself(controller: Owner | None) -> None:
    """A static pod's owner is its node."""
    assert workload_of(controller, "pod-1", KNOWN) == ("Pod", "pod-1")


def test_owners_in_a_circle_end() -> None:
    """They are nonsense, and no reason to hang."""
    circle = {"uid-a": owned("A", "a", owner("B", "b")), "uid-b": owned("B", "b", owner("A", "a"))}
    assert workload_of(owner("A", "a"), "pod-1", circle)[0] in {"A", "B"}
