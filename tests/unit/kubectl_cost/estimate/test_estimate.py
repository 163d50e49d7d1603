"""Manifests, and what they cost a month."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from kubectl_cost.estimate.costs import estimate
from kubectl_cost.estimate.documents import objects, parsed
from kubectl_cost.estimate.objects import ASSUMED, Assumptions, Needs, needs_of
from kubectl_cost.estimate.shipped_prices import shipped_prices
from kubectl_cost.faults import BadInputError
from kubectl_cost.main import main
from kubectl_cost.report import Report

ASSUMPTIONS = Assumptions(nodes=3, job_hours=2.0)
HALF = {"name": "a", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
OF_HALF = {"template": {"spec": {"containers": [HALF]}}}
PRICES = shipped_prices(provider="aws", region="us-east-1", instance_type="m5.large", volume_type="gp3")


def manifest(kind: str, spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "shop"}, "spec": spec or {}} | more


def read(*manifests: dict[str, Any]) -> list[Needs]:
    text = yaml.safe_dump_all(manifests)
    return [needs_of(part, ASSUMPTIONS) for part in parsed(text, "test.yaml")]


def report(*manifests: dict[str, Any]) -> Report:
    return estimate(read(*manifests), PRICES)


def monthly(*manifests: dict[str, Any]) -> str:
    found = report(*manifests)
    assert found.summed is not None
    return str(round(Decimal(str(found.summed["monthly_usd"])), 2))


def test_three_pods_of_half_a_cpu_and_a_gib() -> None:
    """By hand: m5.large is 0.096 USD an hour; 2 × 0.031611 + 8 × 0.004237 = 0.097118 weighs that.

    A vCPU is 0.031611 × 0.096 ÷ 0.097118 = 0.0312471, a GiB 0.0041882; a pod 0.0198118; × 3 × 730 h = 43.39.
    """
    assert monthly(manifest("Deployment", {"replicas": 3, **OF_HALF})) == "43.39"


@pytest.mark.parametrize(
    ("content", "pods"),
    [
        (manifest("Pod", {"containers": [HALF]}), 1),
        (manifest("Deployment", OF_HALF), 1),
        (manifest("Deployment", {"replicas": 0, **OF_HALF}), 0),
        (manifest("ReplicaSet", {"replicas": 4, **OF_HALF}), 4),
        (manifest("StatefulSet", {"replicas": 2, **OF_HALF}), 2),
        (manifest("DaemonSet", OF_HALF), 3),
    ],
)
def test_every_pod_of_a_workload_costs_the_same(content: dict[str, Any], pods: int) -> None:
    """14.46 USD a month each; a DaemonSet's run on each node."""
    (needs,) = read(content)
    assert (needs.state, needs.pods, needs.pod) == ("estimated", pods, (0.5, 1.0, 0.0))
    assert monthly(content) == str(round(Decimal("14.462596") * pods, 2))


def test_a_job_costs_a_run() -> None:
    """Each of its pods for as long as was said: 6 × 0.0198118 × 2 h."""
    assert monthly(manifest("Job", {"completions": 6, "parallelism": 3, **OF_HALF})) == "0.24"


