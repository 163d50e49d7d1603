"""Machines whose type doesn't say which GPUs they have."""

import pytest

from kube_cost_common.domain.attached_gpus import (
    ACCELERATOR_LABEL,
    GPUS_LABEL,
    attached_gpus,
    attached_labels,
    may_have_attached,
)

T4 = {ACCELERATOR_LABEL: "nvidia-tesla-t4"}


@pytest.mark.parametrize(
    ("provider", "name", "may"),
    [
        ("gcp", "n1-standard-4", True),
        ("gcp", "n1-custom-4-15360", True),
        ("gcp", "custom-4-15360", True),
        ("gcp", "custom-4-15360-ext", True),
        ("gcp", "n2-standard-4", False),
        ("gcp", "n2-custom-4-15360", False),
        ("gcp", "a2-highgpu-1g", False),
        ("gcp", "g2-standard-4", False),
        ("aws", "n1-standard-4", False),
    ],
)
def test_only_googles_n1_may_have_some(provider: str, name: str, may: bool) -> None:
    """All others name their GPUs in their type."""
    assert may_have_attached(provider, name) is may


@pytest.mark.parametrize(
    ("labels", "gpus", "told"),
    [
        ({}, 0.0, {}),
        (T4, 0.0, T4),
        (T4, 2.0, {**T4, GPUS_LABEL: "2"}),
        ({}, 1.0, {GPUS_LABEL: "1"}),
    ],
)
def test_kind_and_number_are_told_as_labels(labels: dict[str, str], gpus: float, told: dict[str, str]) -> None:
    """As far as the node says them; nothing for a machine without, or of another type."""
    assert attached_labels("gcp", "n1-standard-4", {**labels, "other": "x"}, gpus) == told
    assert attached_labels("gcp", "a2-highgpu-1g", labels, gpus) == {}


@pytest.mark.parametrize(
    ("labels", "attached"),
    [
        ({}, None),
        ({"pool": "batch"}, None),
        (T4, ("nvidia-tesla-t4", 0.0)),
        ({**T4, GPUS_LABEL: "2"}, ("nvidia-tesla-t4", 2.0)),
        ({GPUS_LABEL: "1"}, ("", 1.0)),
        ({**T4, GPUS_LABEL: "many"}, ("nvidia-tesla-t4", 0.0)),
    ],
)
def test_they_are_read_back(labels: dict[str, str], attached: tuple[str, float] | None) -> None:
    """A number that isn't one counts as none reported."""
    assert attached_gpus("gcp", "n1-standard-4", labels) == attached
    assert attached_gpus("gcp", "n2-standard-4", labels) is None
