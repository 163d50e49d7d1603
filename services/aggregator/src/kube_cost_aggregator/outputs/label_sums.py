"""What the values of labels cost: their pods, and what namespaces with that label cost beside pods."""

from collections.abc import Iterable

from kube_cost_aggregator.outputs.amounts import RateSums
from kube_cost_aggregator.outputs.overview import Overview
from kube_cost_aggregator.state.rates import NO_LABELS, Rates
from kube_cost_common.domain.money import format_usd

NO_VALUE = "__none__"


def by_label(names: Iterable[str], rates: Rates, sums: RateSums, overview: Overview) -> dict[tuple[str, ...], str]:
    """Return USD per hour by label and value, in the order of names and values.

    What a namespace costs beside its pods (volumes that nobody mounts, load balancers, what sharing gives it) is its
    label's. Everything that isn't a namespace's has no value.
    """
    found: dict[tuple[str, ...], str] = {}
    for name in names:
        amounts: dict[str, int] = {NO_VALUE: 0}
        of_pods: dict[str, int] = {}
        for node in sums.amounts.values():
            for pod, nano, *_ in node.pods.values():
                namespace_labels = rates.namespace_labels.get(pod.namespace, NO_LABELS)
                value = pod.labels.get(name) or namespace_labels.get(name) or NO_VALUE
                amounts[value] = amounts.get(value, 0) + nano
                of_pods[pod.namespace] = of_pods.get(pod.namespace, 0) + nano
        for row in overview.namespaces:
            value = rates.namespace_labels.get(row.namespace, NO_LABELS).get(name) or NO_VALUE
            amounts[value] = amounts.get(value, 0) + row.hourly - of_pods.get(row.namespace, 0)
        found |= {(name, value): format_usd(nano) for value, nano in sorted(amounts.items())}
    return found
