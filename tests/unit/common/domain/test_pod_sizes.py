"""Sizes that pods are sold by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube_cost_common.domain.pod_sizes import (
    FARGATE_OVERHEAD_GIB,
    GIB_PER_GB,
    aci_size,
    fargate_size,
    sizing_of,
)
from kube_cost_common.domain.resources import Resources


@pytest.mark.parametrize(
    ("vcpu", "gib", "size"),
    [
        (0.0, 0.0, (0.25, 0.5)),
        (0.25, 0.25, (0.25, 0.5)),
        (0.25, 0.3, (0.25, 1.0)),
        (0.25, 2.0, (0.5, 3.0)),
        (1.0, 8.0, (2.0, 9.0)),
        (2.5, 1.0, (4.0, 8.0)),
        (16.0, 119.75, (16.0, 120.0)),
        (64.0, 500.0, (16.0, 120.0)),
    ],
)
def test_fargates_sizes(vcpu: float, gib: float, size: tuple[float, float]) -> None:
    """The next combination, with a quarter of a GiB added."""
    assert fargate_size(Resources(vcpu, gib))[:2] == size


@given(st.floats(0, 16), st.floats(0, 119))
def test_a_fargate_size_holds_what_is_requested(vcpu: float, gib: float) -> None:
    """Never less."""
    size = fargate_size(Resources(vcpu, gib))
    assert size.vcpu >= vcpu
    assert size.memory_gib >= gib + FARGATE_OVERHEAD_GIB


def test_container_groups_are_rounded_container_by_container() -> None:
    """To hundredths of a vCPU and tenths of a GB; who asks for nothing gets 1 and 1.5."""
    size = aci_size([(0.333, 0.5), (0.0, 0.0), (0.5, 0.0)])
    assert size.vcpu == pytest.approx(0.34 + 1 + 0.5)
    assert size.memory_gib == pytest.approx((0.6 + 1.5 + 1.5) * GIB_PER_GB)


def test_which_nodes_are_no_machines() -> None:
    """By the labels that EKS and the virtual kubelet write."""
    assert sizing_of({"eks.amazonaws.com/compute-type": "fargate"}) == "fargate"
    assert sizing_of({"type": "virtual-kubelet"}) == "aci"
    assert sizing_of({"eks.amazonaws.com/compute-type": "ec2"}) is None
