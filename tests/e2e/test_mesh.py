"""The whole mesh, each service a process of its own, over the simulated cluster: from counters to /metrics."""

import gzip
import subprocess
import urllib.error
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

import pytest

from harness.mesh import LiveMesh, live_mesh
from harness.prometheus import Prometheus, running_prometheus
from kube_cost_aggregator.outputs.families import CATALOGUE
from kube_cost_demo.mesh import Pace

NANO = Fraction(1, 1_000_000_000)

GOING_ON = {
    "kube_cost_namespace_usd_total",
    "kube_cost_namespace_today_usd",
    "kube_cost_namespace_month_to_date_usd",
}

BRIEF_FAMILIES = {
    "kube_cost_pod_hourly_usd",
    "kube_cost_namespace_daily_usd",
    "kube_cost_node_hourly_usd",
    "kube_cost_pv_monthly_usd",
    "kube_cost_spot_savings_usd_total",
    "kube_cost_exporter_up",
    "kube_cost_pricing_api_calls_total",
    "kube_cost_errors_total",
    "kube_cost_calculation_duration_seconds",
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveMesh]:
    with live_mesh(tmp_path_factory.mktemp("mesh"), pace=Pace(interval_seconds=5.0, read_seconds=0.5)) as mesh:
        yield mesh


def test_every_node_and_pod_has_a_price(live: LiveMesh) -> None:
    """Each node shows its hourly price; pods, system and idle add up to these, and to what else pods pay for."""
    live.wait(lambda: live.value("kube_cost_settled_through_timestamp_seconds"), "every node is settled once")
    metrics = live.metrics()
    by_name: dict[str, Fraction] = defaultdict(Fraction)
    for metric in metrics:
        by_name[metric.name] += metric.value
    prices = {m.labels["instance_type"]: m.value for m in metrics if m.name == "kube_cost_node_hourly_usd"}
    assert prices == {
        "m5.xlarge": Fraction("0.192"),
        "r5.large": Fraction("0.126"),
        "c5.2xlarge": Fraction("0.1387"),
        "g4dn.2xlarge": Fraction("0.752"),
    }
    pods = [metric for metric in metrics if metric.name == "kube_cost_pod_hourly_usd"]
    assert len(pods) >= 20
    parts = sum(pod.value for pod in pods)
    parts += by_name["kube_cost_node_idle_hourly_usd"] + by_name["kube_cost_node_system_hourly_usd"]
    by_resource: dict[str, Fraction] = defaultdict(Fraction)
    for metric in metrics:
        if metric.name == "kube_cost_namespace_resource_hourly_usd":
            by_resource[metric.labels["resource"]] += metric.value
    compute = by_resource["cpu"] + by_resource["memory"] + by_resource["gpu"]
    assert abs(compute - sum(prices.values())) <= 60 * NANO
    beside = parts - sum(prices.values())
    assert 0 < beside <= by_resource["storage"] + by_resource["network"] + len(pods) * NANO
    assert abs(by_name["kube_cost_namespace_hourly_usd"] - sum(by_resource.values())) <= 100 * NANO
    assert abs(by_name["kube_cost_cluster_hourly_usd"] - sum(by_resource.values())) <= 100 * NANO


def test_the_families_of_the_brief_are_there(live: LiveMesh) -> None:
    """All have HELP and TYPE; the nine that users were promised, but for calls that nobody made yet, samples."""
    text = live.get("/metrics").decode()
    for known in CATALOGUE:
        assert f"# HELP {known.name} {known.help}\n# TYPE {known.name} {known.type}\n" in text
    for family in BRIEF_FAMILIES - {"kube_cost_pricing_api_calls_total", "kube_cost_errors_total"}:
        assert f"\n{family}{{" in text


async def test_costs_are_told_on_the_bus(live: LiveMesh) -> None:
    """A snapshot an interval, in which all namespaces together are what the cluster costs; budgets with their causes.

    Those of annotations and labels of the simulated namespaces.
    """
    live.wait(lambda: live.value("kube_cost_settled_through_timestamp_seconds"), "every node is settled once")
    first = await live.cost_snapshots()
    live.processes.pause(6.0)
    snapshots = await live.cost_snapshots()
    assert len(snapshots) > len(first)
    moments = [snapshot.at_ns for snapshot in snapshots]
    assert moments == sorted(set(moments))
    last = snapshots[-1]
    assert (last.cluster, last.parts, last.currency) == ("default", 1, "USD")
    hourly = sum(namespace.hourly_nano for namespace in last.namespaces)
    assert hourly == sum(component.hourly_nano for component in last.components)
    assert hourly > sum(Fraction(price) for price in ("0.192", "0.126", "0.1387", "0.752")) * 10**9
    shown = {metric.labels["namespace"]: metric.value for metric in live.metrics("kube_cost_namespace_budget_usd")}
    told = {budget.scope_name: Fraction(budget.amount_nano, 10**9) for budget in last.budgets}
    assert told == shown != {}
    assert all(budget.drivers for budget in last.budgets if budget.hourly_nano)


