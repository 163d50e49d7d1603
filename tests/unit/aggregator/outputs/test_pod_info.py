"""Who pods are, on /metrics."""

from harness.costs import Shown, node_rate, pod_rate, rates_of
from kube_cost_aggregator.outputs.pod_info import exposed_labels
from kube_cost_aggregator.state.rates import PodRate, Rates


def infos(shown: Shown) -> list[str]:
    """What stands in the braces of each series."""
    lines = shown.text().splitlines()
    return [line[len("kube_cost_pod_info{") : -len("} 1")] for line in lines if line.startswith("kube_cost_pod_info{")]


def rates(*pods: PodRate) -> Rates:
    return rates_of(node_rate("n", *pods))


def test_labels_are_named_as_kube_state_metrics_names_them() -> None:
    """Those that become the same are numbered, each."""
    assert exposed_labels(["team", "app.kubernetes.io/name", "a.b", "a-b"]) == (
        "label_team",
        "label_app_kubernetes_io_name",
        "label_a_b_conflict1",
        "label_a_b_conflict2",
    )


def test_each_pod_has_its_workload_and_the_configured_labels() -> None:
    """An empty one where it doesn't have the label."""
    one = pod_rate("a")._replace(labels={"team": "web", "other": "x"})
    shown = Shown(rates=rates(one, pod_rate("b", workload=("Job", "j"))), label_names=("team",))
    assert infos(shown) == [
        'namespace="shop",pod="a",node="n",workload_kind="Deployment",workload="web",label_team="web"',
        'namespace="shop",pod="b",node="n",workload_kind="Job",workload="j",label_team=""',
    ]


def test_it_follows_labels_workloads_and_pods() -> None:
    """A pod that costs something else is still the same one."""
    shown = Shown(rates=rates(pod_rate("a"), pod_rate("b")), label_names=("team",))
    before = infos(shown)
    shown.rates = rates(pod_rate("a", 0.02), pod_rate("b"))
    assert infos(shown) == before
    shown.rates = rates(pod_rate("a", 0.02)._replace(labels={"team": "web"}), pod_rate("b"))
    assert infos(shown)[0].endswith('label_team="web"')
    shown.rates = rates(pod_rate("b", workload=("StatefulSet", "web")))
    assert infos(shown) == [
        'namespace="shop",pod="b",node="n",workload_kind="StatefulSet",workload="web",label_team=""'
    ]
    shown.rates = rates_of()
    assert infos(shown) == []


def test_one_that_was_made_anew_stands_once() -> None:
    """Beside the old one, which isn't gone yet."""
    shown = Shown(rates=rates(pod_rate("a", uid="1"), pod_rate("a", uid="2", workload=("Job", "j"))))
    assert len(infos(shown)) == 1


def test_it_is_left_out_where_there_are_too_many_or_nobody_is_named() -> None:
    """And comes back."""
    two = rates(pod_rate("a"), pod_rate("b"))
    shown = Shown(rates=two, info_max_pods=1)
    assert infos(shown) == []
    shown.rates = rates(pod_rate("a"))
    assert len(infos(shown)) == 1
    assert infos(Shown(rates=two, info_max_pods=0)) == []
    nameless = rates(replace_name(pod_rate("a")), replace_name(pod_rate("b")))
    assert infos(Shown(rates=nameless)) == []


def replace_name(pod: PodRate) -> PodRate:
    return pod._replace(name="")


def test_the_clusters_name_comes_first() -> None:
    """As everywhere."""
    shown = Shown(cluster="eu", rates=rates(pod_rate("a")))
    assert infos(shown)[0].startswith('cluster="eu",namespace="shop"')
