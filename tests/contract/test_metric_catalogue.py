"""The catalogue of metrics is what the brief asks for, what is exposed, what is documented, and what code counts."""

import re
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.costs import STARTED_NS, Shown, WatchedKind, node_rate, pod_rate, rates_of, total_of, volume_rate
from kube_cost_aggregator.history.store import Traffic
from kube_cost_aggregator.outputs.families import CATALOGUE, FAMILIES, Family, ReportedSeries
from kube_cost_aggregator.state.budgets import BudgetBook
from kube_cost_aggregator.state.facts import ServiceFacts
from kube_cost_aggregator.state.rates import LoadBalancerRate, Use
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.budgets import Budget, Scope
from kube_cost_common.domain.money import NS_PER_HOUR, NS_PER_SECOND
from kube_cost_common.domain.resources import Resources
from kube_cost_common.messages.status import Reading

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "metrics.md"

BRIEF = {
    "kube_cost_pod_hourly_usd": ("gauge", {"namespace", "pod", "node"}),
    "kube_cost_namespace_daily_usd": ("gauge", {"namespace"}),
    "kube_cost_node_hourly_usd": ("gauge", {"node", "instance_type"}),
    "kube_cost_pv_monthly_usd": ("gauge", {"pv_name", "storage_class"}),
    "kube_cost_spot_savings_usd_total": ("counter", {"namespace"}),
    "kube_cost_exporter_up": ("gauge", {"component"}),
    "kube_cost_pricing_api_calls_total": ("counter", {"provider", "endpoint"}),
    "kube_cost_errors_total": ("counter", {"component", "error_type"}),
    "kube_cost_calculation_duration_seconds": ("summary", {"quantile"}),
}

_MONTHS = re.compile(r"\b(?<!calendar )month(?!_| began| to date| ends|ly-)")


def everything() -> Shown:
    """A cluster in which every family has a series."""
    node = node_rate("n", pod_rate("p"), spot=0.03)
    assert node.price is not None
    with_gpu = node.price._replace(shape=node.price.shape._replace(gpus=1.0))
    object.__setattr__(node, "price", with_gpu)
    object.__setattr__(node, "use", {("shop", "Deployment", "web"): Use(Resources(1, 1), Resources(2, 2), 0.01, 0.02)})
    volumes = [volume_rate("v", 0.01), volume_rate("w", 0.01, claim=("shop", "data"))]
    balancer = LoadBalancerRate(
        ServiceFacts(uid="s", namespace="shop", name="web", created_ns=STARTED_NS, has_load_balancer=True), 0.02
    )
    rates = replace(
        rates_of(node, volumes=volumes),
        load_balancers=(balancer,),
        control_plane=0.1,
        budgets=BudgetBook({Scope("namespace", "shop"): Budget(5, "label")}),
    )
    shown = Shown(cluster="eu", label_names=("team",), rates=rates, watches=[WatchedKind("pods")])
    shown.watches[0].last_event_ns = STARTED_NS
    shown.last_samples = {"n": STARTED_NS}
    shown.counters.add("kube_cost_samples_rejected_total", reason="value")
    shown.timings.observe(0.1)
    reported = dict.fromkeys(ReportedSeries()._series, 1.0)
    shown.totals = Totals(
        started_at_ns=STARTED_NS,
        settled_through_ns=STARTED_NS + 3 * NS_PER_HOUR,
        counters=reported,
        hours={"shop": {STARTED_NS // NS_PER_SECOND // 3600 * 3600 + 3600: 5}},
        namespaces={"shop": total_of(5)},
        components={"compute": 5},
        traffic={"shop": Traffic(1, 2, 3, 4, 5)},
    )
    return shown


def documented() -> dict[str, str]:
    """Each family's section of the document, by name."""
    sections: dict[str, str] = {}
    names: list[str] = []
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("#"):
            names = re.findall(r"`(kube_cost_\w+)`", line)
            assert not set(names) & sections.keys()
            sections |= dict.fromkeys(names, "")
        else:
            for name in names:
                sections[name] += line + "\n"
    return sections


@pytest.mark.parametrize("name", BRIEF)
def test_the_briefs_nine_are_there_with_their_type_and_labels(name: str) -> None:
    """Exactly as they were asked for."""
    family = FAMILIES[name]
    assert (family.type, set(family.labels)) == BRIEF[name]


def test_every_family_of_the_catalogue_is_exposed_and_no_other() -> None:
    """In the order of the catalogue, with its type and HELP; after it only the client library's own."""
    text = everything().text()
    families = [family for family in CATALOGUE if f"# TYPE {family.name} {family.type}\n" in text]
    assert families == list(CATALOGUE)
    positions = [text.index(f"# HELP {family.name} {family.help}\n") for family in CATALOGUE]
    assert all(before < after for before, after in pairwise(positions))
    others = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE)) - FAMILIES.keys()
    assert all(name.startswith(("process_", "python_gc_")) for name in others)


