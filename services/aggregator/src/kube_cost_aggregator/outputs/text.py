"""The text format of Prometheus, version 0.0.4: how names, labels and values are written.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details
"""

import math
from collections.abc import Sequence

from kube_cost_aggregator.outputs.family import Family
from kube_cost_common.domain.money import format_usd, to_nano


def escape_label(value: str) -> str:
    r"""Return a label's value as it stands between its quotes: `\`, `"` and newline escaped, all else as it is."""
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return value


def series_prefix(name: str, labels: Sequence[str], values: Sequence[str]) -> str:
    """Return what stands on a series' line before its value, without the blank."""
    if not labels:
        return name
    pairs = ",".join(f'{label}="{escape_label(value)}"' for label, value in zip(labels, values, strict=True))
    return f"{name}{{{pairs}}}"


def header(name: str, metric_type: str, help_text: str) -> bytes:
    """Return the two lines that stand before the series of a family."""
    escaped = help_text.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {name} {escaped}\n# TYPE {name} {metric_type}\n".encode()


def usd(rate: float) -> str:
    """Return a rate in USD as an exact decimal number of whole nano-USD."""
    return format_usd(to_nano(rate))


def number(value: float) -> str:
    """Return a value that isn't money."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")


def to_bytes(text: str) -> bytes:
    """Return UTF-8; half of a surrogate pair, which no UTF-8 can hold, becomes a question mark."""
    return text.encode("utf-8", "replace")


class Namer:
    """Writes the prefixes of one family's series, with the label `cluster` first where the cluster has a name."""

    def __init__(self, family: Family, *, cluster: str) -> None:
        self.family = family
        self._labels = ("cluster", *family.labels) if cluster else family.labels
        self._fixed = (cluster,) if cluster else ()

    def prefix(self, values: Sequence[str]) -> str:
        """Return the prefix of the series with those label values, in the family's order, blank included."""
        return f"{series_prefix(self.family.name, self._labels, (*self._fixed, *values))} "
