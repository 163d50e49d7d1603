"""The whole truth: everything that costs, in rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

from kube_cost_simulator.costs.flat import control_plane_rows, load_balancer_rows
from kube_cost_simulator.costs.machines import machine_rows
from kube_cost_simulator.costs.network import network_rows, sent_bytes
from kube_cost_simulator.costs.rows import Costs, Row
from kube_cost_simulator.costs.sized_pods import sized_pod_rows
from kube_cost_simulator.costs.stretches import Stretch, regular_samples
from kube_cost_simulator.costs.volumes import volume_rows
from kube_cost_simulator.history import History, PodHistory
from kube_cost_simulator.truth import Basis, Sample, settle


def whole_truth(
    history: History,
    samples_by_node: Mapping[str, Sequence[Sample]] | None = None,
    window: Stretch | None = None,
    *,
    basis: Basis = "max",
) -> Costs:
    """What everything in a cluster cost.

    Machines, by uid, are paid over their samples (by default minutes over the whole life of each), everything else over
    `window` in Unix nanoseconds (by default from the cluster's start to now). Machines without samples cost nothing.
    """
    if samples_by_node is None:
        samples_by_node = regular_samples(history)
    if window is None:
        window = (history.started_ns, history.through_ns)
    pods = {pod.uid: pod for pod in history.pods}
    nodes = {node.uid: node for node in history.nodes}
    prices = history.prices
    truth = settle(history, samples_by_node, basis=basis)
    rows: list[Row] = [
        *machine_rows(truth, pods),
        *sized_pod_rows(history.pods, nodes, prices.pod_sizes, window),
        *control_plane_rows(prices.control_plane_usd_per_hour, window),
    ]
    for volume in history.volumes:
        rows += volume_rows(volume, history.pods, prices.volumes.get(volume.storage_class), window)
    for service in history.services:
        rows += load_balancer_rows(service, prices.load_balancer_usd_per_hour, window)
    pods_by_node: dict[str, list[PodHistory]] = defaultdict(list)
    for pod in history.pods:
        pods_by_node[pod.node_uid].append(pod)
    all_sent: dict[tuple[str, int], Fraction] = {}
    for uid, samples in samples_by_node.items():
        sent, rest = sent_bytes(nodes[uid], pods_by_node[uid], samples, history.through_ns)
        rows += network_rows(nodes[uid], pods, sent, rest, prices.network.usd_per_byte)
        all_sent |= sent
    return Costs(history, [row for row in rows if row.usd], truth, all_sent, pods, nodes)
