"""Costs by the values of labels."""

from dataclasses import replace

from harness.costs import Shown, node_rate, pod_rate, rates_of, volume_rate
from kube_cost_common.domain.money import NANO_PER_USD


def series(shown: Shown, family: str) -> dict[str, float]:
    """The family's series by what stands in their braces."""
    lines = [line for line in shown.text().splitlines() if line.startswith(family + "{")]
    return {line[line.index("{") : line.index("}") + 1]: float(line.rsplit(" ", 1)[1]) for line in lines}


def test_pods_count_for_their_label_or_their_namespaces_or_for_nobody() -> None:
    """And volumes, load balancers and idle so that each label's sum is the cluster's."""
    node = node_rate(
        "n",
        pod_rate("own", 0.01)._replace(labels={"team": "web"}),
        pod_rate("theirs", 0.02, namespace="data"),
        pod_rate("nobodys", 0.005, namespace="play"),
    )
    volumes = [volume_rate("v", 0.01, claim=("data", "db")), volume_rate("w", 0.002)]
    rates = replace(
        rates_of(node, namespaces=("shop", "data", "play"), volumes=volumes), namespace_labels={"data": {"team": "db"}}
    )
    found = series(Shown(rates=rates, label_names=("team",)), "kube_cost_label_hourly_usd")
    assert found['{label="team",value="web"}'] == 0.01
    assert found['{label="team",value="db"}'] == 0.03
    total = round(sum(found.values()) * NANO_PER_USD)
    assert total == round((0.096 + 0.012) * NANO_PER_USD)


def test_without_configured_labels_there_are_no_series() -> None:
    """Nobody pays for what nobody asked for."""
    assert series(Shown(rates=rates_of(node_rate("n", pod_rate("p")))), "kube_cost_label_hourly_usd") == {}
