import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kube_cost_pricing.calls.failures import ANSWER, CallFailedError
from kube_cost_pricing.providers.aws.spot_history import latest, read_rows

ROW: dict[str, Any] = {
    "InstanceType": "m5.large",
    "AvailabilityZone": "us-east-1a",
    "SpotPrice": "0.0412",
    "Timestamp": datetime(2026, 11, 20, tzinfo=UTC),
}


def test_the_recorded_history_has_one_newest_price_a_zone(recorded_data: Path) -> None:
    """250 rows, five zones; what is taken is what sorting by time gives."""
    text = (recorded_data / "pricing/aws/DescribeSpotPriceHistory_m5.large.json").read_text()
    items = json.loads(text)["SpotPriceHistory"]
    rows = read_rows(items)
    assert len(rows) == 250
    by_time = sorted(items, key=lambda item: str(item["Timestamp"]))
    expected = {item["AvailabilityZone"]: float(item["SpotPrice"]) for item in by_time}
    assert {zone: row.amount for (_, zone), row in latest(rows).items()} == expected
    assert len(expected) == 5


def test_the_newest_is_taken_in_whatever_order() -> None:
    """Pages aren't in order of time over zones."""
    older = {**ROW, "SpotPrice": "0.03", "Timestamp": "2026-11-19T00:00:00+00:00"}
    for items in ([ROW, older], [older, ROW]):
        assert latest(read_rows(items))["m5.large", "us-east-1a"].amount == 0.0412


@pytest.mark.parametrize(
    "change", [{"SpotPrice": "much"}, {"SpotPrice": None}, {"Timestamp": "yesterday"}, {"AvailabilityZone": ...}]
)
def test_what_is_no_row_is_said(change: dict[str, Any]) -> None:
    """An answer that can't be one."""
    item = {name: value for name, value in {**ROW, **change}.items() if value is not ...}
    with pytest.raises(CallFailedError) as caught:
        read_rows([item])
    assert caught.value.reason == ANSWER
