"""What the values of labels cost: their pods, and what namespaces with that label cost beside pods."""

from collections.abc import Collection, Iterable, Mapping

from kube_cost_aggregator.outputs.amounts import RateSums
from kube_cost_aggregator.outputs.overview import Overview
from kube_cost_aggregator.state.rates import NO_LABELS, Rates

NO_VALUE = "__none__"

Label = tuple[str, str]
"""Name and value."""

OwnedWorkload = tuple[str, str, str]
"""Namespace, kind and name."""


def by_label(names: Iterable[str], rates: Rates, sums: RateSums, overview: Overview) -> dict[Label, int]:
    """Return nano-USD per hour by label and value, in the order of names and values.

    What a namespace costs beside its pods (volumes that nobody mounts, load balancers, what sharing gives it) is its
    label's. Everything that isn't a namespace's has no value.
    """
    found: dict[Label, int] = {}
    for name in names:
        amounts: dict[str, int] = {NO_VALUE: 0}
        of_pods: dict[str, int] = {}
        for node in sums.amounts.values():
            for pod, nano, *_ in node.pods.values():
                value = _value(name, pod.labels, rates.namespace_labels.get(pod.namespace, NO_LABELS))
                amounts[value] = amounts.get(value, 0) + nano
                of_pods[pod.namespace] = of_pods.get(pod.namespace, 0) + nano
        for row in overview.namespaces:
            value = _value(name, NO_LABELS, rates.namespace_labels.get(row.namespace, NO_LABELS))
            amounts[value] = amounts.get(value, 0) + row.hourly - of_pods.get(row.namespace, 0)
        found |= {(name, value): nano for value, nano in sorted(amounts.items())}
    return found


def workloads_by_label(
    labels: Collection[Label], rates: Rates, sums: RateSums
) -> dict[Label, dict[OwnedWorkload, int]]:
    """Return which workloads have pods with each of `labels`, and what these pods cost, in nano-USD per hour."""
    found: dict[Label, dict[OwnedWorkload, int]] = {label: {} for label in labels}
    if labels:
        for node in sums.amounts.values():
            for pod, nano, *_ in node.pods.values():
                theirs = rates.namespace_labels.get(pod.namespace, NO_LABELS)
                owner = (pod.namespace, pod.workload_kind, pod.workload)
                for label, workloads in found.items():
                    if _value(label[0], pod.labels, theirs) == label[1]:
                        workloads[owner] = workloads.get(owner, 0) + nano
    return found


def _value(name: str, labels: Mapping[str, str], namespace_labels: Mapping[str, str]) -> str:
    return labels.get(name) or namespace_labels.get(name) or NO_VALUE
