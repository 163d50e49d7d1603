"""Two hours of a small cluster, as one commit writes them; and how they are asked for."""

from typing import Any

from kube_cost_aggregator.history.queries import CostQuery, Grouping
from kube_cost_aggregator.history.store import (
    Batch,
    Money,
    NamespaceTotal,
    NodeHour,
    NodeState,
    PodHour,
    PodRow,
    StreamCursor,
)

HOUR = 1_800_000_000 // 3600 * 3600
"""2027-01-15T08:00:00Z, the first of both."""

NS_PER_SECOND = 10**9


def asked(by: Grouping, *, start: int = HOUR, end: int = HOUR + 7200, **more: Any) -> CostQuery:
    """Both hours, if not said otherwise."""
    return CostQuery(by=by, start=start, end=end, **more)


def pod(pod_id: int, name: str, *, node_id: int = 1, workload: str = "web") -> PodRow:
    return PodRow(
        pod_id=pod_id,
        uid=f"uid-{pod_id}",
        usage_uid=f"uid-{pod_id}",
        namespace="shop" if workload == "web" else "data",
        name=name,
        node_id=node_id,
        workload_kind="Deployment",
        workload=workload,
        start_ns=HOUR * NS_PER_SECOND,
        end_ns=None,
        vcpu_request=1.0,
        memory_gib_request=2.0,
        gpus=0.0,
    )


def batch() -> Batch:
    """Two hours of two nodes and three pods: `a` and `b` of web, `a` made anew once on the first node, `c` of db."""
    made = Batch(stream=StreamCursor(1, 10, 11))
    for number in (1, 2):
        made.nodes[f"n{number}"] = NodeState(
            node_id=number, uid=f"n{number}", name=f"node-{number}", settled_through_ns=0, instance_type="m5.large"
        )
    made.pods = {1: pod(1, "a"), 2: pod(2, "a"), 3: pod(3, "b", node_id=2), 4: pod(4, "c", node_id=2, workload="db")}
    made.pod_hours = {
        (HOUR, 1): PodHour(Money(100, 10, 1, 5), 3600.0, 0.0),
        (HOUR + 3600, 1): PodHour(Money(50, 5, 0, 0), 1800.0, 0.0),
        (HOUR + 3600, 2): PodHour(Money(40, 4, 0, 0), 1800.0, 600.0),
        (HOUR, 3): PodHour(Money(300, 30, 0, 0), 3600.0, 0.0),
        (HOUR, 4): PodHour(Money(7, 0, 0, 0), 60.0, 60.0),
    }
    made.node_hours = {
        (HOUR, 1): NodeHour(500, 9, Money(20), Money(369, 0, 0), 3600.0, 0.0),
        (HOUR + 3600, 1): NodeHour(500, 0, Money(20), Money(381), 3600.0, 300.0),
        (HOUR, 2): NodeHour(900, 0, Money(30), Money(533), 3600.0, 0.0),
    }
    made.namespace_hours = {
        (HOUR, "shop"): Money(400, 40, 1, 5),
        (HOUR + 3600, "shop"): Money(90, 9, 0, 0),
        (HOUR, "data"): Money(7, 0, 0, 0),
        (HOUR, "__idle__"): Money(902, 0, 0, 4),
    }
    made.namespace_totals = {"shop": NamespaceTotal(Money(490, 49, 1, 5), 540, 5)}
    return made
