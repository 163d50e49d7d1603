"""What everything costs now: the truth of gauges."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from kube_cost_simulator.costs.rows import COMPUTE, SYSTEM, Costs
from kube_cost_simulator.costs.stretches import Stretch
from kube_cost_simulator.costs.use import Use, Uses, uses
from kube_cost_simulator.costs.whole import whole_truth
from kube_cost_simulator.history import History
from kube_cost_simulator.truth import IDLE, NANOSECONDS_PER_HOUR, Basis, Sample


def rates_now(history: History, last_samples: Mapping[str, Stretch], *, basis: Basis = "max") -> Costs:
    """All rows as USD per hour (bytes per hour too), by the state of things just before `history.through_ns`.

    `last_samples` is, by node uid, the stretch of the last sample of each agent: pods use what they used in it on
    average. Nodes that aren't in it are charged by request. Savings are below 0 where spot is dearer than on demand.
    """
    now_ns = history.through_ns
    moment = whole_truth(history, _moment(history, last_samples), (now_ns - 1, now_ns), basis=basis)
    rates = replace(
        moment,
        rows=[row._replace(usd=row.usd * NANOSECONDS_PER_HOUR) for row in moment.rows],
        sent_bytes={key: sent * NANOSECONDS_PER_HOUR for key, sent in moment.sent_bytes.items()},
    )
    return replace(rates, compute=replace(rates.compute, savings=_savings(rates)))


def _savings(rates: Costs) -> dict[tuple[str, str], Fraction]:
    """USD per hour by node and namespace: a node's as its cost is spread; nothing for one that costs nothing."""
    saved: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for row in rates.rows:
        node = rates.nodes[row.node] if row.kind in COMPUTE else None
        spot = node.prices[-1].spot_usd_per_hour if node is not None and node.capacity_type == "spot" else None
        if node is not None and spot:
            namespace = IDLE if row.namespace == SYSTEM else row.namespace
            saved[node.uid, namespace] += row.usd * (node.prices[-1].on_demand_usd_per_hour - spot) / spot
    return dict(saved)


def uses_now(history: History, last_samples: Mapping[str, Stretch]) -> Uses:
    """What pods reserve now and used in the last sample, in vCPUs, GiB and GPUs, and in USD per hour.

    Pods that no sample has seen aren't in it.
    """
    moment = uses(history, _moment(history, last_samples))
    return replace(
        moment,
        by_pod={key: Use(*(each * NANOSECONDS_PER_HOUR for each in use)) for key, use in moment.by_pod.items()},
    )


def _moment(history: History, last_samples: Mapping[str, Stretch]) -> Mapping[str, Sequence[Sample]]:
    """The last nanosecond of the machines that are there."""
    now_ns = history.through_ns
    return {
        node.uid: [
            Sample(now_ns - 1, now_ns, by_request=node.uid not in last_samples, usage_from=last_samples.get(node.uid))
        ]
        for node in history.nodes
        if node.pod_sized is None and (node.deleted_ns is None or node.deleted_ns >= now_ns)
    }
