import pytest

from harness.compared import Difference, Row, Tolerance, check, differences, table
from harness.everything import COUNTERS, GAUGES, metrics_rows


def row(kind: str, nano_usd: int, name: str = "a") -> Row:
    return Row(kind, "", "shop", name, nano_usd)


def test_what_only_one_side_has_is_a_difference() -> None:
    """A row of the truth that isn't found, and one that shouldn't be there."""
    found = differences([row("pod", 500), row("pod", 7, "b")], [row("pod", 500), row("pod", 9, "c")])
    assert found == [
        Difference(row("pod", 500), 500),
        Difference(row("pod", 7, "b"), 0),
        Difference(row("pod", 0, "c"), 9),
    ]


def test_kinds_that_are_asked_for_are_compared_though_there_are_none() -> None:
    """Others only where both sides have them."""
    truth = [row("pod", 500), row("volume", 500)]
    assert differences(truth, [row("pod", 500)]) == [Difference(row("pod", 500), 500)]
    assert Difference(row("volume", 500), 0) in differences(truth, [row("pod", 500)], ["pod", "volume"])


def test_what_is_near_enough_passes() -> None:
    """Half a percent, and a few nano-USD."""
    check([row("pod", 10**6), row("idle", 0)], [row("pod", 10**6 + 5050), row("idle", 99)], kinds=["pod", "idle"])


@pytest.mark.parametrize("found", [10**6 - 5200, 10**6 + 5200, 0])
def test_what_is_too_far_off_fails_with_a_table(found: int) -> None:
    """Too little, too much, nothing."""
    with pytest.raises(AssertionError, match=r"pod +shop +a +0\.001000000 "):
        check([row("pod", 10**6)], [row("pod", found)], kinds=["pod"])


def test_a_kind_can_have_a_tolerance_of_its_own() -> None:
    """To the nano, here."""
    exactly = {"idle": Tolerance(0, 0)}
    with pytest.raises(AssertionError):
        check([row("idle", 10**6)], [row("idle", 10**6 + 1)], tolerances=exactly)


def test_to_compare_nothing_fails() -> None:
    """Nothing would be found wrong for ever."""
    with pytest.raises(AssertionError, match="no rows"):
        check([row("pod", 1)], [row("idle", 1)])


def test_a_table_has_the_worst_first_and_sums_last() -> None:
    """So that it can be read."""
    lines = table(differences([row("pod", 10**6), row("pod", 10**6, "b")], [row("pod", 10**9), row("pod", 0, "b")]))
    assert [line.split()[:3] for line in lines.splitlines()] == [
        ["KIND", "NAMESPACE", "NAME"],
        ["pod", "shop", "a"],
        ["pod", "shop", "b"],
        ["pod", "SUM", "2"],
    ]


EXPOSITION = """\
# TYPE kube_cost_namespace_resource_hourly_usd gauge
kube_cost_namespace_resource_hourly_usd{namespace="shop",resource="cpu"} 0.25
kube_cost_namespace_resource_hourly_usd{namespace="shop",resource="storage"} 0
# TYPE kube_cost_pv_monthly_usd gauge
kube_cost_pv_monthly_usd{pv_name="pv-1",storage_class="gp3"} 7.3
# TYPE kube_cost_label_hourly_usd gauge
kube_cost_label_hourly_usd{label="team",value="ml"} 1
# TYPE kube_cost_workload_hourly_usd gauge
kube_cost_workload_hourly_usd{namespace="shop",workload_kind="Deployment",workload="web"} 2
# TYPE kube_cost_nodes_usd counter
kube_cost_nodes_usd_total{capacity_type="spot"} 3
"""


def test_an_exposition_is_rows() -> None:
    """Of gauges, by what labels say; months are hours; nothing is no row."""
    assert metrics_rows(EXPOSITION, GAUGES, cluster="east") == [
        Row("cpu", "east", "shop", "", 250_000_000),
        Row("volume", "east", "", "pv-1", 10_000_000),
        Row("label team", "east", "", "ml", 10**9),
        Row("workload", "east", "shop", "Deployment/web", 2 * 10**9),
    ]


def test_counters_are_rows_by_themselves() -> None:
    """What was settled isn't what costs now."""
    assert metrics_rows(EXPOSITION, COUNTERS) == [Row("capacity", "", "", "spot", 3 * 10**9)]
