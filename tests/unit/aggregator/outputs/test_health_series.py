from prometheus_client.parser import text_string_to_metric_families

from harness.costs import STARTED_NS, Shown, WatchedKind, node_rate, pod_rate, rates_of
from kube_cost_aggregator.outputs.families import ReportedSeries
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.messages.status import Reading, StatusReport


def test_what_this_process_counted_is_there() -> None:
    """Its counters need no bus; the families that matter before anything happened stand at 0."""
    shown = Shown()
    assert "kube_cost_samples_received_total 0\n" in shown.text()
    shown.counters.add("kube_cost_samples_received_total", 3)
    shown.counters.add("kube_cost_samples_rejected_total", reason="cluster")
    text = shown.text()
    assert "kube_cost_samples_received_total 3.0\n" in text
    assert 'kube_cost_samples_rejected_total{reason="cluster"} 1.0\n' in text


def test_a_name_that_is_not_in_the_catalogue_is_left_out() -> None:
    """A slip of ours never costs the exposition."""
    shown = Shown()
    shown.counters.add("kube_cost_surprise_total")
    shown.counters.add("kube_cost_samples_rejected_total", wrong="label")
    assert "surprise" not in shown.text()


def test_others_counters_are_the_committed_ones() -> None:
    """They come from the ledger's totals; a key that this version doesn't know is left out."""
    key = 'kube_cost_pricing_api_calls_total{provider="aws",endpoint="spot_price"}'
    shown = Shown(totals=Totals(counters={key: 12.0, "kube_cost_of_another_version_total": 1.0}))
    text = shown.text()
    assert f"{key} 12.0\n" in text
    assert "another_version" not in text


def test_gauges_of_pricing_vanish_with_it() -> None:
    """An age that nobody measures any more isn't exposed."""
    shown = Shown()
    reading = Reading(name="kube_cost_price_age_seconds", labels={"provider": "aws", "kind": "instance"}, value=7.5)
    key = ReportedSeries().key("pricing", reading, counter=False)
    assert key is not None
    report = StatusReport(
        component="pricing",
        instance="p-1",
        software_version="1",
        sent_at_ns=shown.clock.now_ns(),
        started_at_ns=shown.clock.now_ns(),
        ready=True,
        problems=[],
        counters=[],
        gauges=[],
    )
    shown.components.hear(report, counters={}, gauges={key: 7.5})
    assert f"{key} 7.5\n" in shown.text()
    assert 'kube_cost_exporter_up{component="pricing"} 1\n' in shown.text()
    shown.clock.turn(46)
    assert "kube_cost_price_age_seconds{" not in shown.text()
    assert 'kube_cost_exporter_up{component="pricing"} 0\n' in shown.text()


def test_the_calculation_summary_has_quantiles_sum_and_count() -> None:
    """As the brief names it, read as one summary family."""
    shown = Shown(cluster="eu")
    shown.timings.observe(0.25)
    families = {family.name: family for family in text_string_to_metric_families(shown.text())}
    summary = families["kube_cost_calculation_duration_seconds"]
    assert summary.type == "summary"
    values = {
        (sample.name.removeprefix(summary.name), sample.labels.get("quantile")): sample.value
        for sample in summary.samples
    }
    assert values == {
        ("", "0.5"): 0.25,
        ("", "0.9"): 0.25,
        ("", "0.99"): 0.25,
        ("_sum", None): 0.25,
        ("_count", None): 1,
    }


def test_times_are_unix_seconds() -> None:
    """The ledger's start, the last settlement, the watches' and the samples' last sign of life."""
    shown = Shown(rates=rates_of(node_rate("n")), watches=[WatchedKind("pods", last_event_ns=1_500_000_000)])
    shown.totals = Totals(started_at_ns=STARTED_NS, settled_through_ns=STARTED_NS + 500_000_000)
    shown.last_samples = {"n": STARTED_NS, "gone": STARTED_NS}
    text = shown.text()
    assert "kube_cost_history_start_timestamp_seconds 1799000000.0\n" in text
    assert "kube_cost_settled_through_timestamp_seconds 1799000000.5\n" in text
    assert 'kube_cost_watch_last_event_timestamp_seconds{resource="pods"} 1.5\n' in text
    assert 'kube_cost_agent_last_sample_timestamp_seconds{node="n"} 1799000000.0\n' in text
    assert 'node="gone"' not in text


def test_sizes_and_series_are_those_of_the_exposition_before() -> None:
    """What is counted is what was served."""
    shown = Shown(rates=rates_of(node_rate("n", pod_rate("p"))))
    shown.text()
    before = shown.metrics.current
    counted = sum(1 for line in before.identity().decode().splitlines() if not line.startswith("#"))
    assert before.series == counted
    text = shown.text()
    assert f"kube_cost_exposed_series {counted}\n" in text
    assert f'kube_cost_exposition_bytes{{encoding="identity"}} {len(before.identity())}\n' in text
    assert f'kube_cost_exposition_bytes{{encoding="gzip"}} {len(before.gzip)}\n' in text
