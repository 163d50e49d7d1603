"""What is said of a metric family, wherever it is mentioned: the exposition, the documentation, the dashboards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MetricType = Literal["gauge", "counter", "summary"]

USD = "USD"
USD_PER_HOUR = "USD per hour"
USD_PER_DAY = "USD per day"
USD_PER_MONTH = "USD per month"
SECONDS = "seconds"
UNIX_SECONDS = "Unix seconds"
BYTES = "bytes"
NONE = ""
"""A plain number: a count, or 1 for yes."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A metric family: `name` as it stands on a sample's line, `_total` of a counter included.

    `values` has the label values that are allowed where these are a closed set. `sent_by` names the components that
    send it in their status; empty for what the aggregator knows by itself.
    """

    name: str
    type: MetricType
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sent_by: frozenset[str] = frozenset()
