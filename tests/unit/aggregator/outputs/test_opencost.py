"""Prices under OpenCost's names."""

from prometheus_client.parser import text_string_to_metric_families

from harness.costs import Shown, node_rate, pod_rate, rates_of, volume_rate


def families(shown: Shown) -> dict[str, list[tuple[dict[str, str], float]]]:
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(shown.text())
        if not family.name.startswith(("kube_cost_", "process_", "python_"))
    }


def test_they_are_off_by_default() -> None:
    """Who doesn't ask doesn't pay for them."""
    assert families(Shown(rates=rates_of(node_rate("n", pod_rate("p"))))) == {}


def test_nodes_and_volumes_have_their_prices() -> None:
    """An m5.large: 0.031247 a vCPU, 0.004188 a GiB (docs/cost-model.md)."""
    node = node_rate("n", labels={"karpenter.sh/capacity-type": "spot", "kubernetes.io/arch": "arm64"})
    found = families(Shown(opencost_names=True, rates=rates_of(node, volumes=[volume_rate("v", 0.01)])))
    ((labels, total),) = found["node_total_hourly_cost"]
    assert labels == {
        "instance": "n",
        "node": "n",
        "instance_type": "m5.large",
        "region": "us-east-1",
        "provider_id": "aws:///us-east-1a/i-0",
        "arch": "arm64",
    }
    assert total == 0.096
    assert round(found["node_cpu_hourly_cost"][0][1], 6) == 0.031247
    assert round(found["node_ram_hourly_cost"][0][1], 6) == 0.004188
    assert found["node_gpu_hourly_cost"][0][1] == 0
    assert found["kubecost_node_is_spot"][0][1] == 1
    assert found["pv_hourly_cost"] == [({"volumename": "v", "persistentvolume": "v", "provider_id": "v"}, 0.01)]


def test_a_node_without_a_price_has_none_here_either() -> None:
    """It is a spot node or not all the same."""
    found = families(Shown(opencost_names=True, rates=rates_of(node_rate("n", usd_per_hour=None))))
    assert found["node_total_hourly_cost"] == []
    assert found["kubecost_node_is_spot"][0][1] == 0
