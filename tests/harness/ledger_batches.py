"""A batch that has something of everything that a ledger keeps."""

import msgspec

from harness.two_hours import HOUR, batch
from kube_cost_aggregator.history.store import (
    Batch,
    Money,
    NamespaceTotal,
    ObjectCost,
    ObjectHour,
    ObjectRow,
    ObjectState,
    PodTotals,
    PriceChangeRow,
    Running,
    RunningHour,
    Traffic,
)


def everything() -> Batch:
    """The two hours, with all else that a ledger keeps."""
    made = batch()
    first = made.nodes["n1"]
    first.pods = {"uid-1": PodTotals(1.5, 2e9, transmit_bytes=7)}
    first.hours = [
        RunningHour(hour=HOUR + 3600, node=Running(0.1), system=Running(), idle=Running(), pods={1: Running(0.3, 0.2)})
    ]
    made.pods[4] = msgspec.structs.replace(made.pods[4], end_ns=HOUR, claims="disk\nlogs")
    made.namespace_hours[HOUR + 3600, "shop"] = Money(90, 9, 0, 0, shared=1)
    made.counters = {"whole": 2**62 + 1, "fraction": 0.1}
    made.objects = {
        1: ObjectRow(1, "v1", "volume", "shop", "disk", "gp3"),
        2: ObjectRow(2, "lb", "load_balancer", "shop", "front", ""),
    }
    made.object_states = {
        "v1": ObjectState(
            object_id=1,
            uid="v1",
            kind="volume",
            settled_through_ns=7,
            hours=[ObjectHour(hour=HOUR, namespace="shop", claim="disk", usd=0.1, pods={1: 0.05})],
        ),
        "lb": ObjectState(object_id=2, uid="lb", kind="load_balancer", settled_through_ns=8),
    }
    made.object_hours = {(HOUR, 1, "shop", "disk"): ObjectCost(90, 80, 3600.0, 0.0)}
    made.pod_volume_hours = {(HOUR, 1, 1): 50, (HOUR, 3, 1): 30}
    made.namespace_totals = {
        "shop": NamespaceTotal(Money(490, 49, 1, 5, shared=1), 541, 6, Money(491, 50, 1, 0, shared=2))
    }
    made.namespace_traffic = {"shop": Traffic(1, 2, 3, 4, 2**60)}
    of = ("aws", "us-east-1", "", "instance", "m5.large", "linux", "on_demand")
    made.price_changes = {
        ("key", since_ns): PriceChangeRow("key", since_ns, *of, usd, 0.096, "hour", "api")
        for since_ns, usd in ((HOUR * 10**9, 0.096), (HOUR * 10**9 + 1, 0.0912))
    }
    return made
