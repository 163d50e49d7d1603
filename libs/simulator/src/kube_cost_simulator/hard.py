"""A cluster that is hard to account for: every kind of churn that there is, in every hour, for ever."""

from collections.abc import Mapping
from dataclasses import replace

from kube_cost_simulator.building import asked, aws_node, container, gp3_volume, on_host, swinging, template, using
from kube_cost_simulator.scenario import (
    CapacityType,
    ClaimMount,
    NamespaceFact,
    NodeFact,
    PriceWalk,
    ReplicaStep,
    Resize,
    Resources,
    Scenario,
    ServiceFact,
    StorageClassFact,
    TemplateFact,
    WorkloadFact,
)
from kube_cost_simulator.usage import UsagePhase, UsageProfile

STEADY = "ip-10-1-1-1.ec2.internal"
SMALL = "ip-10-1-2-1.ec2.internal"
SPOT = "ip-10-1-2-2.ec2.internal"
AUTOSCALED = "ip-10-1-3-1.ec2.internal"
INTERRUPTED = "ip-10-1-3-2.ec2.internal"

WRONG_CLOCKS = {SPOT: 90, SMALL: -660}
"""A node whose clock is 90 s ahead, and one 11 min behind."""


def m5_xlarge(name: str, zone: str, capacity_type: CapacityType) -> NodeFact:
    """4 vCPU and 16 GiB."""
    return aws_node(
        name,
        instance_type="m5.xlarge",
        zone=zone,
        shape=(4, 16),
        memory=(16098104, 15081272),
        on_demand="0.192",
        spot="0.0768",
        capacity_type=capacity_type,
    )


def nodes() -> tuple[NodeFact, ...]:
    """Five nodes. One comes and goes twice an hour, one is interrupted and back within half a minute."""
    autoscaled = aws_node(
        AUTOSCALED,
        instance_type="c5.xlarge",
        zone="us-east-1c",
        shape=(4, 8),
        memory=(7851000, 7134968),
        on_demand="0.17",
        spot="0.0697",
        capacity_type="on_demand",
    )
    interrupted = m5_xlarge(INTERRUPTED, "us-east-1c", "spot")
    return (
        m5_xlarge(STEADY, "us-east-1a", "on_demand"),
        aws_node(
            SMALL,
            instance_type="r5.large",
            zone="us-east-1b",
            shape=(2, 16),
            memory=(15896616, 15206440),
            on_demand="0.126",
            spot="0.0441",
            capacity_type="on_demand",
        ),
        aws_node(
            SPOT,
            instance_type="c5.2xlarge",
            zone="us-east-1b",
            shape=(8, 16),
            memory=(15896988, 14880156),
            on_demand="0.34",
            spot="0.1387",
            capacity_type="spot",
        ),
        replace(autoscaled, joins_after_seconds=310, leaves_after_seconds=1420, cycle_seconds=1800, jitter_seconds=120),
        replace(interrupted, leaves_after_seconds=2190, cycle_seconds=2220, jitter_seconds=20),
    )


def replicated() -> list[WorkloadFact]:
    """Deployments that scale, are replaced, resized, crash, burst, and ask for too little or nothing."""
    image = "registry.example.com/shop"
    web = container("nginx", "nginx:1.29.3", asked(50, 64), limits=asked(200, 128))
    server = container("server", f"{image}/api:2.14.3", asked(250, 384), usage_share=5)
    proxy = container("proxy", "envoyproxy/envoy:v1.36.2", asked(50, 64), sidecar=True)
    migrate = container("migrate", f"{image}/api:2.14.3", asked(400, 128), init=True)
    checkout = container("checkout", f"{image}/checkout:1.9.0", asked(100, 128))
    shell = container("shell", "debian:12", Resources(), command=("sleep", "infinity"))
    bursts = UsageProfile((UsagePhase(7, using(2500, 300)), UsagePhase(83, using(20, 120))))
    crashing = replace(
        template("crashing", swinging(using(60, 90), using(90, 110)), checkout), mean_restart_seconds=240
    )
    return [
        WorkloadFact(
            "Deployment",
            "shop",
            "web",
            template("web", swinging(using(20, 40), using(45, 55)), web),
            replicas=3,
            replica_steps=(ReplicaStep(290, 7), ReplicaStep(710, 2), ReplicaStep(950, 3)),
            cycle_seconds=1190,
        ),
        WorkloadFact(
            "Deployment",
            "shop",
            "api",
            template("api", swinging(using(180, 300), using(280, 400)), migrate, proxy, server),
            replicas=4,
            mean_lifetime_seconds=600,
        ),
        WorkloadFact(
            "Deployment",
            "shop",
            "checkout",
            template("checkout", swinging(using(190, 200), using(330, 260)), checkout, team="payments"),
            replicas=6,
            mean_lifetime_seconds=500,
        ),
        WorkloadFact("Deployment", "shop", "bursty", template("bursty", bursts, checkout)),
        WorkloadFact("Deployment", "play", "crashing", crashing, replicas=2),
        WorkloadFact(
            "Deployment",
            "play",
            "sandbox",
            template("sandbox", swinging(using(5, 60), using(120, 90)), shell),
            replicas=3,
            mean_lifetime_seconds=500,
        ),
        WorkloadFact(
            "Pod", "play", "debug-shell", template("debug-shell", swinging(using(1, 12), using(2, 14)), shell)
        ),
    ]


