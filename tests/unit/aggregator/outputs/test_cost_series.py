"""What the cost families say, read with the client library's own parser."""

from collections import Counter
from decimal import Decimal

from prometheus_client.parser import text_string_to_metric_families

from harness.clock import TurnedClock
from harness.costs import Shown, day_of, node_rate, pod_rate, rates_of, total_of, volume_rate
from kube_cost_aggregator.outputs.cost_series import Chunks, CostSeries
from kube_cost_aggregator.state.rates import Rates
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.runtime.health import Readiness

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def series_of(text: str) -> Series:
    """Every sample of an exposition, none of which may stand twice."""
    samples = [
        ((sample.name, frozenset(sample.labels.items())), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]
    twice = [key for key, count in Counter(key for key, _ in samples).items() if count > 1]
    assert not twice
    return dict(samples)


def value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


def family_sum(text: str, name: str) -> Decimal:
    return sum(
        (Decimal(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + "{")), Decimal()
    )


def chunks_of(kept: CostSeries, rates: Rates) -> Chunks:
    for _ in kept.take(rates, Totals(), TurnedClock().now_ns()):
        pass
    return {family: dict(chunks) for family, chunks in kept.chunks.items()}


def test_a_pod_has_its_rate_under_the_briefs_labels() -> None:
    """kube_cost_pod_hourly_usd carries namespace, pod and node, and nothing else."""
    shown = Shown(rates=rates_of(node_rate("n", pod_rate("web-1", 0.0123456789))))
    assert 'kube_cost_pod_hourly_usd{namespace="shop",pod="web-1",node="n"} 0.012345679\n' in shown.text()


def test_a_named_cluster_is_a_label_of_every_series() -> None:
    """With KUBE_COST_CLUSTER set there is no series without the label; the process's own have it too."""
    series = series_of(Shown(cluster="eu", rates=rates_of(node_rate("n", pod_rate("p")))).text())
    assert {dict(labels).get("cluster") for _, labels in series} == {"eu"}


def test_an_unnamed_cluster_is_no_label() -> None:
    """Without a name nothing carries the label."""
    assert "cluster=" not in Shown(rates=rates_of(node_rate("n", pod_rate("p")))).text()


def test_namespaces_idle_and_system_are_the_nodes_total() -> None:
    """Exactly, in the decimals that are exposed."""
    nodes = [
        node_rate(f"n{i}", *(pod_rate(f"p{j}", 0.001 / (i + j + 1), namespace=f"ns{j}") for j in range(7)))
        for i in range(5)
    ]
    text = Shown(rates=rates_of(*nodes)).text()
    total = family_sum(text, "kube_cost_namespace_hourly_usd")
    assert total == family_sum(text, "kube_cost_node_hourly_usd") == Decimal("0.48")
    assert family_sum(text, "kube_cost_namespace_daily_usd") == 24 * total
    pods = family_sum(text, "kube_cost_pod_hourly_usd")
    idle, system = (family_sum(text, f"kube_cost_node_{part}_hourly_usd") for part in ("idle", "system"))
    assert pods + idle + system == total


def test_a_known_namespace_has_its_counters_at_zero() -> None:
    """A counter's first increase is seen only if the 0 before it was."""
    series = series_of(Shown(rates=rates_of(namespaces=["empty"])).text())
    for namespace in ("empty", "__idle__", "__system__"):
        assert value(series, "kube_cost_namespace_usd_total", namespace=namespace) == 0
        assert value(series, "kube_cost_spot_savings_usd_total", namespace=namespace) == 0
    assert value(series, "kube_cost_nodes_usd_total", capacity_type="spot") == 0


def test_settled_money_is_the_ledgers() -> None:
    """Counters, today and the month to date come from the committed totals."""
    shown = Shown(rates=rates_of(namespaces=["shop"]))
    day = day_of(shown.clock)
    shown.totals = Totals(
        namespaces={"shop": total_of(5_000_000_001, savings=7)},
        days={"shop": {day: 1_500_000_000, day - 1: 2_000_000_000}},
        nodes={"on_demand": 3_000_000_000},
    )
    series = series_of(shown.text())
    assert value(series, "kube_cost_namespace_usd_total", namespace="shop") == 5.000000001
    assert value(series, "kube_cost_spot_savings_usd_total", namespace="shop") == 7e-9
    assert value(series, "kube_cost_namespace_today_usd", namespace="shop") == 1.5
    assert value(series, "kube_cost_namespace_month_to_date_usd", namespace="shop") == 3.5
    assert value(series, "kube_cost_nodes_usd_total", capacity_type="on_demand") == 3


def test_a_new_day_begins_without_a_commit() -> None:
    """At midnight UTC today is 0 again, though the ledger hasn't changed."""
    shown = Shown(rates=rates_of(namespaces=["shop"]))
    shown.totals = Totals(namespaces={"shop": total_of(9)}, days={"shop": {day_of(shown.clock): 10**9}})
    assert value(series_of(shown.text()), "kube_cost_namespace_today_usd", namespace="shop") == 1
    shown.clock.turn(86_400)
    assert value(series_of(shown.text()), "kube_cost_namespace_today_usd", namespace="shop") == 0


def test_a_deleted_namespace_stays_as_long_as_its_money_is_of_this_month() -> None:
    """Its counter must not vanish with its last increase unseen; a month later it goes."""
    shown = Shown(rates=rates_of(namespaces=[]))
    shown.totals = Totals(namespaces={"gone": total_of(10**9)}, days={"gone": {day_of(shown.clock): 10**9}})
    assert value(series_of(shown.text()), "kube_cost_namespace_usd_total", namespace="gone") == 1
    shown.clock.turn(32 * 86_400)
    assert value(series_of(shown.text()), "kube_cost_namespace_usd_total", namespace="gone") is None


def test_a_node_without_a_price_is_counted_and_has_no_dollars() -> None:
    """Not a made-up 0: its info says that it is there, the count of unpriced nodes why it has none."""
    series = series_of(Shown(rates=rates_of(node_rate("n", usd_per_hour=None), node_rate("m"))).text())
    assert value(series, "kube_cost_node_hourly_usd", node="n", instance_type="m5.large") is None
    assert value(series, "kube_cost_node_hourly_usd", node="m", instance_type="m5.large") == 0.096
    assert value(series, "kube_cost_unpriced_nodes", reason="waiting") == 1
    infos = [dict(labels) for name, labels in series if name == "kube_cost_node_info"]
    assert {(info["node"], info["price_source"]) for info in infos} == {("n", ""), ("m", "api")}


def test_a_spot_node_shows_both_prices_and_what_it_saves() -> None:
    """Savings are spread as the cost is, the rest under __idle__; the zone's spot price is there once."""
    node = node_rate(
        "n", pod_rate("p", savings=0.02), usd_per_hour=0.036, spot=0.036, labels={"karpenter.sh/capacity-type": "spot"}
    )
    series = series_of(Shown(rates=rates_of(node, node_rate("m", spot=0.04))).text())
    typed = {"node": "n", "instance_type": "m5.large"}
    assert value(series, "kube_cost_node_on_demand_hourly_usd", **typed) == 0.096
    assert value(series, "kube_cost_node_spot_hourly_usd", **typed) == 0.036
    assert value(series, "kube_cost_spot_price_hourly_usd", instance_type="m5.large", zone="us-east-1a") == 0.036
    assert value(series, "kube_cost_spot_savings_hourly_usd", namespace="shop") == 0.02
    assert value(series, "kube_cost_spot_savings_hourly_usd", namespace="__idle__") == 0.04


def test_a_volume_costs_730_hours_a_month() -> None:
    """And one whose price isn't known has no series."""
    series = series_of(Shown(rates=rates_of(volumes=[volume_rate("a", 0.01), volume_rate("b", None)])).text())
    assert value(series, "kube_cost_pv_monthly_usd", pv_name="a", storage_class="gp3") == 7.3
    assert value(series, "kube_cost_pv_monthly_usd", pv_name="b", storage_class="gp3") is None


def test_a_volume_that_is_gone_has_no_series() -> None:
    """Deleted with the last one of them too."""
    shown = Shown(rates=rates_of(volumes=[volume_rate("a", 0.01)]))
    assert "kube_cost_pv_monthly_usd{" in shown.text()
    shown.rates = rates_of()
    assert "kube_cost_pv_monthly_usd{" not in shown.text()


def test_a_workload_is_the_sum_of_its_pods_on_all_nodes_and_goes_with_the_last() -> None:
    """Pods of one Deployment on two nodes are one series."""
    one, two = node_rate("a", pod_rate("p1", 0.01)), node_rate("b", pod_rate("p2", 0.02))
    shown = Shown(rates=rates_of(one, two))
    labels = {"namespace": "shop", "workload_kind": "Deployment", "workload": "web"}
    assert value(series_of(shown.text()), "kube_cost_workload_hourly_usd", **labels) == 0.03
    shown.rates = rates_of(one, node_rate("b"))
    assert value(series_of(shown.text()), "kube_cost_workload_hourly_usd", **labels) == 0.01
    shown.rates = rates_of(node_rate("a"), node_rate("b"))
    assert value(series_of(shown.text()), "kube_cost_workload_hourly_usd", **labels) is None


def test_a_node_that_is_gone_leaves_no_series() -> None:
    """Neither its own nor its pods'."""
    shown = Shown(rates=rates_of(node_rate("stays", pod_rate("a")), node_rate("goes", pod_rate("b"))))
    shown.text()
    shown.rates = rates_of(*(node for node in shown.rates.nodes.values() if node.facts.name == "stays"))
    assert "goes" not in shown.text()


def test_a_pod_made_anew_under_its_name_is_one_series() -> None:
    """While the old one isn't gone yet, both are in it."""
    twice = node_rate("n", pod_rate("db-0", 0.01, uid="old"), pod_rate("db-0", 0.02, uid="new"))
    series = series_of(Shown(rates=rates_of(twice)).text())
    assert value(series, "kube_cost_pod_hourly_usd", namespace="shop", pod="db-0", node="n") == 0.03


def test_an_unchanged_node_is_not_rendered_again() -> None:
    """The same snapshot of a node is the same chunk; only what changed is a new object."""
    kept = CostSeries(cluster="")
    still, old, new = (
        node_rate("still", pod_rate("a")),
        node_rate("n", pod_rate("b")),
        node_rate("n", pod_rate("b", 0.02)),
    )
    before = chunks_of(kept, rates_of(still, old))["kube_cost_pod_hourly_usd"]
    after = chunks_of(kept, rates_of(still, new))["kube_cost_pod_hourly_usd"]
    assert after["still"] is before["still"]
    assert after["n"] is not before["n"]


def test_nothing_changed_is_nothing_new() -> None:
    """Every chunk stays the very object, so that none is compressed again."""
    kept, rates = CostSeries(cluster=""), rates_of(node_rate("n", pod_rate("p")), volumes=[volume_rate("v", 0.1)])
    before, after = chunks_of(kept, rates), chunks_of(kept, rates)
    assert before.keys() == after.keys()
    assert all(after[family][key] is chunk for family, chunks in before.items() for key, chunk in chunks.items())


def test_a_node_made_anew_to_say_the_same_is_not_rendered_again() -> None:
    """Prices that are read again, and samples below the requests, change nothing."""
    kept = CostSeries(cluster="")
    before = chunks_of(kept, rates_of(node_rate("n", pod_rate("a"))))["kube_cost_pod_hourly_usd"]["n"]
    equal = node_rate("n", pod_rate("a"))
    assert chunks_of(kept, rates_of(equal))["kube_cost_pod_hourly_usd"]["n"] is before
    assert kept.nodes["n"] is equal


def test_before_everything_is_listed_there_is_settled_money_only() -> None:
    """A restart must not show a rate of 0 for what costs; once ready, a lost bus takes no rates away."""
    shown = Shown(rates=rates_of(namespaces=["shop"]), readiness=Readiness({"cluster": "not listed yet"}))
    text = shown.text()
    assert "kube_cost_namespace_hourly_usd{" not in text
    assert "kube_cost_spot_savings_hourly_usd{" not in text
    assert 'kube_cost_namespace_usd_total{namespace="shop"} 0\n' in text
    shown.readiness.met("cluster")
    assert 'kube_cost_namespace_daily_usd{namespace="shop"} 0\n' in shown.text()
    shown.readiness.stopping()
    assert 'kube_cost_namespace_daily_usd{namespace="shop"} 0\n' in shown.text()