def test_promtool_is_content(live: LiveMesh, promtool: str) -> None:
    """Prometheus' own check has nothing to say about the exposition."""
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=live.get("/metrics"), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.fixture(scope="module")
def prometheus(
    live: LiveMesh, prometheus_binary: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    with running_prometheus(
        prometheus_binary, tmp_path_factory.mktemp("prometheus"), target=f"127.0.0.1:{live.mesh.port}"
    ) as running:
        live.wait(lambda: running.query('up{job="kube-cost"} == 1'), "Prometheus has scraped")
        yield running


def test_prometheus_takes_every_sample_as_it_is(live: LiveMesh, prometheus: Prometheus) -> None:
    """No series is there twice, and no label of ours was pushed aside by one of the scrape's."""
    assert prometheus.query("prometheus_target_scrapes_sample_duplicate_timestamp_total > 0") == []
    assert prometheus.query('{__name__=~"kube_cost_.+", exported_namespace!=""}') == []
    assert prometheus.query('{__name__=~"kube_cost_.+", exported_node!=""}') == []
    assert prometheus.query('{__name__=~"kube_cost_.+", exported_pod!=""}') == []
    scraped = prometheus.query('scrape_samples_scraped{job="kube-cost"}')[0].value
    kept = prometheus.query('count({job="kube-cost", __name__!~"up|scrape_.+"})')[0].value
    shown = len(live.metrics())
    assert abs(scraped - shown) <= shown / 5  # pods come and go between two scrapes
    assert abs(scraped - kept) <= shown / 5


def test_the_briefs_queries_answer(live: LiveMesh, prometheus: Prometheus) -> None:
    """The run rate per month by Prometheus is the cluster's: 1.2087 USD an hour less what is idle, times 730."""
    (month,) = prometheus.query("sum(kube_cost_pod_hourly_usd) * 730")
    idle = live.value("kube_cost_namespace_hourly_usd", namespace="__idle__") or 0
    system = live.value("kube_cost_namespace_hourly_usd", namespace="__system__") or 0
    expected = (Fraction("1.2087") - idle - system) * 730
    assert abs(Fraction(month.value) / expected - 1) < Fraction(1, 5)  # usage moves between the scrape and the look
    namespaces = {sample.labels["namespace"] for sample in prometheus.query("kube_cost_namespace_daily_usd")}
    assert namespaces >= {"production", "staging", "__idle__", "__system__"}


def test_gzip_is_the_same_exposition(live: LiveMesh) -> None:
    """A scrape that accepts gzip gets one gzip member with the same families."""
    plain = live.get("/metrics").decode()
    unpacked = gzip.decompress(live.get("/metrics", {"Accept-Encoding": "gzip"})).decode()
    names = [
        {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")} for text in (plain, unpacked)
    ]
    assert names[0] == names[1]


def test_a_change_of_the_prices_file_moves_the_price(live: LiveMesh) -> None:
    """The spot node's price follows the YAML, on /metrics, without a restart."""
    file = live.mesh.prices_file
    before = file.read_text()
    file.write_text(before.replace("0.1387", "0.2500"))
    spot = {"instance_type": "c5.2xlarge"}
    live.wait(
        lambda: live.value("kube_cost_node_hourly_usd", **spot) == Fraction("0.25"), "the new price is on /metrics"
    )
    file.write_text(before)
    live.wait(lambda: live.value("kube_cost_node_hourly_usd", **spot) == Fraction("0.1387"), "the old price is back")


def test_a_malformed_prices_file_is_said_and_keeps_the_last_good_prices(live: LiveMesh) -> None:
    """The fault is counted and named; no price moves."""
    file = live.mesh.prices_file
    before = file.read_text()
    faults = {"component": "pricing", "error_type": "config"}
    file.write_text(before.replace("usd_per_hour: 0.1387", "usd_per_hour: cheap"))
    live.wait(lambda: live.value("kube_cost_errors_total", **faults), "the fault is counted")
    assert live.value("kube_cost_node_hourly_usd", instance_type="c5.2xlarge") == Fraction("0.1387")
    pricing = next(part for part in live.json("/api/v1/status")["parts"] if part["name"] == "pricing")
    assert (pricing["state"], "prices.yaml" in str(pricing["facts"])) == ("problem", True)
    file.write_text(before)


def test_the_api_answers_by_every_grouping(live: LiveMesh) -> None:
    """Costs of the last day by namespace, pod, node and workload have one and the same total, where all is in them."""
    totals = {}
    for by in ("namespace", "node"):
        answer = live.json(f"/api/v1/costs?by={by}&window=24h")
        totals[by] = sum(Fraction(row["cost"]["total"]) for row in answer["costs"])
    assert totals["namespace"] > 0
    pods = live.json("/api/v1/costs?by=pod&window=24h")["costs"]
    workloads = live.json("/api/v1/costs?by=workload&window=24h")["costs"]
    assert {row["workload_kind"] for row in workloads} >= {"Deployment", "StatefulSet", "DaemonSet", "CronJob"}
    assert len(pods) > len(workloads) > 5
    with pytest.raises(urllib.error.HTTPError, match="400"):
        live.get("/api/v1/costs?window=yesteryear")


def test_the_api_says_what_the_metrics_say(live: LiveMesh) -> None:
    """Nodes by their prices, volumes, what of it is used, and where prices are from: one and the same cluster."""
    live.wait(lambda: live.value("kube_cost_settled_through_timestamp_seconds"), "every node is settled once")
    nodes = live.json("/api/v1/nodes")
    shown = {metric.labels["node"]: metric.value for metric in live.metrics("kube_cost_node_hourly_usd")}
    assert {row["node"]: Fraction(row["usd_per_hour"]) for row in nodes["nodes"]} == shown
    assert nodes["unpriced"] == 0
    assert Fraction(nodes["total_usd_per_hour"]) == sum(shown.values())
    volumes = live.json("/api/v1/volumes")["volumes"]
    monthly = {metric.labels["pv_name"]: metric.value for metric in live.metrics("kube_cost_pv_monthly_usd")}
    assert {row["volume"]: Fraction(row["usd_per_month"]) for row in volumes if row["usd_per_month"]} == monthly
    assert any(row["mounted_by"] for row in volumes)
    prices = live.json("/api/v1/prices?needed=true")
    assert {row["sku"] for row in prices["prices"]} >= {"m5.xlarge", "r5.large", "c5.2xlarge", "g4dn.2xlarge"}
    assert all(row["source"] and row["age_seconds"] >= 0 for row in prices["prices"] if row["usd"])
    live.wait(lambda: live.json("/api/v1/efficiency")["lines"], "usage is known")
    assert {row["namespace"] for row in live.json("/api/v1/forecast")["namespaces"]} >= {"production", "__idle__"}
    assert Fraction(live.json("/api/v1/savings")["saved_usd_per_hour"]) > 0
    assert live.json("/api/v1/budgets")["faults"] == []
    assert live.get("/api/v1/nodes", {"Accept": "text/csv"}).startswith(b"node,node_pool,")


def test_the_page_shows_the_parts_and_the_namespaces(live: LiveMesh) -> None:
    """A person who opens the door sees what runs and what it costs."""
    page = live.get("/").decode()
    assert all(word in page for word in ("agents", "pricing", "watches", "ledger", "production", "c5.2xlarge"))


def test_a_killed_aggregator_goes_on_from_its_ledger(live: LiveMesh) -> None:
    """After kill -9 and a new start no counter is below what was seen before, and today and the month go on."""

    def counters() -> dict[tuple[str, str], Fraction]:
        return {
            (metric.name, metric.labels["namespace"]): metric.value
            for metric in live.metrics()
            if metric.name in GOING_ON
        }

    before = counters()
    live.restart_aggregator()
    live.wait(lambda: before.keys() <= counters().keys(), "whatever had a series has one")
    after = counters()
    assert {key: (after[key], value) for key, value in before.items() if after[key] < value} == {}
    idle = ("kube_cost_namespace_usd_total", "__idle__")
    live.wait(lambda: counters()[idle] > before[idle], "money goes on being settled")