def stateful() -> list[WorkloadFact]:
    """StatefulSets: one whose pods are replaced under their names, one that is deleted and made again."""
    database = container("postgres", "postgres:17.6", asked(300, 768), limits=asked(300, 768))
    queue = container("nats", "nats:2.12", asked(100, 128))
    usage = swinging(using(120, 600, 30, 200), using(210, 700, 60, 600))
    return [
        WorkloadFact(
            "StatefulSet",
            "data",
            "queue",
            template("queue", swinging(using(40, 90), using(95, 120)), queue),
            replicas=3,
            mean_lifetime_seconds=700,
        ),
        WorkloadFact(
            "StatefulSet",
            "data",
            "ledger",
            TemplateFact((database,), usage, {"app": "ledger", "team": "data"}, mounts=(ClaimMount("data", "/data"),)),
            replicas=2,
            remade_after_seconds=1010,
        ),
    ]


def brief() -> list[WorkloadFact]:
    """Jobs of 5 to 90 s, some of which fail."""
    job = container("job", "registry.example.com/batch/job:2.1", asked(100, 64))
    heavy = container("train", "registry.example.com/batch/train:0.8.1", asked(400, 256))
    return [
        WorkloadFact(
            "CronJob",
            "batch",
            "report",
            template("report", swinging(using(50, 40), using(80, 50), 10), job),
            every_seconds=60,
            run_seconds=(5, 90),
            failure_percent=15,
            keep_seconds=30,
        ),
        WorkloadFact(
            "CronJob",
            "batch",
            "blink",
            template("blink", swinging(using(40, 40), using(80, 50), 2), job),
            every_seconds=47,
            run_seconds=(5, 9),
            keep_seconds=5,
        ),
        WorkloadFact(
            "CronJob",
            "batch",
            "train",
            template("train", swinging(using(600, 280), using(900, 400), 20), heavy, team="ml"),
            every_seconds=80,
            run_seconds=(20, 90),
            keep_seconds=20,
        ),
    ]


def on_every_node() -> list[WorkloadFact]:
    """DaemonSets, and static pods on a node that stays and one that comes back."""
    exporter = container("node-exporter", "quay.io/prometheus/node-exporter:v1.10.2", asked(20, 32))
    proxy = container("kube-proxy", "registry.k8s.io/kube-proxy:v1.35.0", Resources(100))
    mirror = container("mirror", "registry.example.com/infra/mirror:3.1.0", asked(10, 32))
    static = replace(on_host("mirror", using(3, 20), mirror), static=True)
    return [
        WorkloadFact("DaemonSet", "kube-system", "node-exporter", on_host("node-exporter", using(4, 22), exporter)),
        WorkloadFact("DaemonSet", "kube-system", "kube-proxy", on_host("kube-proxy", using(3, 30), proxy)),
        WorkloadFact("Pod", "kube-system", "mirror-a", static, on_node=STEADY),
        WorkloadFact("Pod", "kube-system", "mirror-b", static, on_node=INTERRUPTED),
    ]


def hard_scenario() -> Scenario:
    """The cluster. What it consists of is the same for every seed; when what happens to whom is the seed's."""
    grown, shrunk = asked(350, 448), asked(250, 384)
    return Scenario(
        name="hard",
        nodes=nodes(),
        namespaces=tuple(NamespaceFact(name) for name in ("default", "shop", "play", "data", "batch", "kube-system")),
        workloads=(*on_every_node(), *replicated(), *stateful(), *brief()),
        storage_classes=(StorageClassFact("gp3", "ebs.csi.aws.com", {"type": "gp3"}, default=True),),
        volumes=(
            gp3_volume("4a1c20d2-90f3-4c57-b0a5-7d0c5c2f5a10", 100, "us-east-1a", ("data", "data-ledger-0")),
            gp3_volume("8b7e9f63-2f41-4be1-9d0e-31f7a2c44b21", 100, "us-east-1a", ("data", "data-ledger-1")),
        ),
        services=(ServiceFact("shop", "web", {"app": "web"}, type="LoadBalancer", hostname="web.example.com"),),
        price_walks=(PriceWalk(SPOT, 437, 30), PriceWalk(INTERRUPTED, 613, 40), PriceWalk(SMALL, 1517, 10)),
        resizes=(
            Resize(620, "shop", "api", "server", grown, cycle_seconds=2400),
            Resize(1730, "shop", "api", "server", shrunk, cycle_seconds=2400),
        ),
    )


def with_wrong_clocks(scenario: Scenario, offsets_seconds: Mapping[str, int] | None = None) -> Scenario:
    """The same scenario with nodes, by name, whose clocks are ahead by so many seconds."""
    offsets = WRONG_CLOCKS if offsets_seconds is None else offsets_seconds
    return replace(
        scenario,
        nodes=tuple(replace(node, clock_offset_seconds=offsets.get(node.name, 0)) for node in scenario.nodes),
    )
