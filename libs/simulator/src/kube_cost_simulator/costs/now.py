"""What everything costs now: the truth of gauges."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kube_cost_simulator.costs.rows import Costs
from kube_cost_simulator.costs.stretches import Stretch
from kube_cost_simulator.costs.use import Use, Uses, uses
from kube_cost_simulator.costs.whole import whole_truth
from kube_cost_simulator.history import History
from kube_cost_simulator.truth import NANOSECONDS_PER_HOUR, Basis, Sample


def rates_now(history: History, last_samples: Mapping[str, Stretch], *, basis: Basis = "max") -> Costs:
    """All rows as USD per hour (bytes per hour too), by the state of things just before `history.through_ns`.

    `last_samples` is, by node uid, the stretch of the last sample of each agent: pods use what they used in it on
    average. Nodes that aren't in it are charged by request.
    """
    now_ns = history.through_ns
    moment = whole_truth(history, _moment(history, last_samples), (now_ns - 1, now_ns), basis=basis)
    compute = moment.compute
    return replace(
        moment,
        rows=[row._replace(usd=row.usd * NANOSECONDS_PER_HOUR) for row in moment.rows],
        sent_bytes={key: sent * NANOSECONDS_PER_HOUR for key, sent in moment.sent_bytes.items()},
        compute=replace(compute, savings={key: saved * NANOSECONDS_PER_HOUR for key, saved in compute.savings.items()}),
    )


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
