import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.kubernetes_objects import CREATED_NS, ReadObjects, container, page, pod
from kube_cost_aggregator.state.facts import Owner, PodFacts


@pytest.fixture(scope="module")
def recorded(recorded_data: Path) -> list[PodFacts]:
    """The pods of a real node, Kubernetes 1.35."""
    items = yaml.safe_load((recorded_data / "agent/nri-1_35/api-pods.yaml").read_text())["items"]
    read = ReadObjects()
    facts = read.resources.pods.read_page(page(*items)).facts
    assert not read.faults
    return list(facts)


def test_the_recorded_node_is_reserved_as_its_scheduler_says(recorded: list[PodFacts]) -> None:
    """The pods that run on it hold 1.375 CPU and 510 MiB of memory (5 MB of it in decimal units)."""
    running = [facts for facts in recorded if facts.node_name and not facts.terminated]
    assert math.isclose(sum(facts.vcpu_request for facts in running), 1.375)
    mebibytes = sum(facts.memory_gib_request for facts in running) * 1024
    assert math.isclose(mebibytes, RESERVED_MEBIBYTES)


RESERVED_MEBIBYTES = 505 + 5e6 / 1024**2


def test_static_pods_are_known_as_the_kubelet_knows_them(recorded: list[PodFacts], recorded_data: Path) -> None:
    """Every pod that the kubelet of the recorded node reports is one of the API's by its usage uid."""
    summary = json.loads((recorded_data / "agent/nri-1_35/kubelet-stats-summary.json").read_text())
    reported = {entry["podRef"]["uid"] for entry in summary["pods"]}
    assert reported <= {facts.usage_uid for facts in recorded}
    static = [facts for facts in recorded if facts.usage_uid != facts.uid]
    assert len(static) == 4
    assert {facts.usage_uid for facts in static} <= reported


def test_recorded_pods_that_are_done_have_an_end(recorded: list[PodFacts]) -> None:
    """Those that succeeded or failed ended after they were bound; the others haven't ended."""
    for facts in recorded:
        assert (facts.finished_ns is not None) == facts.terminated
        if facts.finished_ns is not None:
            assert facts.bound_ns is not None
            assert facts.finished_ns >= facts.bound_ns >= facts.created_ns


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, "uid-web"),
        ({"kubernetes.io/config.mirror": "m", "kubernetes.io/config.hash": "h"}, "m"),
        ({"kubernetes.io/config.hash": "h", "other": "o"}, "h"),
    ],
    ids=["ordinary", "mirror", "hash"],
)
def test_the_uid_of_usage_is_the_hash_for_static_pods(annotations: dict[str, str], expected: str) -> None:
    """An ordinary pod's usage has its own uid; a mirror pod's the hash of its configuration."""
    assert ReadObjects().pod(pod(annotations=annotations)).usage_uid == expected


def scheduled(status: str, since: str | None) -> dict[str, Any]:
    return {"conditions": [{"type": "PodScheduled", "status": status, "lastTransitionTime": since}]}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (scheduled("True", "2026-06-26T10:12:20Z"), CREATED_NS + 1_000_000_000),
        (scheduled("False", "2026-06-26T10:12:20Z"), None),
        (scheduled("True", None), None),
        ({}, None),
    ],
    ids=["bound", "waiting", "no time", "no condition"],
)
def test_a_pod_is_bound_when_it_was_scheduled(status: dict[str, Any], expected: int | None) -> None:
    """The time is that of PodScheduled becoming true."""
    assert ReadObjects().pod(pod(status=status)).bound_ns == expected


def ended(*times: str | None, **more: Any) -> dict[str, Any]:
    statuses = [
        {"name": f"c{number}", "state": {"terminated": {"exitCode": 0, "finishedAt": time}}}
        for number, time in enumerate(times)
    ]
    return {"containerStatuses": statuses, **more}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_is_finished_when_its_last_container_is(phase: str) -> None:
    """The latest finishedAt counts, of those that have one."""
    facts = ReadObjects().pod(pod(status=ended("2026-06-26T10:12:20Z", "2026-06-26T10:12:22Z", None, phase=phase)))
    assert facts.finished_ns == CREATED_NS + 3_000_000_000
    assert facts.terminated


def test_a_running_pod_is_not_finished_though_a_container_is() -> None:
    """A container that ended in a running pod ends nothing."""
    facts = ReadObjects().pod(pod(status=ended("2026-06-26T10:12:20Z", phase="Running")))
    assert (facts.finished_ns, facts.terminated) == (None, False)


def test_a_pod_that_its_kubelet_refused_is_terminated_without_a_time() -> None:
    """A failed pod of which no container ever ran has no end, and still reserves nothing."""
    facts = ReadObjects().pod(pod(status={"phase": "Failed", "reason": "OutOfcpu"}))
    assert (facts.finished_ns, facts.terminated) == (None, True)


def test_the_owner_is_the_one_that_controls() -> None:
    """Of several owner references the controller's counts; a mere owner doesn't."""
    references = [
        {"kind": "ConfigMap", "name": "c", "uid": "1"},
        {"kind": "ReplicaSet", "name": "r", "uid": "2", "controller": True},
    ]
    assert ReadObjects().pod(pod(ownerReferences=references)).owner == Owner("ReplicaSet", "r", "2")
    assert ReadObjects().pod(pod(ownerReferences=references[:1])).owner is None


def test_only_the_named_labels_are_kept() -> None:
    """Labels that the configuration doesn't name cost no memory."""
    read = ReadObjects("team", "absent")
    facts = read.pod(pod(labels={"team": "a", "pod-template-hash": "x"}))
    assert facts.labels == {"team": "a"}


def test_equal_strings_and_labels_are_one_object() -> None:
    """Ten thousand pods share their namespaces, nodes, owners and labels."""
    read = ReadObjects("team")
    owner: dict[str, Any] = {"ownerReferences": [{"kind": "ReplicaSet", "name": "r", "uid": "2", "controller": True}]}
    one, two = (read.pod(pod(name, labels={"team": "a"}, **owner)) for name in ("one", "two"))
    for attribute in ("namespace", "node_name", "labels", "owner", "gpu_requests"):
        assert getattr(one, attribute) is getattr(two, attribute), attribute


def test_claims_are_those_it_names_and_those_made_for_it() -> None:
    """A generic ephemeral volume's claim is `<pod>-<volume>`; a claim mounted twice is one."""
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "db"}},
        {"name": "again", "persistentVolumeClaim": {"claimName": "db"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        {"name": "config", "configMap": {"name": "c"}},
    ]
    assert ReadObjects().pod(pod(spec={"volumes": volumes})).claims == ("db", "web-scratch")


def test_a_pod_of_the_hosts_network_is_marked() -> None:
    """Its traffic isn't its own."""
    assert ReadObjects().pod(pod(spec={"hostNetwork": True})).host_network
    assert not ReadObjects().pod(pod()).host_network


def test_a_bad_time_is_named_and_left_out() -> None:
    """A time that can't be read counts as none; the error says which it is."""
    read = ReadObjects()
    assert read.pod(pod(status=scheduled("True", "soon"))).bound_ns is None
    assert read.sentences == ["Pod shop/web: status.conditions[PodScheduled].lastTransitionTime: not a time: 'soon'"]


def test_what_no_dollar_depends_on_is_not_decoded() -> None:
    """An environment that isn't even of the API's structure is no fault: it is skipped."""
    read = ReadObjects()
    assert read.pod(pod(spec={"containers": [container("app", env=17, command={"a": [1]})]})).name == "web"
    assert not read.faults