def test_claims_cost_what_they_ask_for() -> None:
    """A StatefulSet's once a replica; 0.08 USD per GiB and month of gp3."""
    claim = {"resources": {"requests": {"storage": "100Gi"}}}
    assert monthly(manifest("PersistentVolumeClaim", claim)) == "8.00"
    database = {"replicas": 3, **OF_HALF, "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}]}
    assert monthly(manifest("StatefulSet", database)) == "67.39"


def test_a_pod_reserves_what_the_scheduler_holds() -> None:
    """Sidecars beside, init containers before; overhead; a limit without a request is one."""
    spec = {
        "containers": [HALF, {"name": "b", "resources": {"limits": {"cpu": 1, "memory": "1Gi", "nvidia.com/gpu": 1}}}],
        "initContainers": [
            {"name": "c", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
            {"name": "d", "resources": {"requests": {"memory": "3Gi"}}},
        ],
        "overhead": {"cpu": "250m"},
    }
    (needs,) = read(manifest("Pod", spec))
    assert (needs.pod, needs.notes) == ((1.85, 3.0, 1.0), ())


def test_requests_that_are_missing_are_assumed_and_marked() -> None:
    """What has none costs something all the same."""
    (needs,) = read(manifest("Pod", {"containers": [{"name": "a"}]}))
    assert needs.pod == (ASSUMED["cpu"] / 1000, ASSUMED["memory"] / 1024**3, 0.0)
    assert needs.notes == ("requests are assumed",)


def test_every_object_is_counted() -> None:
    """None is dropped in silence, and what can't be estimated has a row."""
    found = report(
        manifest("Deployment", OF_HALF),
        manifest("ConfigMap"),
        manifest("Service", {"type": "ClusterIP"}),
        manifest("Service", {"type": "LoadBalancer"}),
        {"kind": "List", "items": [manifest("Secret"), manifest("ServiceMonitor")]},
    )
    assert found.footer[0] == "6 objects: 1 estimated, 3 free, 2 not supported."
    assert [(row["kind"], row["note"]) for row in found.rows[1:]] == [
        ("Service", "not supported"),
        ("ServiceMonitor", "not supported"),
    ]


BOMB = "\n".join(
    [
        "a: &a [x, x]",
        *(f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)),
    ]
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: {{ .Values.kind }}", ["no YAML", "is a template"]),
        ("a: b: c", ["line 1", "no YAML"]),
        ("kind: Pod\n\tspec: x", ["line 2", "no YAML"]),
        ("\x00\x01", ["no YAML"]),
        ("just text", ["document 1", "is no object"]),
        ("a: 1\n---\n- b", ["document 1", "kind: is missing"]),
        (BOMB, ["kind: is missing"]),
        ("kind: a\nb: " + "[" * 5000 + "]" * 5000, ["nest"]),
        ("kind: Deployment\nspec: {replicas: -1}", ["spec.replicas: '-1' is no whole number"]),
        ("kind: Deployment\nspec: {replicas: 010}", ["spec.replicas: '010'"]),
        ("kind: Deployment\nspec: {replicas: 1e400}", ["spec.replicas: '1e400'"]),
        ("kind: Deployment\nspec: {replicas: 1:30}", ["spec.replicas: '1:30'"]),
        ("kind: Deployment\nspec: {replicas: [1]}", ["spec.replicas: is no text"]),
        ("kind: Deployment\nspec: 5", ["spec: is no object"]),
        ("kind: Pod\nspec: {containers: {}}", ["spec.containers: is no list"]),
        ("kind: Pod\nspec: {}", ["spec.containers: is missing"]),
        (
            "kind: ConfigMap\n---\nkind: Pod\nspec: {containers: [{resources: {requests: {cpu: lots}}}]}",
            ["document 2: spec.containers[0].resources.requests.cpu: 'lots' is no quantity"],
        ),
        ("kind: Pod\nspec: {containers: [{resources: {requests: {memory: 1e400}}}]}", ["requests.memory: '1e400' is "]),
        ("kind: Pod\nspec: {containers: [{resources: {requests: {cpu: -1}}}]}", ["less than nothing"]),
    ],
)
def test_bad_input_is_named_in_one_line(text: str, said: Sequence[str]) -> None:
    """By file, document and field."""
    with pytest.raises(BadInputError) as raised:
        [needs_of(part, ASSUMPTIONS) for part in parsed(text, "bad.yaml")]
    sentence = str(raised.value)
    assert sentence.startswith("bad.yaml")
    assert "\n" not in sentence
    assert [words for words in said if words not in sentence] == []


def test_files_directories_and_input_are_read(tmp_path: Path) -> None:
    """The files of a directory in the order of their names, those that aren't manifests left alone."""
    for name in ("b.yaml", "a.json", "c.txt"):
        (tmp_path / name).write_text(f'{{"kind": "Pod", "metadata": {{"name": "{name}"}}}}')
    names = [part.at("metadata", "name").text() for part in objects([str(tmp_path), str(tmp_path / "c.txt")])]
    assert names == ["a.json", "b.yaml", "c.txt"]
    typed = CliRunner().invoke(
        main, ["estimate", "-f", "-"], input=yaml.safe_dump(manifest("Pod", {"containers": [HALF]}))
    )
    assert (typed.exit_code, "$14.46" in typed.output) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-f", "/nonexistent"], "/nonexistent: can't be read"),
        (["-f", "-", "--instance-type", "x9.huge"], "no price of 'x9.huge' of aws"),
    ],
)
def test_what_is_not_there_is_bad_input(arguments: list[str], said: str) -> None:
    """Exit code 2."""
    typed = CliRunner().invoke(main, ["estimate", *arguments], input="kind: ConfigMap")
    assert (typed.exit_code, typed.stdout) == (2, "")
    assert said in typed.stderr
