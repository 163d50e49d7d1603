import json
import pathlib

import pytest

from kube_cost_agent.cgroup_paths import CgroupPath, parse_cgroup_path


@pytest.fixture
def vectors(recorded_data: pathlib.Path) -> dict[str, list[list[str | None]]]:
    found: dict[str, list[list[str | None]]] = json.loads(
        (recorded_data / "agent" / "cgroup-path-cases.json").read_text(encoding="utf-8")
    )
    return found


def test_every_recorded_path_says_its_pod_class_container_and_runtime(
    vectors: dict[str, list[list[str | None]]],
) -> None:
    """All paths collected from real nodes are read as their sources say."""
    assert len(vectors["cases"]) >= 14
    for path, pod_uid, qos, container_id, runtime, source in vectors["cases"]:
        assert path is not None
        parsed = parse_cgroup_path(path)
        assert parsed is not None, source
        assert (parsed.pod_uid, parsed.qos, parsed.container_id, parsed.runtime) == (
            pod_uid,
            qos,
            container_id,
            runtime,
        )


def test_no_recorded_path_of_something_else_is_taken_for_a_pod(vectors: dict[str, list[str]]) -> None:
    """Services, users' slices, plain Docker containers and the roots themselves aren't pods."""
    assert len(vectors["not_pods"]) >= 9
    for path in vectors["not_pods"]:
        assert parse_cgroup_path(path) is None, path


@pytest.mark.parametrize(
    ("path", "qos"),
    [
        ("kubepods/burstable/pod6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e", "Burstable"),
        ("pod6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e", "Guaranteed"),
        ("kubepods-besteffort-pod6a4ce4a0_ba47_11ea_b2a7_0cc47ac5979e.slice", "BestEffort"),
        ("/docker/0a/kubelet/kubepods/pod6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e", "Guaranteed"),
    ],
)
def test_a_pods_own_cgroup_has_no_container(path: str, qos: str) -> None:
    """The pod's directory itself, whole path or last name, gives uid and class, and no container."""
    assert parse_cgroup_path(path) == CgroupPath(
        pod_uid="6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e",
        qos=qos,  # type: ignore[arg-type]
        container_id=None,
        runtime="unknown",
    )


@pytest.mark.parametrize(
    "path",
    [
        "/kubepods/pod6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e0",
        "/kubepods/xpod6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e",
        "/kubepods/pod6a4ce4a0-ba47-11ea-b2a7",
        "/kubepods/pod6A4CE4A0-BA47-11EA-B2A7-0CC47AC5979E",
    ],
)
def test_what_only_looks_like_a_uid_is_none(path: str) -> None:
    """A uid is 32 lower-case digits in its five groups or in one, and nothing before or after it."""
    assert parse_cgroup_path(path) is None