def test_exposed_labels_are_the_catalogues() -> None:
    """And their values of the closed sets, where there are any."""
    for family in text_string_to_metric_families(everything().text()):
        for sample in family.samples:
            known = FAMILIES.get(sample.name)
            if known is not None:
                labels = {name: text for name, text in sample.labels.items() if name not in {"cluster", "label_team"}}
                assert set(labels) == set(known.labels) or (known.type == "summary" and not labels)
                assert all(labels[name] in values for name, values in known.values.items() if name in labels)


@pytest.mark.parametrize("family", CATALOGUE, ids=lambda family: family.name)
def test_a_family_is_named_and_explained_properly(family: Family) -> None:
    """Counters end in _total, nothing else does; HELP is sentences; a monthly figure says its hours."""
    assert family.name.endswith("_total") is (family.type == "counter")
    assert re.fullmatch(r"kube_cost_[a-z_]+", family.name)
    assert re.fullmatch(r"[A-Z0-9].*[^.]\.", family.help)
    assert len(family.help.split(". ")) >= 2 or ";" in family.help or "," in family.help
    assert set(family.values) <= set(family.labels)
    if "monthly" in family.name or _MONTHS.search(family.help):
        assert "730 h" in family.help


def test_names_stand_once() -> None:
    """In the catalogue."""
    assert len(FAMILIES) == len(CATALOGUE)


def test_the_document_has_every_family_and_no_other() -> None:
    """docs/metrics.md is the catalogue in words."""
    assert set(documented()) == set(FAMILIES)


@pytest.mark.parametrize("family", CATALOGUE, ids=lambda family: family.name)
def test_the_document_says_type_labels_and_closed_values(family: Family) -> None:
    """The same as the catalogue, for each family."""
    section = documented()[family.name]
    said = re.search(rf"^\| `{family.name}` \| (\w+) \| (.*?) \| (.*?) \|$", section, re.MULTILINE)
    assert said is not None
    assert said[1] == family.type
    assert tuple(re.findall(r"`(\w+)`", said[2])) == family.labels
    assert said[3] == (family.unit or "1")
    for label, values in family.values.items():
        listed = re.search(rf"^- `{label}`: (.*)$", section, re.MULTILINE)
        assert listed is not None
        assert set(re.findall(r"`([^`]*)`", listed[1].replace("empty", "``"))) == set(values)


def test_whatever_code_counts_is_in_the_catalogue() -> None:
    """Every name of a metric in the services' source is one of the catalogue's."""
    sources = [path for folder in ("services", "libs/common") for path in (ROOT / folder).glob("*/src/**/*.py")]
    sources += (ROOT / "libs/common/src").glob("**/*.py")
    used = {name for path in sources for name in re.findall(r'"(kube_cost_[a-z_]+)"', path.read_text())}
    packages = {path.name for path in ROOT.glob("*/*/src/*")} | {path.name for path in ROOT.glob("*/src/*")}
    summary_parts = {f"{family.name}_sum" for family in CATALOGUE}
    assert used - packages - summary_parts <= FAMILIES.keys()


def test_a_reported_series_has_one_key_in_any_order_of_labels() -> None:
    """The key is the line of the exposition; it leads back to family and values."""
    series = ReportedSeries()
    labels = {"reason": "timeout", "endpoint": "spot_price", "provider": "gcp"}
    reading = Reading(name="kube_cost_pricing_api_failures_total", labels=labels, value=1.0)
    key = series.key("pricing", reading, counter=True)
    assert key == 'kube_cost_pricing_api_failures_total{provider="gcp",endpoint="spot_price",reason="timeout"}'
    found = series.series(key)
    assert found is not None
    assert (found[0].name, found[1]) == (reading.name, ("gcp", "spot_price", "timeout"))


def test_promtool_is_content(promtool: str) -> None:
    """Prometheus' own lint of names, types, HELP and units."""
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=everything().text().encode(), capture_output=True, check=False
    )
    assert (checked.stdout.decode(), checked.stderr.decode(), checked.returncode) == ("", "", 0)
