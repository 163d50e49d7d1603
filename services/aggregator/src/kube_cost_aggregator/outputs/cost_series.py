"""Rates and totals as chunks of text. Pure: what comes in is immutable, and what hasn't changed is not written anew."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from zlib import crc32

from kube_cost_aggregator.history.store import Money, NamespaceTotal
from kube_cost_aggregator.outputs.amounts import (
    NO_OTHERS,
    Differences,
    PodAmounts,
    RateSums,
    Workload,
    current_nodes,
    other_money,
)
from kube_cost_aggregator.outputs.chunks import NO_SERIES, Block, Chunk, chunk_of
from kube_cost_aggregator.outputs.cost_families import (
    CLUSTER_FAMILIES,
    NAMESPACE_FAMILIES,
    POD_FAMILIES,
    POD_INFO,
    WORKLOAD_FAMILIES,
)
from kube_cost_aggregator.outputs.family import USD
from kube_cost_aggregator.outputs.node_lines import FAMILIES_OF_A_NODE, NodeLines
from kube_cost_aggregator.outputs.overview import NamespaceMoney, Overview
from kube_cost_aggregator.outputs.pod_info import PodInfo
from kube_cost_aggregator.outputs.text import Namer, usd
from kube_cost_aggregator.state.rates import NodeRate, Rates, VolumeRate
from kube_cost_aggregator.state.totals import CLUSTER, PSEUDO, UNCLAIMED, Totals, month_start
from kube_cost_common.domain.money import HOURS_PER_DAY, HOURS_PER_MONTH, NS_PER_DAY, format_usd
from kube_cost_common.domain.nodes import ON_DEMAND, SPOT
from kube_cost_common.domain.sharing import NOTHING_SHARED, SharingRules

Chunks = dict[str, dict[str, Chunk]]
"""Chunks by family and by a key of their own, in the order in which they stand."""

Values = dict[tuple[str, ...], str]
"""Values of series by the values of their labels."""

NODE_BUCKETS = 8
"""Nodes share chunks of the node families by a hash of their name, so that a change of one re-compresses an eighth."""

_NO_LINES = ("",) * len(FAMILIES_OF_A_NODE)
_INFO_COLUMN = FAMILIES_OF_A_NODE.index("kube_cost_node_info")
_SPOT_COLUMN = FAMILIES_OF_A_NODE.index("kube_cost_node_spot_hourly_usd")
_NO_TOTAL = NamespaceTotal()
_SELDOM = frozenset({UNCLAIMED, CLUSTER})

_POD = POD_FAMILIES[0].name
_WORKLOAD = WORKLOAD_FAMILIES[0].name
_NODES_TOTAL, _SPOT_PRICE, _VOLUME = (family.name for family in CLUSTER_FAMILIES)


class CostSeries:
    """Keeps the chunks of all cost families. `nodes` are the rates that are in them, by node name."""

    def __init__(
        self,
        *,
        cluster: str,
        sharing: SharingRules = NOTHING_SHARED,
        label_names: Sequence[str] = (),
        info_max_pods: int = 0,
    ) -> None:
        """`label_names` are those of pods that `kube_cost_pod_info` has, of up to `info_max_pods` pods."""
        self._sharing = sharing
        self._info = PodInfo(cluster=cluster, label_names=label_names)
        self._info_max_pods = info_max_pods
        self._pod_namer = Namer(POD_FAMILIES[0], cluster=cluster)
        self._workload_namer = Namer(WORKLOAD_FAMILIES[0], cluster=cluster)
        self._namespace_blocks = [Block(Namer(family, cluster=cluster)) for family in NAMESPACE_FAMILIES]
        self._cluster_blocks = {family.name: Block(Namer(family, cluster=cluster)) for family in CLUSTER_FAMILIES}
        self._node_lines = NodeLines(cluster=cluster)
        self._pod_lines: dict[str, dict[str, str]] = {}
        self._twice: set[str] = set()
        self._buckets: list[dict[str, tuple[str, ...]]] = [{} for _ in range(NODE_BUCKETS)]
        self._workload_lines: dict[str, dict[Workload, str]] = {}
        self._spent: dict[str, tuple[NamespaceTotal, int, tuple[int, int]]] = {}
        self._volumes: Sequence[tuple[object, float | None]] | None = None
        self._others: Mapping[str, Money] = NO_OTHERS
        self.nodes: dict[str, NodeRate] = {}
        self.sums = RateSums()
        self.chunks: Chunks = {}
        self.overview = Overview((), {}, 0)

    def take_nodes(self, nodes: Iterable[NodeRate]) -> Iterator[str]:
        """Bring the chunks of nodes and their pods up to date; yields what is done, each node first.

        Between two of them something else may run; the sums are whole at the end.
        """
        current = current_nodes(nodes)
        pods = self.chunks.setdefault(_POD, {})
        dirty: set[tuple[int, int]] = set()
        for name in [name for name in self.nodes if name not in current]:
            self.sums.replace(name, None)
            del self.nodes[name]
            self._pod_lines.pop(name, None)
            self._twice.discard(name)
            pods.pop(name, None)
            self._info.forget(name)
            self._node_lines.forget(name)
            dirty |= self._put_lines(name, None)
        for name, rate in current.items():
            old = self.nodes.get(name)
            if old is rate:
                continue
            if old == rate:  # made anew to say the same: prices that were read again, a sample below the requests
                self.nodes[name] = rate
                continue
            differences = self.sums.replace(name, rate)
            self.nodes[name] = rate
            amounts = self.sums.amounts[name]
            if differences.changed or differences.gone:
                pods[name] = self._pod_chunk(name, amounts.pods, differences, pods.get(name, NO_SERIES))
                if self._info_max_pods:
                    self._info.take(name, differences)
            dirty |= self._put_lines(name, self._node_lines.write(rate, amounts))
            yield name
        for bucket, column in dirty:
            self._write_bucket(bucket, column)
        shown = sum(chunk.series for chunk in pods.values()) <= self._info_max_pods
        self.chunks[POD_INFO.name] = self._info.chunks if shown else {}
        if dirty:
            yield "buckets"
        if any(column in {_INFO_COLUMN, _SPOT_COLUMN} for _, column in dirty):
            self._write_spot_prices()

    def take_namespaces(
        self, known: frozenset[str], totals: Totals, now_ns: int, *, with_rates: bool, with_settled: bool = True
    ) -> None:
        """Bring the chunks of namespaces up to date; `known` are those that exist, be there pods in them or not.

        A namespace that is gone stays until its last money is of a month that is over. Without `with_rates` there is
        settled money only: a rate of 0 that only means that nothing has been listed yet would be a lie. Without
        `with_settled` the chunks of settled money stay as they are.
        """
        first_day = month_start(now_ns) * 10**9 // NS_PER_DAY
        spending = {name for name, days in totals.days.items() if any(day >= first_day for day in days)}
        names = sorted((known | self.sums.namespaces.keys() | self._others.keys() | spending) - PSEUDO)
        rows: list[NamespaceMoney] = []
        for name, money in self._shared(list(self.sums.by_namespace(names, self._others))):
            total = totals.namespaces.get(name, _NO_TOTAL)
            if name in _SELDOM and total is _NO_TOTAL and not money.total:
                continue
            today, month = self._spent_by(name, total, totals, now_ns)
            hourly = money.total
            daily = hourly * HOURS_PER_DAY
            rows.append(
                NamespaceMoney(
                    name, hourly, daily, today, month, total.counter, total.savings_counter, money.savings, money
                )
            )
        self._spent = {row.namespace: self._spent[row.namespace] for row in rows}
        self.overview = Overview(tuple(rows), dict(self.nodes), sum(row.hourly for row in rows))
        columns = zip(NAMESPACE_FAMILIES, self._namespace_blocks, NamespaceMoney._fields[1:-1], strict=True)
        for family, block, column in columns:
            settled = family.unit == USD
            if settled and not with_settled:
                continue
            values: Values = {(row.namespace,): format_usd(getattr(row, column)) for row in rows}
            self.chunks[family.name] = {"": block.update(values if with_rates or settled else {})}
        if with_settled:
            nodes: Values = {(capacity,): format_usd(totals.nodes.get(capacity, 0)) for capacity in (ON_DEMAND, SPOT)}
            self._write_cluster(_NODES_TOTAL, nodes)

    def _shared(self, rates: list[tuple[str, Money]]) -> list[tuple[str, Money]]:
        """Return the rates with what sharing moves now."""
        if not self._sharing.any:
            return rates
        own = {name: money.total for name, money in rates}
        moved = self._sharing.moved(own, own)
        return [(name, money._replace(shared=moved.get(name, 0))) for name, money in rates]

    def take_workloads(self) -> Iterator[str]:
        """Bring the chunks of workloads up to date, one a namespace; yields each namespace as it is done."""
        chunks = self.chunks.setdefault(_WORKLOAD, {})
        while self.sums.touched:
            namespace, touched = self.sums.touched.popitem()
            lines = self._workload_lines.setdefault(namespace, {})
            workloads = self.sums.workloads.get(namespace, {})
            for workload in touched:
                known = workloads.get(workload)
                if known is None:
                    lines.pop(workload, None)
                    continue
                line = lines.get(workload)
                start = _start(line) if line else self._workload_namer.prefix((namespace, *workload))
                lines[workload] = f"{start}{format_usd(known.nano)}\n"
            if lines:
                chunks[namespace] = chunk_of(list(lines.values()), chunks.get(namespace, NO_SERIES))
            else:
                del self._workload_lines[namespace]
                chunks.pop(namespace, None)
            yield namespace

    def take_volumes(self, volumes: Iterable[VolumeRate]) -> None:
        """Bring the chunk of persistent volumes up to date."""
        now = [(volume.facts, volume.usd_per_hour) for volume in volumes]
        if now == self._volumes:
            return
        self._volumes = now
        values: Values = {
            (facts.name, facts.storage_class): usd(usd_per_hour * HOURS_PER_MONTH)
            for facts, usd_per_hour in sorted(now, key=lambda volume: volume[0].name)
            if usd_per_hour is not None
        }
        self._write_cluster(_VOLUME, values)

    def take(self, rates: Rates, totals: Totals, now_ns: int, *, with_rates: bool = True) -> Iterator[str]:
        """Bring everything up to date; yields now and then, so that something else may run between."""
        yield from self.take_nodes(rates.nodes.values())
        self._others = other_money(rates)
        self.take_namespaces(rates.namespaces, totals, now_ns, with_rates=with_rates)
        yield "namespaces"
        yield from self.take_workloads()
        self.take_volumes(rates.volumes.values())
        yield "volumes"

    def take_pods(self, rates: Rates, totals: Totals, now_ns: int) -> Iterator[str]:
        """Bring rates alone up to date, not those of volumes; yields as `take` does."""
        yield from self.take_nodes(rates.nodes.values())
        self.take_namespaces(rates.namespaces, totals, now_ns, with_rates=True, with_settled=False)
        yield "namespaces"
        yield from self.take_workloads()

    def _pod_chunk(self, node: str, pods: Mapping[str, PodAmounts], differences: Differences, before: Chunk) -> Chunk:
        lines = self._pod_lines.setdefault(node, {})
        others = bool(differences.gone)
        for amounts in differences.gone:
            del lines[amounts.pod.uid]
        for pod, nano, *_ in differences.changed:
            line = lines.get(pod.uid)
            others = others or line is None
            start = _start(line) if line else self._pod_namer.prefix((pod.namespace, pod.name, node))
            lines[pod.uid] = f"{start}{format_usd(nano)}\n"
        if others:
            twice = len({(amounts.pod.namespace, amounts.pod.name) for amounts in pods.values()}) < len(pods)
            (self._twice.add if twice else self._twice.discard)(node)
        if node not in self._twice:
            return chunk_of(lines.values(), before)
        together: dict[str, int] = {}  # a pod made anew under its name, the old one not yet gone
        for uid, line in lines.items():
            together[_start(line)] = together.get(_start(line), 0) + pods[uid].nano
        return chunk_of([f"{start}{format_usd(nano)}\n" for start, nano in together.items()], before)

    def _put_lines(self, name: str, lines: tuple[str, ...] | None) -> set[tuple[int, int]]:
        """Take a node's lines, None where it is gone; return which bucket is to be written in which families."""
        bucket = _bucket(name)
        kept = self._buckets[bucket]
        before = kept.pop(name, _NO_LINES)
        if lines is not None:
            kept[name] = lines
        changes = enumerate(zip(before, lines or _NO_LINES, strict=True))
        return {(bucket, column) for column, (old, new) in changes if old != new}

    def _write_bucket(self, bucket: int, column: int) -> None:
        kept = self._buckets[bucket]
        chunks = self.chunks.setdefault(FAMILIES_OF_A_NODE[column], {})
        lines = [line for name in sorted(kept) if (line := kept[name][column])]
        chunks[str(bucket)] = chunk_of(lines, chunks.get(str(bucket), NO_SERIES))

    def _write_spot_prices(self) -> None:
        prices: dict[tuple[str, ...], float] = {}
        for rate in self.nodes.values():
            if rate.spot_usd_per_hour is not None:
                key = (rate.identity.instance_type, rate.identity.zone)
                prices[key] = min(prices.get(key, rate.spot_usd_per_hour), rate.spot_usd_per_hour)
        self._write_cluster(_SPOT_PRICE, {key: usd(price) for key, price in sorted(prices.items())})

    def _write_cluster(self, family: str, values: Values) -> None:
        self.chunks[family] = {"": self._cluster_blocks[family].update(values)}

    def _spent_by(self, name: str, total: NamespaceTotal, totals: Totals, now_ns: int) -> tuple[int, int]:
        """Return nano-USD of today and of the month to date; added up anew only when there is more, or another day."""
        day = now_ns // NS_PER_DAY
        known = self._spent.get(name)
        if known is None or known[0] is not total or known[1] != day:
            known = self._spent[name] = (total, day, (totals.today(name, now_ns), totals.month_to_date(name, now_ns)))
        return known[2]


def _bucket(name: str) -> int:
    return crc32(name.encode("utf-8", "replace")) % NODE_BUCKETS


def _start(line: str) -> str:
    """Return what stands on a line before its value."""
    return line[: line.rindex(" ") + 1]
