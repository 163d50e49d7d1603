"""Hours that are charged to a ledger, always the same ones; some of them for thousands of pods."""

import random

from harness.records import HOUR, MINUTE, START
from kube_cost_aggregator.history.store import StreamCursor
from kube_cost_aggregator.state.ledger import Ledger
from kube_cost_aggregator.state.pods import Pod
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import Change, HourCharges, PodCharge, Usd

NODES = 4
NAMESPACES = 6
HOURS = 3


class Charges:
    """Books minute after minute of four nodes with as many pods as asked for. The same seed makes the same."""

    def __init__(self, ledger: Ledger, *, pods: int, seed: int = 1) -> None:
        self._ledger = ledger
        self._chance = random.Random(seed)
        self._pods = [
            {name: _pod(name, node) for number in range(pods // NODES) if (name := f"pod-{node}-{number}")}
            for node in range(NODES)
        ]
        self._minute = 0

    def book(self) -> None:
        """Book a minute of every node, each in an hour of its own in turn, so that rows are new and old ones grow."""
        self._minute += 1
        hour_ns = START + self._minute % HOURS * HOUR
        for number, pods in enumerate(self._pods):
            node = self._ledger.node(f"node-{number}", f"n{number}", START)
            node.capacity_type = "on_demand"
            charges = {name: self._charge() for name in pods}
            idle = self._chance.random()
            paid = idle + sum(charge.cpu + charge.memory for charge in charges.values())
            self._ledger.book(
                node,
                [HourCharges(hour_start_ns=hour_ns, paid=paid, idle=Usd(idle, 0.0, 0.0), pods=charges, seconds=60.0)],
                pods,
            )
            self._ledger.settled(node, START + (HOURS - 1) * HOUR + self._minute * MINUTE % HOUR)
        self._ledger.follow(StreamCursor(1, self._minute, self._minute))

    def _charge(self) -> PodCharge:
        return PodCharge(cpu=self._chance.random() / 1000, memory=self._chance.random() / 1000, seconds=60.0)


def _pod(name: str, node: int) -> Pod:
    return Pod(
        uid=f"uid-of-{name}",
        usage_uid=f"uid-of-{name}",
        namespace=f"team-{len(name) % NAMESPACES}",
        name=name,
        node_name=f"n{node}",
        node_uid=f"node-{node}",
        workload_kind="Pod",
        workload=name,
        start_ns=START,
        requests=[Change(START, Resources(1.0, 1.0))],
    )
