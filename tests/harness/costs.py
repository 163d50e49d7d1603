"""Rates, totals and sources by hand, for tests of what the aggregator shows."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from harness.clock import TurnedClock
from kube_cost_aggregator.history.store import Money, NamespaceTotal
from kube_cost_aggregator.outputs.exposition import Metrics
from kube_cost_aggregator.outputs.rendering import Rendering
from kube_cost_aggregator.outputs.sources import Sources
from kube_cost_aggregator.state.components import Components
from kube_cost_aggregator.state.facts import NodeFacts, VolumeFacts
from kube_cost_aggregator.state.rates import WAITING, NodeRate, PodRate, Rates, VolumeRate
from kube_cost_aggregator.state.timings import Timings
from kube_cost_aggregator.state.totals import Totals
from kube_cost_common.domain.money import NS_PER_DAY, NS_PER_SECOND
from kube_cost_common.domain.nodes import identify
from kube_cost_common.domain.resources import Resources
from kube_cost_common.domain.settlement import NO_USD, Usd
from kube_cost_common.domain.unit_prices import NodePrice, split
from kube_cost_common.runtime.health import Counters, Problems, Readiness

STARTED_NS = 1_799_000_000 * NS_PER_SECOND
SHAPE = Resources(2.0, 8.0, 0.0)


def pod_rate(
    name: str,
    cpu: float = 0.01,
    *,
    namespace: str = "shop",
    uid: str = "",
    workload: tuple[str, str] = ("Deployment", "web"),
    savings: float = 0.0,
) -> PodRate:
    return PodRate(uid or f"uid-{namespace}-{name}", namespace, name, *workload, Usd(cpu, 0.0, 0.0), savings)


def node_rate(
    name: str = "node-1",
    *pods: PodRate,
    usd_per_hour: float | None = 0.096,
    on_demand: float | None = 0.096,
    spot: float | None = None,
    system: float = 0.006,
    labels: Mapping[str, str] | None = None,
    uid: str = "",
    created_ns: int = STARTED_NS,
) -> NodeRate:
    """A node of 2 vCPU and 8 GiB; it is idle where its pods and its system aren't."""
    facts = NodeFacts(
        uid=uid or f"uid-{name}",
        name=name,
        created_ns=created_ns,
        provider_id="aws:///us-east-1a/i-0",
        labels={
            "node.kubernetes.io/instance-type": "m5.large",
            "topology.kubernetes.io/region": "us-east-1",
            "topology.kubernetes.io/zone": "us-east-1a",
            **(labels or {}),
        },
        capacity=SHAPE,
        allocatable=Resources(1.9, 7.0, 0.0),
    )
    identity = identify(provider_id=facts.provider_id, labels=facts.labels)
    if usd_per_hour is None:
        return NodeRate(facts, identity, None, WAITING, on_demand, spot, (), NO_USD, NO_USD, 0.0)
    price = NodePrice(usd_per_hour, on_demand, SHAPE, split(usd_per_hour, SHAPE), "api")
    idle = usd_per_hour - system - sum(pod.usd.total for pod in pods)
    saved = 0.0 if on_demand is None else on_demand - usd_per_hour
    return NodeRate(
        facts,
        identity,
        price,
        "",
        on_demand,
        spot,
        pods,
        Usd(system, 0.0, 0.0),
        Usd(idle, 0.0, 0.0),
        saved - sum(pod.savings for pod in pods),
    )


def rates_of(*nodes: NodeRate, namespaces: Iterable[str] = ("shop",), volumes: Iterable[VolumeRate] = ()) -> Rates:
    return Rates(
        {node.facts.uid: node for node in nodes},
        {volume.facts.uid: volume for volume in volumes},
        frozenset(namespaces),
    )


def volume_rate(
    name: str, usd_per_hour: float | None, storage_class: str = "gp3", claim: tuple[str, str] | None = None
) -> VolumeRate:
    facts = VolumeFacts(
        uid=f"uid-{name}",
        name=name,
        created_ns=STARTED_NS,
        capacity_bytes=2**30,
        storage_class=storage_class,
        claim=claim,
        driver="ebs.csi.aws.com",
        attributes={},
        labels={},
    )
    return VolumeRate(facts, usd_per_hour, "api")


def total_of(nano: int, savings: int = 0) -> NamespaceTotal:
    return NamespaceTotal(Money(nano, 0, 0, savings), nano, savings)


def day_of(clock: TurnedClock) -> int:
    """The Unix day that it is."""
    return clock.now_ns() // NS_PER_DAY


@dataclass
class WatchedKind:
    kind: str
    synced: bool = True
    last_event_ns: int | None = None
    problem: str = ""


@dataclass
class Shown:
    """Everything that is shown, each part of it there to be changed."""

    cluster: str = ""
    label_names: tuple[str, ...] = ()
    info_max_pods: int = 100
    opencost_names: bool = False
    rates: Rates = field(default_factory=rates_of)
    totals: Totals = field(default_factory=Totals)
    last_samples: dict[str, int] = field(default_factory=dict)
    watches: list[WatchedKind] = field(default_factory=list)
    connected: bool = True
    pending: int | None = 0
    clock: TurnedClock = field(default_factory=TurnedClock)
    counters: Counters = field(default_factory=Counters)
    problems: Problems = field(default_factory=Problems)
    readiness: Readiness = field(default_factory=lambda: Readiness({}))
    timings: Timings = field(default_factory=Timings)
    folded: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.components = Components(fold=self.folded.update, clock=self.clock)
        self.sources = Sources(
            cluster=self.cluster,
            label_names=self.label_names,
            info_max_pods=self.info_max_pods,
            opencost_names=self.opencost_names,
            version="1.2.3",
            revision="abc",
            rates=lambda: self.rates,
            totals=lambda: self.totals,
            last_samples=lambda: self.last_samples,
            watches=lambda: self.watches,
            bus_connected=lambda: self.connected,
            pending_messages=lambda: self.pending,
            components=self.components,
            timings=self.timings,
            counters=self.counters,
            problems=self.problems,
            readiness=self.readiness,
            clock=self.clock,
        )
        self.rendering = Rendering(sources=self.sources)
        self.metrics = Metrics(
            rendering=self.rendering, clock=self.clock, log=structlog.get_logger(), counters=self.counters
        )

    def text(self) -> str:
        """Render, and return the identity body."""
        asyncio.run(self.metrics.tick())
        return self.metrics.current.identity().decode()
