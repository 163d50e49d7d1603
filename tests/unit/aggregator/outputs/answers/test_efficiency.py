"""What is reserved and not used."""

from harness.api import small_world


async def test_a_workload_has_what_it_uses_of_what_it_reserves() -> None:
    """And what the difference costs; what nothing is reserved of has no ratio. The most wasteful first."""
    body = await small_world().get("efficiency")
    web, train = body["lines"]
    assert web == {
        "namespace": "shop",
        "workload_kind": "Deployment",
        "workload": "web",
        "used": {"vcpu": 0.5, "memory_gib": 1.0, "gpus": 0.0},
        "reserved": {"vcpu": 1.0, "memory_gib": 4.0, "gpus": 0.0},
        "efficiency": {"vcpu": 0.5, "memory_gib": 0.25, "gpus": None},
        "wasted_usd_per_hour": "0.01",
        "above_usd_per_hour": "0",
    }
    assert (train["workload"], train["above_usd_per_hour"]) == ("=train", "0.02")
    assert (body["wasted_usd_per_hour"], body["above_usd_per_hour"]) == ("0.01", "0.02")


async def test_namespaces_are_their_workloads_together() -> None:
    """They have no workload."""
    body = await small_world().get("efficiency", {"by": "namespace", "sort": "namespace"})
    assert [(row["namespace"], row["workload"]) for row in body["lines"]] == [("lab", None), ("shop", None)]
    assert body["lines"][1]["reserved"]["memory_gib"] == 4.0


async def test_lines_are_filtered_and_sorted_by_a_ratio() -> None:
    """The greatest first, where a minus says so."""
    names = [row["workload"] for row in (await small_world().get("efficiency", {"sort": "-efficiency_vcpu"}))["lines"]]
    assert names == ["=train", "web"]
    body = await small_world().get("efficiency", {"namespace": "shop", "workload": "w*"})
    assert ([row["workload"] for row in body["lines"]], body["above_usd_per_hour"]) == (["web"], "0")
