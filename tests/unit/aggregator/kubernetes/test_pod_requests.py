from typing import Any

import pytest

from harness.kubernetes_objects import ReadObjects, container, pod


def cpu_of(content: dict[str, Any]) -> float:
    read = ReadObjects()
    facts = read.pod(content)
    assert not read.faults
    request: float = facts.vcpu_request
    return request


def status_of(name: str, requests: str, allocated: str) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": {"cpu": requests}}, "allocatedResources": {"cpu": allocated}}


def test_containers_are_added_up() -> None:
    """Without anything special a pod reserves the sum of its containers, memory in GiB."""
    facts = ReadObjects().pod(
        pod(spec={"containers": [container("a", {"cpu": "250m", "memory": "1Gi"}), container("b", {"cpu": "1"})]})
    )
    assert (facts.vcpu_request, facts.memory_gib_request) == (1.25, 1.0)


def test_a_sidecar_counts_while_later_init_containers_run() -> None:
    """A sidecar of 0.5 CPU runs on beside the init container of 5 after it: 5.5, more than the 3.5 after the start.

    After KEP-753 (sidecar containers), section on resources.
    """
    content = pod(
        spec={
            "containers": [container("app", {"cpu": "2"})],
            "initContainers": [
                container("mesh", {"cpu": "500m"}, restartPolicy="Always"),
                container("migrate", {"cpu": "5"}),
                container("logs", {"cpu": "1"}, restartPolicy="Always"),
            ],
        }
    )
    assert cpu_of(content) == 5.5


def test_sidecars_stay_beside_the_containers() -> None:
    """Where the start needs less, sidecars and containers together are what counts."""
    content = pod(
        spec={
            "containers": [container("app", {"cpu": "2"})],
            "initContainers": [
                container("setup", {"cpu": "1"}),
                container("mesh", {"cpu": "500m"}, restartPolicy="Always"),
            ],
        }
    )
    assert cpu_of(content) == 2.5


def test_requests_of_the_pod_replace_the_sum() -> None:
    """Pod-level requests stand for CPU and memory; an extended resource is still the containers' sum."""
    facts = ReadObjects().pod(
        pod(
            spec={
                "containers": [container("app", {"cpu": "4", "memory": "4Gi", "nvidia.com/gpu": "2"})],
                "resources": {"requests": {"cpu": "3", "memory": "2Gi"}},
            }
        )
    )
    assert (facts.vcpu_request, facts.memory_gib_request, facts.gpu_requests) == (3.0, 2.0, {"nvidia.com/gpu": 2})


def test_the_runtime_class_adds_its_overhead() -> None:
    """`spec.overhead` comes on top, of pod-level requests too."""
    content = pod(spec={"overhead": {"cpu": "250m"}, "resources": {"requests": {"cpu": "1"}}})
    assert cpu_of(content) == 1.25


@pytest.mark.parametrize(
    ("spec", "actual", "allocated", "expected"),
    [("1", "2", "2", 2.0), ("3", "2", "2", 3.0), ("1", "1", "4", 4.0)],
    ids=["down, not yet done", "up, not yet done", "allocated, not yet actual"],
)
def test_a_resize_holds_the_most_of_wanted_actual_and_allocated(
    spec: str, actual: str, allocated: str, expected: float
) -> None:
    """While a resize is under way, the greatest of the three is held (KEP-1287)."""
    content = pod(
        spec={"containers": [container("app", {"cpu": spec})]},
        status={"containerStatuses": [status_of("app", actual, allocated)]},
    )
    assert cpu_of(content) == expected


def infeasible(status: str = "True") -> list[dict[str, Any]]:
    return [{"type": "PodResizePending", "status": status, "reason": "Infeasible"}]


def test_an_infeasible_resize_is_not_counted() -> None:
    """What the node can never give isn't held: only actual and allocated are."""
    content = pod(
        spec={"containers": [container("app", {"cpu": "64"})]},
        status={"containerStatuses": [status_of("app", "2", "2")], "conditions": infeasible()},
    )
    assert cpu_of(content) == 2.0


def test_a_deferred_resize_is_counted() -> None:
    """A resize that waits for room is held as wanted."""
    content = pod(
        spec={"containers": [container("app", {"cpu": "8"})]},
        status={
            "containerStatuses": [status_of("app", "2", "2")],
            "conditions": [{"type": "PodResizePending", "status": "True", "reason": "Deferred"}],
        },
    )
    assert cpu_of(content) == 8.0


def test_a_sidecar_is_resized_too() -> None:
    """The statuses of init containers are matched by name."""
    content = pod(
        spec={
            "containers": [container("app", {"cpu": "1"})],
            "initContainers": [container("mesh", {"cpu": "1"}, restartPolicy="Always")],
        },
        status={"initContainerStatuses": [status_of("mesh", "3", "3")]},
    )
    assert cpu_of(content) == 4.0


def test_pod_level_requests_are_resized_by_the_pods_status() -> None:
    """The pod's own `status.resources` and `allocatedResources` hold against its own entry."""
    content = pod(
        spec={"resources": {"requests": {"cpu": "1"}}},
        status={"resources": {"requests": {"cpu": "2"}}, "allocatedResources": {"cpu": "1500m"}},
    )
    assert cpu_of(content) == 2.0


def test_a_status_without_resources_changes_nothing() -> None:
    """`allocatedResources` alone, as older kubelets wrote it, isn't a resize."""
    content = pod(
        spec={"containers": [container("app", {"cpu": "1"})]},
        status={"containerStatuses": [{"name": "app", "allocatedResources": {"cpu": "9"}}]},
    )
    assert cpu_of(content) == 1.0


@pytest.mark.parametrize(
    ("gpus", "kept"),
    [
        ({"nvidia.com/gpu": "1"}, {"nvidia.com/gpu": 1}),
        ({"nvidia.com/mig-3g.20gb": "2"}, {"nvidia.com/mig-3g.20gb": 2}),
        ({"example.com/fpga": "1", "hugepages-2Mi": "2Mi", "ephemeral-storage": "nonsense"}, {}),
    ],
    ids=["whole", "a slice", "no GPU"],
)
def test_only_gpus_are_kept_of_what_else_is_requested(gpus: dict[str, str], kept: dict[str, int]) -> None:
    """Extended resources that are GPUs are kept as requested; what no price depends on isn't even read."""
    read = ReadObjects()
    assert read.pod(pod(spec={"containers": [container("app", gpus)]})).gpu_requests == kept
    assert not read.faults


@pytest.mark.parametrize("text", ["1 core", "", "-1", "1e999", "1.5.2", "0x10"])
def test_a_bad_quantity_is_named_and_left_out(text: str) -> None:
    """A request that is no amount counts as none, the others count, and the error says which it is."""
    read = ReadObjects()
    facts = read.pod(pod(spec={"containers": [container("app", {"cpu": text, "memory": "1Gi"})]}))
    assert (facts.vcpu_request, facts.memory_gib_request) == (0.0, 1.0)
    (sentence,) = read.sentences
    assert sentence.startswith("Pod shop/web: spec.containers[app].resources.requests.cpu: not a")
    assert repr(text) in sentence


def test_a_bad_quantity_is_reported_at_each_reading() -> None:
    """Pods with equal requests are read once, and reported each."""
    read = ReadObjects()
    for name in ("one", "two"):
        read.pod(pod(name, spec={"containers": [container("app", {"cpu": "?"})]}))
    assert [fault.name for fault in read.faults] == ["one", "two"]
