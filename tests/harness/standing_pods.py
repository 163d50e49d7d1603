"""Hours of many pods on many nodes, as commits write them: each value is another, and some pods are new each day."""

from collections.abc import Iterator
from random import Random

from harness.two_hours import NS_PER_SECOND
from kube_cost_aggregator.history.store import Batch, Money, NodeHour, NodeState, PodHour, PodRow

NAMESPACES = 100
TEAMS = 20
PODS_A_NODE = 50
REPLACED_A_DAY = 0.05
"""The share of the pods."""


def hourly_batches(hours: range, *, pods: int) -> Iterator[Batch]:
    """Yield who is there first, and then a batch for each hour (Unix seconds, full hours)."""
    dice = Random(1)
    count = pods // PODS_A_NODE
    nodes = {
        f"n{number}": NodeState(
            node_id=number,
            uid=f"n{number}",
            name=f"ip-10-0-{number // 256}-{number % 256}.ec2.internal",
            settled_through_ns=hours.stop * NS_PER_SECOND,
            instance_type="m5.xlarge",
            node_pool=f"pool-{number % 4}",
        )
        for number in range(1, count + 1)
    }
    running = list(range(1, pods + 1))
    newest = pods
    yield Batch(nodes=nodes, pods={number: _pod(number, count, hours.start) for number in running})
    for hour in hours:
        batch = Batch()
        if hour % 86_400 == 0:
            for place in dice.sample(range(pods), round(pods * REPLACED_A_DAY)):
                old = running[place]
                batch.pods[old] = _pod(old, count, hours.start, end=hour)
                newest += 1
                running[place] = newest
                batch.pods[newest] = _pod(newest, count, hour)
        by_namespace: dict[str, list[int]] = {}
        for number in running:
            cpu, memory = dice.randrange(10**8), dice.randrange(10**8)
            batch.pod_hours[hour, number] = PodHour(Money(cpu, memory), 3600.0, 0.0)
            sums = by_namespace.setdefault(_namespace(number), [0, 0, 0])
            sums[0] += cpu
            sums[1] += memory
            if number % 10 == 0:
                stored = dice.randrange(10**6)
                batch.pod_volume_hours[hour, number, number] = stored
                sums[2] += stored
        for number in range(1, count + 1):
            batch.node_hours[hour, number] = NodeHour(192_000_000, 0, Money(10**6), Money(10**7), 3600.0, 0.0)
        batch.namespace_hours = {
            (hour, name): Money(cpu, memory, storage=stored) for name, (cpu, memory, stored) in by_namespace.items()
        }
        yield batch


def _namespace(number: int) -> str:
    return f"namespace-{number % NAMESPACES}"


def _pod(number: int, nodes: int, start: int, *, end: int | None = None) -> PodRow:
    return PodRow(
        pod_id=number,
        uid=f"{number:032x}",
        usage_uid=f"{number:032x}",
        namespace=_namespace(number),
        name=f"api-server-7d9c5b6f48-{number:05d}",
        node_id=number % nodes + 1,
        workload_kind="Deployment",
        workload=f"api-server-{number % 700}",
        start_ns=start * NS_PER_SECOND,
        end_ns=None if end is None else end * NS_PER_SECOND,
        vcpu_request=0.5,
        memory_gib_request=1.0,
        gpus=0.0,
        labels=f"team=team-{number % TEAMS}",
    )
