"""A history made up from a seed, and what windows of it cost, by the plainest way there is."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from msgspec import structs

from harness.two_hours import NS_PER_SECOND, pod
from kube_cost_aggregator.history.store import NO_MONEY, Batch, Money, NodeHour, NodeState, PodHour, PodRow

FIRST_DAY = 1_800_057_600  # 2027-01-16T00:00:00Z
DAYS = 4
HOURS = range(FIRST_DAY, FIRST_DAY + DAYS * 86_400, 3600)
NAMESPACES = ("shop", "data", "ops_1")
NAMESPACE_LABELS = {"shop": {"team": "web"}, "data": {"team": "da_ta"}}
TEAMS = ("web", "da_ta", "daXta", "")


@dataclass
class History:
    """Batches as they would be committed, and the same as plain rows."""

    batches: list[Batch] = field(default_factory=list)
    pods: dict[int, PodRow] = field(default_factory=dict)
    nodes: dict[int, NodeState] = field(default_factory=dict)
    of_pods: dict[tuple[int, int], Money] = field(default_factory=dict)
    of_nodes: dict[tuple[int, int], int] = field(default_factory=dict)
    of_namespaces: dict[tuple[int, str], Money] = field(default_factory=dict)

    def pods_cost(self, start: int, end: int, key: Callable[[PodRow, NodeState], object]) -> dict[object, Money]:
        """What pods cost in a window by any key of them; those of which it is None are left out."""
        found: dict[object, Money] = defaultdict(lambda: NO_MONEY)
        for (hour, pod_id), money in self.of_pods.items():
            row = self.pods[pod_id]
            of = key(row, self.nodes[row.node_id])
            if start <= hour < end and of is not None:
                found[of] = found[of].plus(money)
        return dict(found)

    def namespaces_cost(self, start: int, end: int) -> dict[str, Money]:
        """What namespaces cost in a window."""
        found: dict[str, Money] = defaultdict(lambda: NO_MONEY)
        for (hour, namespace), money in self.of_namespaces.items():
            if start <= hour < end:
                found[namespace] = found[namespace].plus(money)
        return dict(found)


def team(row: PodRow, namespace_labels: Mapping[str, Mapping[str, str]] = NAMESPACE_LABELS) -> str:
    """A pod's own label, else its namespace's."""
    own = dict(line.split("=") for line in row.labels.split("\n") if line)
    return own.get("team") or namespace_labels.get(row.namespace, {}).get("team", "")


def history(seed: int) -> History:
    """Three namespaces, three nodes, a dozen pods over four days with gaps, volumes, and what is nobody's."""
    dice = Random(seed)
    made = History()
    for number in (1, 2, 3):
        made.nodes[number] = NodeState(
            node_id=number,
            uid=f"n{number}",
            name=f"node-{number % 2}",
            settled_through_ns=0,
            instance_type="m5.large",
            node_pool=("a", "b_1")[number % 2],
        )
    for number in range(1, 13):
        value = dice.choice(TEAMS)
        made.pods[number] = structs.replace(
            pod(number, f"pod-{dice.randrange(8)}", node_id=dice.randrange(1, 4)),
            namespace=dice.choice(NAMESPACES),
            workload=f"w{dice.randrange(4)}",
            labels=f"team={value}\ntier=x" if value else "",
            start_ns=FIRST_DAY * NS_PER_SECOND,
            end_ns=None,
        )
    batch = Batch(nodes={node.uid: node for node in made.nodes.values()}, pods=made.pods)
    for hour in HOURS:
        for number, row in made.pods.items():
            if dice.random() < 0.6:
                cpu, memory, gpu, savings, network, storage = (dice.randrange(10**9) for _ in range(6))
                batch.pod_hours[hour, number] = PodHour(Money(cpu, memory, gpu, savings, 0, network), 60.0, 6.0)
                batch.pod_volume_hours[hour, number, 1] = storage
                money = Money(cpu, memory, gpu, savings, storage, network)
                made.of_pods[hour, number] = money
                _add(made, hour, row.namespace, money)
        for node in made.nodes:
            paid = dice.randrange(10**10)
            made.of_nodes[hour, node] = paid
            batch.node_hours[hour, node] = NodeHour(paid, 5, Money(3), Money(7), 3600.0, 0.0)
            _add(made, hour, "__idle__", Money(dice.randrange(10**9)))
        moved = dice.randrange(1000)
        _add(made, hour, "shop", Money(storage=dice.randrange(100), load_balancer=dice.randrange(100), shared=moved))
        _add(made, hour, "__cluster__", Money(control_plane=100, shared=-moved))
    batch.namespace_hours = dict(made.of_namespaces)
    made.batches.append(batch)
    return made


def _add(made: History, hour: int, namespace: str, money: Money) -> None:
    made.of_namespaces[hour, namespace] = made.of_namespaces.get((hour, namespace), NO_MONEY).plus(money)
