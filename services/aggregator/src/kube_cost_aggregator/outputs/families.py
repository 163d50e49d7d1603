"""The catalogue: every metric family that is exposed, in the order of the exposition.

docs/metrics.md, the dashboards, the recording rules and the alerts are held to it by tests. The client library's
`process_*` and `python_gc_*` come after it.
"""

import math
from collections.abc import Mapping
from itertools import product
from types import MappingProxyType

from kube_cost_aggregator.outputs.breakdown_families import BREAKDOWN_FAMILIES
from kube_cost_aggregator.outputs.cost_families import (
    CLUSTER_FAMILIES,
    NAMESPACE_FAMILIES,
    NODE_FAMILIES,
    POD_FAMILIES,
    POD_INFO,
    WORKLOAD_FAMILIES,
)
from kube_cost_aggregator.outputs.family import Family
from kube_cost_aggregator.outputs.health_families import COMPONENTS, HEALTH_FAMILIES
from kube_cost_aggregator.outputs.text import series_prefix
from kube_cost_common.messages.status import Reading

CATALOGUE: tuple[Family, ...] = (
    *NAMESPACE_FAMILIES,
    *CLUSTER_FAMILIES,
    *NODE_FAMILIES,
    *WORKLOAD_FAMILIES,
    *BREAKDOWN_FAMILIES,
    *POD_FAMILIES,
    POD_INFO,
    *HEALTH_FAMILIES,
)

FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in CATALOGUE})

__all__ = ["CATALOGUE", "COMPONENTS", "FAMILIES", "Family", "ReportedSeries"]


class ReportedSeries:
    """All series that other components may send in their status: families whose label values are closed sets.

    A series' key is its line in the exposition without a value and without the label `cluster`; counters are kept in
    the ledger under it.
    """

    def __init__(self) -> None:
        self._series: dict[str, tuple[Family, tuple[str, ...]]] = {}
        self._keys: dict[tuple[str, tuple[str, ...]], str] = {}
        for family in CATALOGUE:
            if family.sent_by:
                for values in product(*(family.values[label] for label in family.labels)):
                    key = series_prefix(family.name, family.labels, values)
                    self._series[key] = (family, values)
                    self._keys[family.name, values] = key

    def key(self, component: str, reading: Reading, *, counter: bool) -> str | None:
        """Return the key of what `component` sent, None where the catalogue has no such series of that component."""
        family = FAMILIES.get(reading.name)
        if family is None or component not in family.sent_by or (family.type == "counter") is not counter:
            return None
        if reading.labels.keys() != set(family.labels) or reading.labels.get("component", component) != component:
            return None
        if not math.isfinite(reading.value) or (counter and reading.value < 0):
            return None
        return self._keys.get((family.name, tuple(reading.labels[label] for label in family.labels)))

    def series(self, key: str) -> tuple[Family, tuple[str, ...]] | None:
        """Return family and label values of a key, None for one that this version doesn't know."""
        return self._series.get(key)
