"""The process's own figures, by the client library's collectors: `process_*` and `python_gc_*`."""

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics
from prometheus_client.metrics_core import Metric

from kube_cost_aggregator.outputs.chunks import Chunk
from kube_cost_aggregator.outputs.text import header, number, series_prefix, to_bytes


def process_registry() -> CollectorRegistry:
    """Return a registry of our own with the two collectors; the library's global one stays as it is."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class ProcessSeries:
    """Reads them, and writes them with the label `cluster` where the cluster has a name."""

    def __init__(self, *, cluster: str, registry: CollectorRegistry) -> None:
        self._fixed = {"cluster": cluster} if cluster else {}
        self._registry = registry

    def take(self) -> Chunk:
        """Return them all, headers included, as they are now."""
        parts: list[bytes] = []
        series = 0
        for metric in self._registry.collect():
            parts.append(header(_family_name(metric), metric.type, metric.documentation))
            for sample in metric.samples:
                labels = {**self._fixed, **sample.labels}
                prefix = series_prefix(sample.name, list(labels), list(labels.values()))
                parts.append(to_bytes(f"{prefix} {number(sample.value)}\n"))
                series += 1
        return Chunk(b"".join(parts), series)


def _family_name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name
