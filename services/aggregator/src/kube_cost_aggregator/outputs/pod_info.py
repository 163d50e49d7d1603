"""Who pods are, for joins: a line each with its workload and configured labels, the same as long as that is so."""

import re
from collections import Counter
from collections.abc import Sequence

from kube_cost_aggregator.outputs.amounts import Differences
from kube_cost_aggregator.outputs.chunks import NO_SERIES, Chunk, chunk_of
from kube_cost_aggregator.outputs.cost_families import POD_INFO
from kube_cost_aggregator.outputs.text import series_prefix
from kube_cost_aggregator.state.rates import PodRate

_ILLEGAL = re.compile(r"[^a-zA-Z0-9_]")


def exposed_labels(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names under which labels of pods are exposed, `label_app_kubernetes_io_name` for instance.

    As kube-state-metrics does: what Prometheus doesn't allow becomes `_`, and of labels that are the same then each is
    numbered, `_conflict1` and so on
    (https://github.com/kubernetes/kube-state-metrics/blob/main/docs/README.md#conflict-resolution-in-label-names).
    """
    made = [f"label_{_ILLEGAL.sub('_', name)}" for name in names]
    times = Counter(made)
    seen: Counter[str] = Counter()
    shown = []
    for name in made:
        seen[name] += 1
        shown.append(f"{name}_conflict{seen[name]}" if times[name] > 1 else name)
    return tuple(shown)


class PodInfo:
    """Keeps a chunk a node. Pods without a name, where names aren't shown, have no line: it would say of nobody."""

    def __init__(self, *, cluster: str, label_names: Sequence[str] = ()) -> None:
        self._label_names = tuple(label_names)
        self._labels = (*(("cluster",) if cluster else ()), *POD_INFO.labels, *exposed_labels(label_names))
        self._fixed = (cluster,) if cluster else ()
        self._lines: dict[str, dict[str, tuple[tuple[object, ...], str]]] = {}
        self.chunks: dict[str, Chunk] = {}

    def take(self, node: str, differences: Differences) -> None:
        """Bring a node's chunk up to date."""
        lines = self._lines.setdefault(node, {})
        changed = False
        for amounts in differences.gone:
            changed = lines.pop(amounts.pod.uid, None) is not None or changed
        for amounts in differences.changed:
            pod = amounts.pod
            who = (*pod[1:5], pod.labels)
            known = lines.get(pod.uid)
            if pod.name and (known is None or known[0] != who):
                lines[pod.uid] = (who, self._line(pod, node))
                changed = True
        if changed:
            # A pod that was made anew under its name stands beside the old one for a moment: one of them is shown.
            by_name = {who[:2]: line for who, line in lines.values()}
            self.chunks[node] = chunk_of(by_name.values(), self.chunks.get(node, NO_SERIES))

    def forget(self, node: str) -> None:
        """Drop a node that is gone."""
        self._lines.pop(node, None)
        self.chunks.pop(node, None)

    def _line(self, pod: PodRate, node: str) -> str:
        labels = (pod.labels.get(name, "") for name in self._label_names)
        values = (*self._fixed, pod.namespace, pod.name, node, pod.workload_kind, pod.workload, *labels)
        return f"{series_prefix(POD_INFO.name, self._labels, values)} 1\n"
