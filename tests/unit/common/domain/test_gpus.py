import pytest

from kube_cost_common.domain.gpus import DEFAULT_GPU_RESOURCES


@pytest.mark.parametrize(
    ("amounts", "labels", "gpus"),
    [
        ({"nvidia.com/gpu": 2}, {}, 2.0),
        ({"amd.com/gpu": 1}, {}, 1.0),
        ({"nvidia.com/gpu": 1}, {"nvidia.com/gpu.replicas": "4"}, 0.25),
        ({"nvidia.com/gpu": 1}, {"cloud.google.com/gke-max-shared-clients-per-gpu": "48"}, 1 / 48),
        ({"nvidia.com/mig-3g.20gb": 1}, {}, 3 / 7),
        ({"nvidia.com/mig-1g.5gb": 7}, {}, 1.0),
        ({"nvidia.com/gpu": 1}, {"nvidia.com/gpu.replicas": "none"}, 1.0),
        ({"example.com/fpga": 3}, {}, 0.0),
        ({}, {}, 0.0),
    ],
)
def test_gpus_are_counted_from_extended_resources(amounts: dict[str, int], labels: dict[str, str], gpus: float) -> None:
    """Whole ones, slices of MIG by sevenths, time slices by the node's label."""
    assert DEFAULT_GPU_RESOURCES.count(amounts, labels) == pytest.approx(gpus)
