"""A small ledger for exports: two nodes, three pods, a volume, a Service, a control plane, in two hours."""

from kube_cost_aggregator.history.sqlite import SqliteStore
from kube_cost_aggregator.history.store import (
    Batch,
    Money,
    NamespaceTotal,
    NodeHour,
    NodeState,
    ObjectCost,
    ObjectRow,
    ObjectState,
    PodHour,
    PodRow,
)

NOW = 1_800_000_000  # 2027-01-15T08:00:00Z
FIRST = NOW - 7200
SECOND = NOW - 3600


def pod(number: int, name: str, *, node_id: int = 1, namespace: str = "shop", labels: str = "") -> PodRow:
    """A pod of a Deployment."""
    return PodRow(
        pod_id=number,
        uid=f"pod-{number}",
        usage_uid=f"pod-{number}",
        namespace=namespace,
        name=name,
        node_id=node_id,
        workload_kind="Deployment",
        workload="web",
        start_ns=FIRST * 10**9,
        end_ns=None,
        vcpu_request=1.0,
        memory_gib_request=1.0,
        gpus=0.0,
        labels=labels,
    )


def node(number: int, *, capacity: str = "on_demand", through: int = NOW) -> NodeState:
    """A node that is settled until then."""
    return NodeState(
        node_id=number,
        uid=f"node-{number}",
        name=f"n{number}",
        settled_through_ns=through * 10**9,
        instance_type="m5.large",
        capacity_type=capacity,
    )


async def fill(store: SqliteStore) -> None:
    """Write both hours. The second node is spot; in the second hour nobody mounts the volume."""
    await store.load(now_ns=FIRST * 10**9, month_start=0)
    hours = {
        (FIRST, "shop"): Money(30, 20, 0, 4, storage=60, network=3),
        (FIRST, "data"): Money(50, 1, 7, 9, load_balancer=25),
        (FIRST, "__system__"): Money(10, 5),
        (FIRST, "__idle__"): Money(84, -7, 0, 17),
        (FIRST, "__cluster__"): Money(network=2, control_plane=100),
        (SECOND, "shop"): Money(70, 30, storage=61),
        (SECOND, "data"): Money(load_balancer=25),
        (SECOND, "__idle__"): Money(-1),
    }
    totals: dict[str, Money] = {}
    for (_, namespace), money in hours.items():
        totals[namespace] = totals.get(namespace, Money()).plus(money)
    await store.commit(
        Batch(
            nodes={"node-1": node(1), "node-2": node(2, capacity="spot")},
            pods={
                1: pod(1, "web-1", labels="team=pay\ntier=front"),
                2: pod(2, "=cmd|' /C calc'!A0", node_id=2, namespace="data"),
                5000: pod(5000, "web-2"),
            },
            pod_hours={
                (FIRST, 1): PodHour(Money(30, 20, 0, 4, network=3), 3600.0, 0.0),
                (FIRST, 2): PodHour(Money(50, 1, 7, 9), 1800.0, 60.0),
                (SECOND, 5000): PodHour(Money(70, 30), 3600.0, 0.0),
            },
            node_hours={
                (FIRST, 1): NodeHour(100, 4, Money(10, 5), Money(42, -7), 3600.0, 0.0, 2),
                (FIRST, 2): NodeHour(100, 26, Money(), Money(42), 3599.5, 60.0),
                (SECOND, 1): NodeHour(99, 0, Money(), Money(-1), 3600.0, 0.0),
            },
            objects={
                1: ObjectRow(1, "pv-1", "volume", "", "pvc-7", "gp3"),
                2: ObjectRow(2, "svc-1", "load_balancer", "data", "front", ""),
                3: ObjectRow(3, "control plane", "control_plane", "", "aws", ""),
            },
            object_states={
                "pv-1": ObjectState(object_id=1, uid="pv-1", kind="volume", settled_through_ns=NOW * 10**9),
            },
            object_hours={
                (FIRST, 1, "shop", "disk"): ObjectCost(60, 60, 3600.0, 0.0),
                (SECOND, 1, "shop", "disk"): ObjectCost(61, 0, 3600.0, 0.0),
                (FIRST, 2, "data", ""): ObjectCost(25, 0, 3600.0, 0.0),
                (SECOND, 2, "data", ""): ObjectCost(25, 0, 3600.0, 0.0),
                (FIRST, 3, "__cluster__", ""): ObjectCost(100, 0, 3600.0, 0.0),
            },
            pod_volume_hours={(FIRST, 1, 1): 30, (FIRST, 5000, 1): 30},
            namespace_hours=hours,
            namespace_totals={
                name: NamespaceTotal(money, money.total, money.savings, money._replace(savings=0))
                for name, money in totals.items()
            },
            counters={"nodes_nano_usd.on_demand": 199, "nodes_nano_usd.spot": 100, "components_nano_usd.compute": 299},
        )
    )
