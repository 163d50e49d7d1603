"""One batch of two: what could not be written, and what has come since."""

from kube_cost_aggregator.history.store import Batch, Money


def merged(older: Batch, newer: Batch) -> Batch:
    """Return what both write, the newer over the older."""
    both = Batch(
        stream=newer.stream or older.stream,
        nodes=older.nodes | newer.nodes,
        gone_nodes=older.gone_nodes | newer.gone_nodes,
        pods=older.pods | newer.pods,
        pod_hours=older.pod_hours | newer.pod_hours,
        node_hours=older.node_hours | newer.node_hours,
        namespace_hours=dict(older.namespace_hours),
        namespace_totals=older.namespace_totals | newer.namespace_totals,
        counters=older.counters | newer.counters,
        objects=older.objects | newer.objects,
        object_states=older.object_states | newer.object_states,
        gone_objects=older.gone_objects | newer.gone_objects,
        object_hours=older.object_hours | newer.object_hours,
        pod_volume_hours=older.pod_volume_hours | newer.pod_volume_hours,
        namespace_traffic=older.namespace_traffic | newer.namespace_traffic,
        price_changes=older.price_changes | newer.price_changes,
    )
    for key, money in newer.namespace_hours.items():
        both.namespace_hours[key] = both.namespace_hours.get(key, Money()).plus(money)
    return both
