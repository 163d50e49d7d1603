"""docs/exports.md has every column, method, parameter and setting of exports, and no method that there isn't."""

import re
from pathlib import Path

from kube_cost_aggregator.outputs.exports import finance, focus, handlers
from kube_cost_aggregator.outputs.exports.focus_columns import COLUMNS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
KINDS = (handlers.FOCUS, handlers.OPENMETRICS, handlers.COSTS)
METHODS = {focus.COMPUTE_METHOD, focus.TRAFFIC_METHOD, focus.VOLUME_METHOD}

SPEAK_FOR_THEMSELVES = {
    *("BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"),
    *("ChargeCategory", "ChargeDescription", "ChargeFrequency", "ConsumedUnit", "PricingCategory", "ResourceType"),
    *("ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuMeter"),
}
"""What stands in them is FOCUS's own, and the same for everybody."""


def test_each_method_is_described_once() -> None:
    """As FOCUS demands: the documentation of a method refers to a single AllocatedMethodId."""
    assert sorted(re.findall(r"\*\*`(kube-cost-[a-z]+-[0-9]+)`\*\*", DOCUMENT)) == sorted(METHODS)


def test_columns_are_described() -> None:
    """Those of finance, and those of FOCUS of which it isn't plain where they are from."""
    for name in (*finance.COLUMNS, *(column for column in COLUMNS if column not in SPEAK_FOR_THEMSELVES)):
        assert f"`{name}`" in DOCUMENT, name


def test_parameters_are_described() -> None:
    """Each in the table."""
    for parameter in {one.name for kind in KINDS for one in kind.described.parameters}:
        assert f"| `{parameter}` |" in DOCUMENT, parameter
