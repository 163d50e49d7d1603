"""The alerts that ship for Prometheus: of metrics and labels that exist; each fires when it should, and only then."""

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from kube_cost_aggregator.outputs.families import FAMILIES

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
ALERTS = FOLDER / "alerts.yaml"
RULES = FOLDER / "rules.yaml"

_OWN = frozenset({"cluster", "instance", "exported_namespace"})
"""Labels that are a scrape's, or on everything."""


class Case(NamedTuple):
    """Series in which an alert fires, and such in which it doesn't, each with how it goes on minute by minute.

    `at` is when it is looked at, `labels` what the alert then says beside its severity.
    """

    fires: dict[str, str]
    quiet: dict[str, str]
    at: str = "1h"
    labels: dict[str, str] = {"namespace": "shop"}  # noqa: RUF012 - a NamedTuple's default


def _spending(usd_per_minute: float, budget: int) -> dict[str, str]:
    return {
        'kube_cost_namespace_usd_total{namespace="shop"}': f"0+{usd_per_minute}x2000",
        'kube_cost_namespace_budget_usd{namespace="shop"}': f"{budget}x2000",
    }


def _pair(name: str, value: float, budget: int = 500) -> dict[str, str]:
    return {
        f'{name}{{namespace="shop"}}': f"{value}x200",
        'kube_cost_namespace_budget_usd{namespace="shop"}': f"{budget}x200",
    }


NOBODY: dict[str, str] = {}
CASES = {
    "NamespaceCostBudgetExceeded": Case(
        _pair("kube_cost_namespace_hourly_usd", 0.7), _pair("kube_cost_namespace_hourly_usd", 0.68)
    ),
    "NamespaceCostBudgetSpent": Case(
        _pair("kube_cost_namespace_month_to_date_usd", 501), _pair("kube_cost_namespace_month_to_date_usd", 499)
    ),
    "NamespaceCostForecastOverBudget": Case(
        _pair("kube_cost_namespace_month_forecast_usd", 501),
        _pair("kube_cost_namespace_month_forecast_usd", 499),
        at="2h",
    ),
    # 5 USD/h are 3650 USD a month.
    "NamespaceCostBudgetFastBurn": Case(_spending(5 / 60, 730), _spending(5 / 60, 1000), at="8h"),
    "NamespaceCostBudgetSlowBurn": Case(_spending(5 / 60, 2000), _spending(5 / 60, 3000), at="30h"),
    "NamespaceCostAnomaly": Case(
        {'kube_cost_namespace_usd_total{namespace="shop"}': "0+0.01x2000 20+1x200"},
        {'kube_cost_namespace_usd_total{namespace="shop"}': "0+0.01x2000 20+0.012x200"},
        at="35h",
    ),
    "KubeCostDown": Case({}, {"kube_cost_build_info": "1x60"}, labels=NOBODY),
    "KubeCostNoLeader": Case({"kube_cost_leader": "0x60"}, {"kube_cost_leader": "1x60"}, labels=NOBODY),
    "KubeCostTwoLeaders": Case(
        {'kube_cost_leader{instance="a"}': "1x60", 'kube_cost_leader{instance="b"}': "1x60"},
        {'kube_cost_leader{instance="a", job="x"}': "1x60", 'kube_cost_leader{instance="a", job="y"}': "1x60"},
        labels=NOBODY,
    ),
    "KubeCostComponentDown": Case(
        {'kube_cost_exporter_up{component="pricing"}': "0x60"},
        {'kube_cost_exporter_up{component="pricing"}': "1x60"},
        labels={"component": "pricing"},
    ),
    "KubeCostAgentsMissing": Case(
        {
            'kube_cost_node_info{node="a"}': "1x60",
            'kube_cost_node_info{node="b"}': "1x60",
            "kube_cost_agents_connected": "1x60",
        },
        {
            'kube_cost_node_info{node="a", job="x"}': "1x60",
            'kube_cost_node_info{node="a", job="y"}': "1x60",
            "kube_cost_agents_connected": "1x60",
        },
        labels=NOBODY,
    ),
    "KubeCostSamplesStale": Case(
        {'kube_cost_agent_last_sample_timestamp_seconds{node="a"}': "0x60"},
        {'kube_cost_agent_last_sample_timestamp_seconds{node="a"}': "0+60x60"},
        labels={"node": "a"},
    ),
    "KubeCostPricesStale": Case(
        {'kube_cost_price_last_success_timestamp_seconds{provider="aws"}': "0x500"},
        {'kube_cost_price_last_success_timestamp_seconds{provider="aws"}': "0+60x500"},
        at="7h",
        labels={"provider": "aws"},
    ),
    "KubeCostUnpricedNodes": Case(
        {'kube_cost_unpriced_nodes{reason="no_price"}': "2x60", 'kube_cost_unpriced_nodes{reason="waiting"}': "0x60"},
        {'kube_cost_unpriced_nodes{reason="no_price"}': "0x60", 'kube_cost_unpriced_nodes{reason="waiting"}': "3x60"},
        labels=NOBODY,
    ),
    "KubeCostBreakerOpen": Case(
        {'kube_cost_circuit_breaker_state{provider="aws", endpoint="spot_price", state="open"}': "1x60"},
        {'kube_cost_circuit_breaker_state{provider="aws", endpoint="spot_price", state="open"}': "0x60"},
        labels={"provider": "aws", "endpoint": "spot_price", "state": "open"},
    ),
    "KubeCostHonorLabelsMissing": Case(
        {'kube_cost_namespace_hourly_usd{exported_namespace="shop"}': "1x60"},
        {'kube_cost_namespace_hourly_usd{namespace="shop"}': "1x60"},
        labels=NOBODY,
    ),
    "KubeCostBusDisconnected": Case(
        {"kube_cost_bus_connected": "0x60"}, {"kube_cost_bus_connected": "1x60"}, labels=NOBODY
    ),
    "KubeCostLedgerNotWritten": Case(
        {"kube_cost_history_write_failures_total": "0+1x60"},
        {"kube_cost_history_write_failures_total": "5x60"},
        labels=NOBODY,
    ),
    "KubeCostSlackFailing": Case(
        {
            'kube_cost_slack_messages_total{result="failed"}': "0+1x60",
            'kube_cost_slack_messages_total{result="sent"}': "3x60",
        },
        {
            'kube_cost_slack_messages_total{result="failed"}': "0+1x60",
            'kube_cost_slack_messages_total{result="sent"}': "0+1x60",
        },
        labels=NOBODY,
    ),
    "KubeCostBudgetUnreadable": Case(
        {"kube_cost_budget_parse_errors": "1x60"}, {"kube_cost_budget_parse_errors": "0x60"}, labels=NOBODY
    ),
}


