"""A twin whose aggregator is away for a while, and nodes and pods for it."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

from harness.twin import Twin
from kube_cost_common.messages.usage import UsageSample
from kube_cost_simulator.scenario import (
    GIB,
    MIB,
    ContainerFact,
    NodeFact,
    Resources,
    Shape,
    TemplateFact,
    WorkloadFact,
)
from kube_cost_simulator.usage import Rates, steady


class AwayTwin(Twin):
    """Is away between two moments: samples wait, and events are missed."""

    waiting: list[UsageSample] | None = None

    async def take(self, sample: UsageSample, *, stored_at_ns: int, unwatched: bool = False) -> None:
        if self.waiting is not None:
            self.waiting.append(sample)
        else:
            await super().take(sample, stored_at_ns=stored_at_ns, unwatched=unwatched)

    async def leave(self) -> None:
        self.store.close()
        self.waiting = []

    async def come_back(self) -> None:
        waiting, self.waiting = self.waiting or [], None
        await self.start_aggregator()
        self.relist()
        for sample in waiting:
            await self.take(sample, stored_at_ns=sample.sent_at_ns, unwatched=True)


def node(name: str, **changes: Any) -> NodeFact:
    fact = NodeFact(
        name=name,
        provider_id=f"aws:///us-east-1a/i-{name}",
        labels={
            "pool": name,
            "node.kubernetes.io/instance-type": "m5.xlarge",
            "topology.kubernetes.io/region": "us-east-1",
        },
        capacity_type="on_demand",
        shape=Shape(Fraction(4), Fraction(16)),
        capacity=Resources(4000, 15 * GIB),
        allocatable=Resources(3900, 14 * GIB),
        on_demand_usd_per_hour=Fraction("0.192"),
    )
    return replace(fact, **changes)


def pod(name: str, on_node: str, starts: int, runs: int) -> WorkloadFact:
    """A pod that requests half a vCPU and uses 0.7."""
    main = ContainerFact("main", "image", Resources(500, 256 * MIB))
    template = TemplateFact(containers=(main,), usage=steady(Rates(700, 300 * MIB)), node_selector={"pool": on_node})
    return WorkloadFact(
        "Job",
        "shop",
        name,
        template,
        starts_after_seconds=starts,
        run_seconds=(runs, runs),
        keep_seconds=1,
    )
