import pytest

from kube_cost_common.domain.resources import NOTHING, Resources
from kube_cost_common.domain.unit_prices import DEFAULT_WEIGHTS, UnitPrices, Weights, reserved_for_system, split


@pytest.mark.parametrize(
    ("usd", "shape", "vcpu", "gib", "gpu"),
    [
        (0.096, Resources(2, 8), 0.031247, 0.004188, None),  # m5.large
        (0.126, Resources(2, 16), 0.030401, 0.004075, None),  # r5.large
        (0.085, Resources(2, 4), 0.033515, 0.004492, None),  # c5.large
        (3.06, Resources(8, 61, 1), 0.066192, 0.008872, 1.989263),  # p3.2xlarge
        (0.526, Resources(4, 16, 1), 0.014531, 0.001948, 0.436711),  # g4dn.xlarge
    ],
)
def test_a_machine_divides_into_unit_prices(
    usd: float, shape: Resources, vcpu: float, gib: float, gpu: float | None
) -> None:
    """The check values: AWS machines at their us-east-1 prices, worked by hand."""
    units = split(usd, shape)
    assert units.vcpu == pytest.approx(vcpu, abs=5e-7)
    assert units.memory_gib == pytest.approx(gib, abs=5e-7)
    if gpu is not None:
        assert units.gpu == pytest.approx(gpu, abs=5e-7)
    assert sum(a * b for a, b in zip(shape, units, strict=True)) == pytest.approx(usd, rel=1e-14)


def test_weights_without_memory_divide_by_cpu_alone() -> None:
    """With r = g = 0 a c5.2xlarge's 0.34 is 0.0425 a vCPU."""
    assert split(0.34, Resources(8, 16), Weights(1, 0, 0)) == UnitPrices(0.0425, 0.0, 0.0)


def test_a_machine_of_nothing_has_no_unit_prices() -> None:
    """No capacity is no division by zero."""
    assert split(1.0, NOTHING, DEFAULT_WEIGHTS) == (0.0, 0.0, 0.0)


def test_the_system_has_what_is_not_allocatable() -> None:
    """Nominal less allocatable, and never less than nothing."""
    assert reserved_for_system(Resources(4, 16, 1), Resources(3.5, 14, 2)) == Resources(0.5, 2, 0)
