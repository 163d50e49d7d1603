"""The health families as chunks of text, written anew at each tick: there are few of them."""

from collections import Counter
from collections.abc import Iterable

from kube_cost_aggregator.outputs.chunks import Block, Chunk, chunk_of
from kube_cost_aggregator.outputs.deflating import Exposition
from kube_cost_aggregator.outputs.families import COMPONENTS, FAMILIES, ReportedSeries
from kube_cost_aggregator.outputs.health_families import HEALTH_FAMILIES
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.outputs.text import Namer, number, series_prefix
from kube_cost_aggregator.state.rates import WAITING, NodeRate
from kube_cost_aggregator.state.timings import Summary
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.money import NS_PER_SECOND
from kube_cost_common.messages.status import Reading

SUMMARY = "kube_cost_calculation_duration_seconds"

Values = dict[tuple[str, ...], float]


class HealthSeries:
    """Keeps the chunks of the health families."""

    def __init__(self, *, sources: Sources, reported: ReportedSeries) -> None:
        self._sources = sources
        self._reported = reported
        self._blocks = {
            family.name: Block(Namer(family, cluster=sources.cluster))
            for family in HEALTH_FAMILIES
            if family.type != "summary"
        }
        self._summary = Chunk(b"", 0)

    def take(
        self, nodes: Iterable[NodeRate], totals: Totals, served: Exposition, budget_faults: int = 0
    ) -> dict[str, dict[str, Chunk]]:
        """Return the chunks of now; `served` is the exposition before this one."""
        values: dict[str, Values] = {family.name: {} for family in HEALTH_FAMILIES}
        self._own(values, list(nodes), totals, served)
        values["kube_cost_budget_parse_errors"][()] = budget_faults
        for reading in (*self._sources.counters.counts(), *self._sources.counters.gauges()):
            self._add_reading(values, reading)
        for key, value in (*totals.counters.items(), *self._sources.components.gauges().items()):
            series = self._reported.series(key)
            if series is not None:
                family, labels = series
                values[family.name][labels] = value
        chunks = {
            name: {"": block.update({labels: number(value) for labels, value in sorted(values[name].items())})}
            for name, block in self._blocks.items()
        }
        self._summary = self._summary_chunk(self._sources.timings.summary())
        chunks[SUMMARY] = {"": self._summary}
        return chunks

    def _own(self, values: dict[str, Values], nodes: list[NodeRate], totals: Totals, served: Exposition) -> None:
        sources = self._sources
        unpriced = Counter(rate.unpriced_reason for rate in nodes if rate.price is None)
        names = {rate.facts.name for rate in nodes}
        values["kube_cost_exporter_up"] = {(name,): _flag(sources.components.up(name)) for name in COMPONENTS}
        values["kube_cost_unpriced_nodes"] = {(reason,): unpriced[reason] for reason in {WAITING, *unpriced}}
        values["kube_cost_agents_connected"][()] = len(sources.components.connected_nodes())
        values["kube_cost_agent_last_sample_timestamp_seconds"] = {
            (node,): end_ns / NS_PER_SECOND for node, end_ns in sources.last_samples().items() if node in names
        }
        values["kube_cost_samples_received_total"][()] = 0
        values["kube_cost_history_write_failures_total"][()] = 0
        if totals.settled_through_ns is not None:
            values["kube_cost_settled_through_timestamp_seconds"][()] = totals.settled_through_ns / NS_PER_SECOND
        if totals.started_at_ns:
            values["kube_cost_history_start_timestamp_seconds"][()] = totals.started_at_ns / NS_PER_SECOND
        values["kube_cost_bus_connected"][()] = _flag(sources.bus_connected())
        pending = sources.pending_messages()
        if pending is not None:
            values["kube_cost_bus_pending_messages"][()] = pending
        values["kube_cost_watch_last_event_timestamp_seconds"] = {
            (watch.kind,): watch.last_event_ns / NS_PER_SECOND
            for watch in sources.watches()
            if watch.last_event_ns is not None
        }
        values["kube_cost_leader"][()] = 1
        values["kube_cost_exposed_series"][()] = served.series
        values["kube_cost_exposition_bytes"] = {("identity",): served.size_bytes, ("gzip",): len(served.gzip)}
        values["kube_cost_build_info"][sources.version, sources.revision] = 1

    @staticmethod
    def _add_reading(values: dict[str, Values], reading: Reading) -> None:
        """Add what this process counted itself, if the catalogue has it: no slip of ours may cost the exposition."""
        family = FAMILIES.get(reading.name)
        if family is not None and family.name in values and reading.labels.keys() == set(family.labels):
            values[family.name][tuple(reading.labels[label] for label in family.labels)] = reading.value

    def _summary_chunk(self, summary: Summary) -> Chunk:
        cluster = self._sources.cluster
        labels, fixed = (("cluster",), (cluster,)) if cluster else ((), ())
        lines = [
            f"{series_prefix(SUMMARY, (*labels, 'quantile'), (*fixed, f'{share:g}'))} {number(seconds)}\n"
            for share, seconds in summary.quantiles.items()
        ]
        lines.append(f"{series_prefix(SUMMARY + '_sum', labels, fixed)} {number(summary.sum_seconds)}\n")
        lines.append(f"{series_prefix(SUMMARY + '_count', labels, fixed)} {number(summary.passes)}\n")
        return chunk_of(lines, self._summary)


def _flag(value: bool) -> float:
    return 1 if value else 0