def rules(*files: Path) -> list[dict[str, Any]]:
    read = [yaml.safe_load(file.read_text()) for file in files]
    return [rule for document in read for group in document["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules(ALERTS) if "alert" in rule]


@pytest.mark.parametrize("rule", rules(ALERTS), ids=lambda rule: rule.get("record") or rule["alert"])
def test_a_rule_is_of_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    """Or of recording rules; what is grouped by or matched is a label of one of its families."""
    recorded = {one["record"] for one in rules(RULES, ALERTS) if "record" in one}
    names = set(re.findall(r"(?:[a-z_]+:)?kube_cost_[a-z_]+(?::[a-z0-9_]+)?", rule["expr"])) - {"kube_cost_"}
    families = [FAMILIES[name] for name in names - recorded]
    labels = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', rule["expr"])) - {"__name__"}
    for group in re.findall(r"(?:by|on) \((.*?)\)", rule["expr"]):
        labels |= set(group.split(", "))
    known = {label for family in families for label in family.labels} | _OWN
    known |= {"namespace"} if names & recorded else set()
    assert names or "__name__" in rule["expr"]
    assert labels <= known
    for family in families:
        values = family.values
        for label, text in re.findall(r'(\w+)\s*(?:=~|!=|=)\s*"([^"]+)"', rule["expr"]):
            assert label not in values or set(text.split("|")) <= set(values[label])


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_and_how_bad(rule: dict[str, Any]) -> None:
    """In a sentence, with one of three severities, after a while; and it has a case here."""
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert rule["annotations"]["summary"]
    assert rule["for"]
    assert rule["alert"] in CASES


def test_the_briefs_alert_is_there() -> None:
    """With its summary and its dashboard."""
    (rule,) = [one for one in alerts() if one["alert"] == "NamespaceCostBudgetExceeded"]
    assert set(rule["annotations"]) == {"summary", "dashboard"}


def test_prometheus_reads_them(promtool: str) -> None:
    """Without a remark."""
    checked = subprocess.run([promtool, "check", "rules", ALERTS], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _twice(series: dict[str, str]) -> list[dict[str, str]]:
    """Each series as two scrape jobs have it: nothing may count twice."""
    return [
        {"series": name if job in name else _labelled(name, f'job="{job}"'), "values": values}
        for name, values in series.items()
        for job in (["x", "y"] if "job=" not in name else [""])
    ]


def _labelled(name: str, label: str) -> str:
    return f"{name[:-1]}, {label}}}" if name.endswith("}") else f"{name}{{{label}}}"


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fires", [True, False], ids=["fires", "quiet"])
def test_each_fires_when_it_should_and_only_then(
    promtool: str,
    tmp_path: Path,
    name: str,
    fires: bool,
) -> None:
    """Scraped by two jobs: by promtool's own clock, over hours."""
    case = CASES[name]
    query = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    (rule,) = [one for one in alerts() if one["alert"] == name]
    labels = {"alertname": name, "alertstate": "firing", "severity": rule["labels"]["severity"], **case.labels}
    shown = "ALERTS{" + ", ".join(f'{key}="{value}"' for key, value in labels.items()) + "}"
    series = _twice(case.fires if fires else case.quiet)
    test = {
        "rule_files": [str(RULES), str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": series,
                "promql_expr_test": [
                    {
                        "expr": f"group without (job, instance) ({query})",
                        "eval_time": case.at,
                        "exp_samples": [{"labels": shown.replace("ALERTS", ""), "value": 1}] if fires else [],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump(test))
    tested = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
