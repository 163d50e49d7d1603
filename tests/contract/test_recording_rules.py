"""The recording rules that ship: of metrics that exist, and right whoever scrapes whom."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube_cost_aggregator.outputs.families import FAMILIES

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules.yaml"


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["record"])
def test_a_rule_is_of_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    """Or of rules before it."""
    recorded = {one["record"] for one in rules()}
    names = set(re.findall(r"[a-z_]*:?kube_cost_[a-z_]+(?::[a-z0-9_]+)?", rule["expr"]))
    assert names
    for name in names - recorded:
        family = FAMILIES[name]
        grouped = re.search(r"max by \((.*?)\)", rule["expr"])
        assert grouped is not None, "a metric itself is first taken once"
        assert set(grouped[1].split(", ")) == {"cluster", *family.labels}


SCRAPED_TWICE = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      # One aggregator, which two jobs scrape; another follows it in mid-way with the ledger, and both overlap.
      - series: 'kube_cost_namespace_usd_total{{namespace="shop", instance="a:1", job="x"}}'
        values: '0+1x70 _x60'
      - series: 'kube_cost_namespace_usd_total{{namespace="shop", instance="a:1", job="y"}}'
        values: '0+1x70 _x60'
      - series: 'kube_cost_namespace_usd_total{{namespace="shop", instance="b:1", job="x"}}'
        values: '_x60 60+1x60'
      - series: 'kube_cost_spot_savings_usd_total{{namespace="shop", instance="a:1"}}'
        values: '5x120'
      - series: 'kube_cost_spot_savings_usd_total{{namespace="shop", instance="b:1"}}'
        values: '5x120'
      - series: 'kube_cost_cluster_hourly_usd{{component="compute", instance="a:1"}}'
        values: '3x120'
      - series: 'kube_cost_cluster_hourly_usd{{component="compute", instance="b:1"}}'
        values: '3x120'
    promql_expr_test:
      - expr: increase(namespace:kube_cost_namespace_usd_total:max[2h])
        eval_time: 2h
        exp_samples:
          - labels: '{{namespace="shop"}}'
            value: 120
      - expr: sum(increase(kube_cost_namespace_usd_total[2h]))  # why the rule is needed
        eval_time: 1h
        exp_samples:
          - labels: '{{}}'
            value: 120
      - expr: kube_cost_spot_savings_usd
        eval_time: 1h
        exp_samples:
          - labels: 'kube_cost_spot_savings_usd{{namespace="shop"}}'
            value: 5
      - expr: sum(component:kube_cost_cluster_hourly_usd:max)
        eval_time: 1h
        exp_samples:
          - labels: '{{}}'
            value: 3
"""


def test_prometheus_reads_them(promtool: str) -> None:
    """Without a remark."""
    checked = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_overlaps_second_jobs_and_new_instances_neither_double_nor_lose(promtool: str, tmp_path: Path) -> None:
    """Two hours at a dollar a minute are 120 dollars, whoever tells of them."""
    file = tmp_path / "test.yaml"
    file.write_text(SCRAPED_TWICE.format(rules=RULES))
    tested = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr
