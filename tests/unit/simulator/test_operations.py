from typing import Any

import pytest

from kube_cost_simulator.cluster import SimulatedCluster
from kube_cost_simulator.objects.quantities import bytes_text, cpu_text, resources_of
from kube_cost_simulator.operations import Operations, RefusedError, merged
from kube_cost_simulator.resources import DEPLOYMENTS, NAMESPACES, NODES, PODS
from kube_cost_simulator.scenario import GIB, MIB, Resources

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}),
        ({}, {"a": {"b": None}}, {"a": {}}),
    ],
)
def test_a_merge_patch_follows_its_rfc(target: Any, patch: Any, result: Any) -> None:
    """Maps are merged, null removes, everything else is replaced (RFC 7386)."""
    assert merged(target, patch) == result


@pytest.mark.parametrize(
    ("texts", "resources"),
    [
        ({"cpu": "250m", "memory": "64Mi"}, Resources(250, 64 * MIB)),
        ({"cpu": "1.5", "memory": "1Gi", "nvidia.com/gpu": "2"}, Resources(1500, GIB, 2)),
        ({"cpu": "100u", "memory": "1e3"}, Resources(1, 1000)),
        ({"memory": "128974848"}, Resources(0, 128974848)),
        ({}, Resources()),
    ],
)
def test_quantities_are_read_as_the_api_server_does(texts: dict[str, str], resources: Resources) -> None:
    """Suffixes and exponents, rounded up to whole millicores and bytes."""
    assert resources_of(texts) == resources


def test_quantities_are_written_in_canonical_form() -> None:
    """Whole cores without a suffix, bytes in the greatest binary unit that fits."""
    assert [cpu_text(250), cpu_text(2000)] == ["250m", "2"]
    assert [bytes_text(GIB), bytes_text(1536 * MIB), bytes_text(1000)] == ["1Gi", "1536Mi", "1000"]


def test_deleting_a_deployment_takes_its_pods_along(demo: SimulatedCluster) -> None:
    """Its ReplicaSet goes at once and its pods after they stopped."""
    demo.advance_to(demo.now_ns + 10 * SECOND_NS)
    Operations(cluster=demo).delete(DEPLOYMENTS, "production", "web")
    demo.advance_to(demo.now_ns + 5 * SECOND_NS)
    assert not [name for namespace, name in demo.pods.pods if namespace == "production" and name.startswith("web-")]


def test_patching_replicas_scales(demo: SimulatedCluster) -> None:
    """A Deployment follows a patch of its spec."""
    Operations(cluster=demo).patch(DEPLOYMENTS, "production", "web", {"spec": {"replicas": 6}})
    demo.advance_to(demo.now_ns + 10 * SECOND_NS)
    assert sum(name.startswith("web-") and namespace == "production" for namespace, name in demo.pods.pods) == 6


def test_deleting_a_node_ends_its_pods(small: SimulatedCluster) -> None:
    """A node deleted through the API is gone for the history too."""
    operations = Operations(cluster=small)
    operations.create(PODS, "default", {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c"}]}})
    small.advance_to(small.now_ns + 10 * SECOND_NS)
    operations.delete(NODES, "", "n1")
    assert small.history.nodes[0].deleted_ns == small.history.pods[0].ended_ns == small.now_ns


def test_a_patch_of_an_old_version_is_a_conflict(small: SimulatedCluster) -> None:
    """A resourceVersion in the patch must be the object's."""
    with pytest.raises(RefusedError) as refused:
        Operations(cluster=small).patch(NAMESPACES, "", "default", {"metadata": {"resourceVersion": "1"}})
    assert refused.value.code == 409
