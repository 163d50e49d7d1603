"""What tests on a real cluster share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import parts
from harness.real_cluster import RealCluster, Scratch, scratch_in


@pytest.fixture(scope="session")
def cluster() -> RealCluster:
    """A real cluster to make things in."""
    path = os.environ.get("KUBE_COST_TEST_KUBECONFIG", "")
    if not path:
        parts.lacking(parts.CLUSTER)
    return RealCluster(Path(path))


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The path of kubectl."""
    return parts.program(parts.KUBECTL)


@pytest.fixture(scope="module")
def scratch(cluster: RealCluster) -> Iterator[Scratch]:
    """A namespace of the module's own, and a way to make what goes when its tests are over."""
    with scratch_in(cluster) as made:
        yield made
